//! Tables of connections: what is found where, and which mistakes are named.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use super::super::connections_file::FileText;
use super::*;

const PRIVATE: u32 = 0o100_600;

/// A machine with the given variables and files.
#[derive(Default)]
struct Machine {
    variables: HashMap<String, String>,
    files: HashMap<PathBuf, (String, u32)>,
    given: Layer,
    name: Option<&'static str>,
}

impl Machine {
    fn new() -> Self {
        Self::default().variable("HOME", "/home/ada")
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    fn file(self, path: &str, text: &str) -> Self {
        self.file_with_mode(path, text, PRIVATE)
    }

    fn file_with_mode(mut self, path: &str, text: &str, mode: u32) -> Self {
        self.files.insert(path.into(), (text.into(), mode));
        self
    }

    fn connections(self, text: &str) -> Self {
        self.file("/home/ada/.snowflake/connections.toml", text)
    }

    fn given(mut self, key: &'static str, value: &str) -> Self {
        let place = format!("config.toml:{}", self.given.len() + 1);
        self.given.insert(key, Given { value: Some(Secret::new(value.into())), place });
        self
    }

    /// Gives a key whose value cannot be had.
    fn withheld(mut self, key: &'static str) -> Self {
        self.given.insert(key, Given { value: None, place: "config.toml:9".into() });
        self
    }

    fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    fn settle(&self) -> Result<Connection, Vec<Mistake>> {
        let world = World {
            variable: &|name| self.variables.get(name).cloned(),
            variables: &|| self.variables.keys().cloned().collect(),
            read: &|path| match self.files.get(path) {
                Some((text, mode)) => Ok(FileText { text: text.clone(), mode: Some(*mode) }),
                None => Err(io::ErrorKind::NotFound.into()),
            },
            exists: &|path| self.files.keys().any(|file| file.starts_with(path)),
        };
        settle(self.given.clone(), self.name, &world)
    }

    /// Settles and says in one line what came of it.
    fn outcome(&self) -> String {
        match self.settle() {
            Ok(found) => {
                let login = match &found.login {
                    Login::KeyPair { key, passphrase } => {
                        format!("key {} {}", key.expose(), passphrase.as_ref().map_or("-", Secret::expose))
                    }
                    Login::Token { kind, token } => format!("{kind:?} {}", token.expose()),
                    Login::TokenFile { kind, path } => format!("{kind:?} in {}", path.display()),
                    Login::Password(password) => format!("password {}", password.expose()),
                };
                format!("{}@{}:{} {login}", found.user, found.host, found.port)
            }
            Err(mistakes) => {
                let lines = mistakes.into_iter().map(|found| format!("{}: {}", found.place, found.what));
                lines.collect::<Vec<_>>().join("\n")
            }
        }
    }
}

#[track_caller]
fn check(machine: &Machine, expected: &str) {
    assert_eq!(machine.outcome(), expected);
}

const BOTH: &str = "account='o-a'\nuser='U'\npassword='p'\n";

#[test]
fn the_files_are_found_where_every_tool_looks() {
    let config = "[connections.default]\naccount='c-c'\nuser='U'\npassword='p'\n";
    check(&Machine::new().connections(&format!("[default]\n{BOTH}")), "U@o-a.snowflakecomputing.com:443 password p");
    check(
        &Machine::new().connections(&format!("[connections.default]\n{BOTH}")),
        "U@o-a.snowflakecomputing.com:443 password p",
    );
    check(
        &Machine::new().file("/home/ada/.snowflake/config.toml", config),
        "U@c-c.snowflakecomputing.com:443 password p",
    );
    check(
        &Machine::new().file("/home/ada/.config/snowflake/config.toml", config),
        "U@c-c.snowflakecomputing.com:443 password p",
    );
    // A `connections.toml` takes the place of the connections in `config.toml`.
    check(
        &Machine::new().connections(&format!("[default]\n{BOTH}")).file("/home/ada/.snowflake/config.toml", config),
        "U@o-a.snowflakecomputing.com:443 password p",
    );
    check(
        &Machine::new()
            .variable("SNOWFLAKE_HOME", "/srv/snow")
            .file("/srv/snow/config.toml", config)
            .connections(&format!("[default]\n{BOTH}")),
        "U@c-c.snowflakecomputing.com:443 password p",
    );
}

#[test]
fn the_connection_is_the_named_one_or_the_default() {
    let two = "[prod]\naccount='o-prod'\nuser='P'\npassword='p'\n[dev]\naccount='o-dev'\nuser='D'\npassword='d'\n";
    check(&Machine::new().connections(two).named("prod"), "P@o-prod.snowflakecomputing.com:443 password p");
    check(
        &Machine::new().connections(two).variable("SNOWFLAKE_DEFAULT_CONNECTION_NAME", "dev"),
        "D@o-dev.snowflakecomputing.com:443 password d",
    );
    check(
        &Machine::new().connections(two).file("/home/ada/.snowflake/config.toml", "default_connection_name = 'dev'"),
        "D@o-dev.snowflakecomputing.com:443 password d",
    );
    let unknown = Machine::new().connections(two).named("prd").settle().unwrap_err();
    assert_eq!(unknown[0].what, "there is no connection `prd`");
    assert_eq!(unknown[0].remedy.as_deref(), Some("the connections there are: dev, prod"));
}

#[test]
fn what_counts_more_wins_key_by_key() {
    let machine = || Machine::new().connections(&format!("[default]\n{BOTH}role='R'\n"));
    check(&machine().variable("SNOWFLAKE_USER", "GENERIC"), "U@o-a.snowflakecomputing.com:443 password p");
    check(
        &machine().variable("SNOWFLAKE_CONNECTIONS_DEFAULT_USER", "SPECIFIC"),
        "SPECIFIC@o-a.snowflakecomputing.com:443 password p",
    );
    check(
        &machine().variable("SNOWFLAKE_CONNECTIONS_DEFAULT_USER", "SPECIFIC").given("user", "GIVEN"),
        "GIVEN@o-a.snowflakecomputing.com:443 password p",
    );
    // A login that counts more wins over another kind of login that counts less.
    check(&machine().variable("SNOWFLAKE_PRIVATE_KEY_RAW", "KEY"), "U@o-a.snowflakecomputing.com:443 password p");
    check(&machine().given("token", "T"), "U@o-a.snowflakecomputing.com:443 ProgrammaticAccess T");
}

#[test]
fn keys_have_many_names() {
    let machine = |lines: &str| {
        Machine::new()
            .connections(&format!("[default]\naccount='o-a'\nuser='U'\n{lines}"))
            .file("/home/ada/key.p8", "PEM")
            .file("/run/token", " tok\n")
    };
    let key = "U@o-a.snowflakecomputing.com:443 key PEM pw";
    check(&machine("private_key_file='/home/ada/key.p8'\nprivate_key_file_pwd='pw'"), key);
    check(&machine("private_key_path='~/key.p8'\nprivate_key_passphrase='pw'"), key);
    check(&machine("PrivateKeyFile='~/key.p8'\nprivateKeyPwd='pw'\nauthenticator='snowflake_jwt'"), key);
    check(&machine("private_key_raw='PEM'\nprivate_key_passphrase='pw'\nunknown=1\nsession_parameters={}"), key);
    check(
        &machine("token_file_path='/run/token'\nauthenticator='oauth'"),
        "U@o-a.snowflakecomputing.com:443 OAuth in /run/token",
    );
    check(&machine("token='t'"), "U@o-a.snowflakecomputing.com:443 ProgrammaticAccess t");
    check(
        &Machine::new()
            .variable("SNOWFLAKE_ACCOUNT", "o-a")
            .variable("SNOWFLAKE_USER", "U")
            .variable("SNOWFLAKE_PRIVATE_KEY_RAW", "one\\ntwo")
            .variable("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "pw"),
        "U@o-a.snowflakecomputing.com:443 key one\ntwo pw",
    );
}

#[test]
fn a_container_of_snowflakes_own_logs_in_by_itself() {
    let container = || {
        Machine::new()
            .variable("SNOWFLAKE_HOST", "snowflake.internal")
            .variable("SNOWFLAKE_ACCOUNT", "o-a")
            .file("/snowflake/session/token", "spcs")
    };
    check(&container(), "@snowflake.internal:443 OAuth in /snowflake/session/token");
    let named = container().variable("SNOWFLAKE_AUTHENTICATOR", "oauth");
    check(&named, "@snowflake.internal:443 OAuth in /snowflake/session/token");
    // What somebody gives counts more.
    let given = container().variable("SNOWFLAKE_USER", "U").variable("SNOWFLAKE_PASSWORD", "p");
    check(&given, "U@snowflake.internal:443 password p");

    assert_eq!(container().settle().unwrap().service_token_file, None);
    let inside = container().variable("SNOWFLAKE_RUNNING_INSIDE_SPCS", "true").settle().unwrap();
    assert_eq!(inside.service_token_file.as_deref(), Some(Path::new("/snowflake/session/spcs_token")));
}

#[test]
fn the_file_of_a_token_must_hold_one() {
    let machine = || Machine::new().given("account", "o-a").given("user", "U").given("token_file_path", "/run/token");
    let place = "config.toml:3: the file of `token_file_path`, /run/token,";
    check(&machine(), &format!("{place} does not exist"));
    check(&machine().file("/run/token", " \n"), &format!("{place} is empty"));
    check(&machine().file("/run/token", "t"), "U@o-a.snowflakecomputing.com:443 ProgrammaticAccess in /run/token");
}

#[test]
fn hosts_follow_from_accounts() {
    for (account, region, expected) in [
        ("myorg-acct", None, "myorg-acct.snowflakecomputing.com"),
        ("MyOrg-My_Acct", None, "myorg-my-acct.snowflakecomputing.com"),
        ("xy12345.eu-central-1", None, "xy12345.eu-central-1.snowflakecomputing.com"),
        ("xy12345", Some("eu-west-1"), "xy12345.eu-west-1.snowflakecomputing.com"),
        ("xy12345.cn-northwest-1.aws", None, "xy12345.cn-northwest-1.aws.snowflakecomputing.cn"),
        ("xy12345.us-east-1.privatelink", None, "xy12345.us-east-1.privatelink.snowflakecomputing.com"),
    ] {
        assert_eq!(host_of(account, region), expected);
    }
    check(
        &Machine::new().connections(&format!("[default]\n{BOTH}host='Proxy.Example.com'\nport=8443")),
        "U@proxy.example.com:8443 password p",
    );
    check(
        &Machine::new()
            .connections("[default]\nuser='U'\npassword='p'\nhost='127.0.0.1'\nprotocol='http'\nport='18092'"),
        "U@127.0.0.1:18092 password p",
    );
}

#[test]
fn login_names_leave_out_region_and_cloud() {
    for (account, expected) in [
        ("myorg-acct", "MYORG-ACCT"),
        ("myorg-my_acct", "MYORG-MY_ACCT"),
        ("xy12345.eu-central-1.aws", "XY12345"),
        ("myacct-abc123.global", "MYACCT"),
    ] {
        let machine = Machine::new().given("account", account).given("user", "U").given("password", "p");
        assert_eq!(machine.settle().unwrap().account_name(), expected);
    }
}

#[test]
fn every_mistake_is_named_at_once() {
    check(&Machine::new(), "[snowflake]: nothing is given to log in with\n[snowflake]: `account` is missing");
    check(
        &Machine::new().connections(
            "[default]\naccount='https://o-a.snowflakecomputing.com'\nport='x'\nprotocol='ftp'\n\
             authenticator='externalbrowser'\nrole='a b'",
        ),
        "/home/ada/.snowflake/connections.toml:5: `authenticator` is a login through a browser, where nobody sits\n\
         /home/ada/.snowflake/connections.toml:4: `protocol` is neither https nor http\n\
         /home/ada/.snowflake/connections.toml:2: `account` is not an account identifier\n\
         /home/ada/.snowflake/connections.toml:3: `port` is not a number from 1 to 65535\n\
         /home/ada/.snowflake/connections.toml:6: `role` holds a character that needs double quotes",
    );
    check(
        &Machine::new().given("account", "o-a").given("token", "t").given("protocol", "http"),
        "[snowflake]: `user` is missing\n\
         config.toml:3: `protocol` is http, which would send the login in the clear",
    );
    check(
        &Machine::new().given("account", "o-a").given("user", "U").given("private_key_file", "/nope"),
        "config.toml:3: the file of `private_key_file`, /nope, does not exist",
    );
    check(
        &Machine::new().given("account", "o-a").given("user", "U").given("host", "a/b").given("password", "p"),
        "config.toml:3: `host` is not the name of a host",
    );
}

#[test]
fn a_mistake_is_placed_where_that_very_value_stands() {
    let machine = Machine::new().given("account", "o-a").given("user", "U").given("password", "p");
    check(&machine.variable("SNOWFLAKE_PORT", "x"), "$SNOWFLAKE_PORT: `port` is not a number from 1 to 65535");
    let machine = Machine::new().given("account", "o-a").given("user", "U").given("password", "p");
    check(
        &machine.variable("SNOWFLAKE_CONNECTIONS_DEFAULT_ROLE", "a b").variable("SNOWFLAKE_ROLE", "c"),
        "$SNOWFLAKE_CONNECTIONS_DEFAULT_ROLE: `role` holds a character that needs double quotes",
    );
}

#[test]
fn what_was_given_and_could_not_be_had_is_not_called_missing() {
    let machine = || Machine::new().given("account", "o-a").given("user", "U");
    for key in ["password", "token", "private_key_raw", "token_file_path", "private_key_file"] {
        check(&machine().withheld(key), "");
        check(&machine().withheld(key).given("port", "x"), "config.toml:4: `port` is not a number from 1 to 65535");
    }
    check(&machine().withheld("token").given("authenticator", "OAUTH"), "");
    check(
        &machine().withheld("private_key_passphrase").given("authenticator", "SNOWFLAKE_JWT"),
        "[snowflake]: `private_key_file` is missing",
    );
    check(
        &machine().withheld("password").given("authenticator", "SNOWFLAKE_JWT"),
        "[snowflake]: `private_key_file` is missing",
    );
    check(&Machine::new().withheld("account").withheld("user").given("password", "p"), "");
}

#[test]
fn authenticators_that_need_a_person_name_the_alternatives() {
    for (name, expected) in [
        ("EXTERNALBROWSER", "`authenticator` is a login through a browser, where nobody sits"),
        ("username_password_mfa", "`authenticator` is a login that a person must confirm"),
        ("https://example.okta.com", "`authenticator` is a login through Okta, which is not supported"),
        ("WORKLOAD_IDENTITY", "`authenticator` is workload identity, which is not supported"),
        ("rubbish", "`authenticator` is unknown"),
    ] {
        let machine = Machine::new().given("account", "o-a").given("user", "U").given("authenticator", name);
        let mistakes = machine.settle().unwrap_err();
        assert_eq!(mistakes[0].what, expected);
        assert_eq!(mistakes[0].remedy.as_deref(), Some(ALTERNATIVES));
    }
}

#[test]
fn files_that_others_can_touch_are_refused() {
    let path = "/home/ada/.snowflake/connections.toml";
    let text = format!("[default]\n{BOTH}");
    let machine = |mode| Machine::new().file_with_mode(path, &text, mode);
    check(&machine(0o100_622), &format!("{path}: others can write the file"));
    check(&machine(0o100_644), &format!("{path}: others can read the file"));
    check(
        &machine(0o100_644).variable("SF_SKIP_TOKEN_FILE_PERMISSIONS_VERIFICATION", "true"),
        "U@o-a.snowflakecomputing.com:443 password p",
    );
    check(
        &machine(0o100_622).variable("SF_SKIP_TOKEN_FILE_PERMISSIONS_VERIFICATION", "true"),
        &format!("{path}: others can write the file"),
    );
}

#[test]
fn a_broken_file_is_named_by_line_and_never_quoted() {
    let machine = Machine::new().connections("[default]\naccount='o-a'\npassword='hunter2\n");
    let mistakes = machine.settle().unwrap_err();
    assert_eq!(mistakes[0].what, "the file is not TOML (line 3)");
    assert!(!format!("{mistakes:?}").contains("hunter2"));
}

#[cfg(unix)]
#[test]
fn the_mode_of_a_real_file_is_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("connections.toml");
    std::fs::write(&path, "x").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let file = super::super::connections_file::read_file(&path).unwrap();
    assert_eq!((file.text.as_str(), file.mode.map(|mode| mode & 0o777)), ("x", Some(0o640)));
}
