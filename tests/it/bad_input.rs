//! Bad input: what is wrong is said, all of it at once, and nothing is lost or contacted.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::support::graph::{Answer, Scripted};
use crate::support::rows::{csv, lead, leads, ndjson, write_parquet};
use crate::support::run::Stage;

/// Runs a sync that must end with this exit code, say all of this, and contact nobody.
#[track_caller]
fn check(it: &Scripted, exit: i32, said: &[&str]) {
    let ran = it.stage.run(&["sync"]);
    assert_eq!(ran.exit, Some(exit), "{}", ran.stderr);
    for part in said {
        assert!(ran.stderr.contains(part), "{part:?} is not said:\n{}", ran.stderr);
    }
    assert_eq!(ran.stdout, "");
    assert_eq!(it.graph.connections(), 0, "somebody was contacted: {}", ran.stderr);
}

/// A stage with a good row and a changed configuration.
fn with(change: impl FnOnce(Stage) -> Stage) -> Scripted {
    let it = Scripted::new(&[], Answer::Accept).on(change);
    it.stage.rows(&leads(1));
    it
}

#[test]
fn fm_01_every_mistake_of_a_configuration_is_told_at_once_with_its_line() {
    let it = with(|stage| {
        stage
            .section(
                "meta",
                "dataset_id = \"abc\"\naccess_tokn = \"x\"\napi_base = \"http://example.com\"\nbatch_size = 5000",
            )
            .section("phone", "default_country = \"Atlantis\"")
            .section("source", "kind = \"file\"\ntimezone = \"Mars/Olympus\"")
            .section("state", "path = 7")
            .section("privcy", "consent = \"not-needed\"")
            .section("privacy", "")
    });
    let said = [
        "config.toml:2: [meta] dataset_id must be the digits",
        "config.toml:3: [meta] access_tokn is not a key of this section, did you mean access_token?",
        "config.toml:4: [meta] api_base must begin with https://",
        "config.toml:5: [meta] batch_size must be a number from 1 to 1000",
        "config.toml:7: [phone] default_country must be a country",
        "[privacy] consent is missing",
        "[privcy] is not a section, did you mean [privacy]?",
        "[source] timezone must be a zone",
        "[source] path is missing",
        "[state] path must be a text in quotes",
        "nothing was contacted",
    ];
    check(&it, 2, &said);
    assert!(!it.stage.path("state").exists());
}

#[test]
fn wrong_columns_and_events_are_told() {
    let it = with(|stage| {
        stage
            .section("columns", "emial = \"email\"\nevent_id = { value = \"x\" }\nvalue = { vlue = 1 }")
            .section("events.Lead", "renam = \"x\"\naction_source = \"shop\"")
            .configure("meta", "action_source = \"shop\"\non_unknown = \"panic\"")
    });
    let said = [
        "[columns] emial is not a key of this section, did you mean email?",
        "[columns] event_id must be a column",
        "[columns] value must be a column's name",
        "[events.Lead] renam is not a key of this section, did you mean rename?",
        "[events.Lead] action_source must be",
        "[meta] action_source must be",
        "[meta] on_unknown must be \"resend\" or \"hold\"",
    ];
    check(&it, 2, &said);
}

#[test]
fn wrong_keys_of_custom_data_and_objects_are_told() {
    let it = with(|stage| {
        stage
            .section("columns", "email = { column = \"email\", as = \"text\" }\ndata_processing_options_state = \"s\"")
            .section("columns.app_data", "extifno = \"x\"")
            .section(
                "columns.custom_data",
                "customer_email = \"e\"\nseats = { column = \"s\", as = \"float\" }\nvalue = { column = \"v\", as = \"text\" }",
            )
            .section("privacy", "consent = \"not-needed\"\nexclude_fields = [\"birthday\", \"event_id\", \"gendre\"]")
            .section("events", "\"sign up\" = \" \"")
    });
    let said = [
        "[columns] email takes no `as`",
        "[columns] data_processing_options is missing: data_processing_options_state says nothing without it",
        "[columns.app_data] extifno is not a key of this section, did you mean extinfo?",
        "[columns.custom_data] customer_email looks like personal data",
        "personal = false",
        "[columns.custom_data] seats `as` must be \"text\" or \"number\"",
        "[columns.custom_data] value takes no `as`",
        "[privacy] exclude_fields names no field: birthday",
        "[privacy] exclude_fields cannot hold event_id",
        "[privacy] exclude_fields names no field: gendre, did you mean gender?",
        "[events] sign up must be the name of an event",
    ];
    check(&it, 2, &said);
}

#[test]
fn what_would_leave_the_warehouse_in_the_clear_is_told() {
    let it = with(|stage| stage.configure("privacy", "hash_in = \"warehouse\""));
    let said =
        "[privacy] hash_in cannot be \"warehouse\" where [source] kind is \"file\": files are hashed on this machine";
    check(&it, 2, &[said]);
    let it = with(|stage| stage.configure("privacy", "hash_in = \"here\""));
    check(&it, 2, &["[privacy] hash_in must be \"client\" or \"warehouse\""]);
    let columns =
        "order_id = \"EMAIL\"\nphone = { value = \"650 555 1212\" }\ncountry = \"land\"\nclient_user_agent = \"land\"";
    let it = with(|stage| {
        stage
            .section("source", "kind = \"snowflake\"\ntable = \"EVENTS\"")
            .section("columns", columns)
            .section("external_id", "form = \"raw\"")
            .configure("privacy", "hash_in = \"warehouse\"")
    });
    let said = [
        "hash_in \"warehouse\" keeps clear values in Snowflake, but [external_id] form = \"raw\" sends ids in the clear",
        "keeps email in Snowflake, but its column EMAIL feeds order_id too, which leaves in the clear",
        "keeps country in Snowflake, but its column land feeds client_user_agent too",
        "where the one phone for all is not known: make it a column too",
    ];
    check(&it, 2, &said);
}

#[test]
fn a_file_that_is_no_toml_is_told_by_line_and_not_quoted() {
    let it = with(|stage| stage.section("meta", "dataset_id = \"1\"\naccess_token = \"s3cret"));
    let ran = it.stage.run(&["sync"]);
    assert_eq!(ran.exit, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("config.toml:3: "), "{}", ran.stderr);
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
}

#[test]
fn usage_that_is_wrong_is_told() {
    let it = with(|stage| stage);
    let check = |arguments: &[&str], said: &str| {
        let ran = it.stage.run(&[&["sync"], arguments].concat());
        assert_eq!(ran.exit, Some(2), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
    };
    check(&["--since", "yesterday"], "expected a time like");
    check(&["--sinec", "7d"], "--since");
    check(&["--limit", "0"], "--limit");
    check(&["--batch-size", "0"], "--batch-size: [meta] batch_size must be a number from 1 to 1000");
    check(&["--concurrency", "many"], "--concurrency: [meta] concurrency must be a number");
    check(&["--config", "nowhere.toml"], "nowhere.toml: cannot be read");
    assert_eq!(it.graph.connections(), 0);
}

#[test]
fn without_a_configuration_it_is_said_where_one_is_looked_for() {
    let it = with(|stage| stage);
    let mut command = it.stage.command(&["sync"]);
    fs::remove_file(it.stage.path("config.toml")).unwrap();
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("there is no config.toml here") && said.contains("--config"), "{said}");
}

#[test]
fn a_secret_that_is_not_there_is_named_and_never_shown() {
    check(&with(Stage::bare), 2, &["[meta] access_token is to come from $FBCAPI_ACCESS_TOKEN, which is not set"]);
    let secret = |line: &'static str| with(move |stage| stage.configure("meta", line));
    check(&secret("access_token = { env = \"NOT_SET\" }"), 2, &["is to come from $NOT_SET, which is not set"]);
    check(&secret("access_token = { file = \"nowhere\" }"), 2, &["is to come from nowhere, which cannot be read"]);
    check(&secret("access_token = { command = [\"false\"] }"), 2, &["the command false, which failed"]);
    check(&secret("access_token = { command = [\"true\"] }"), 2, &["[meta] access_token is empty"]);
    check(&secret("access_token = { environment = \"X\" }"), 2, &["must be { env = "]);
}

#[test]
fn a_mistake_in_the_way_to_snowflake_is_placed_and_told_once() {
    let it = with(|stage| {
        stage
            .section("source", "table = \"A.B.C\"")
            .section("snowflake", "account = \"o-a\"\nuser = \"U\"\nrole = \"a b\"\npassword = { env = \"NOT_SET\" }")
            .variable("FBCAPI_SNOWFLAKE_PORT", "x")
    });
    let line = 1 + it.stage.config_text().lines().position(|line| line.starts_with("role")).unwrap();
    let said = [
        "[snowflake] password is to come from $NOT_SET, which is not set",
        "$FBCAPI_SNOWFLAKE_PORT: `port` is not a number from 1 to 65535",
        &format!("config.toml:{line}: `role` holds a character"),
    ];
    check(&it, 2, &said);
    let told = it.stage.run(&["sync"]).stderr;
    assert!(!told.contains("nothing is given to log in with") && !told.contains("is missing"), "{told}");
}

#[test]
fn a_table_that_cannot_be_one_is_a_mistake_of_its_line() {
    let it = with(|stage| stage.section("source", "table = \"a..b\"").section("snowflake", "account = \"o-a\""));
    let line = 1 + it.stage.config_text().lines().position(|line| line.starts_with("table")).unwrap();
    let said = format!("config.toml:{line}: [source] table has an empty part: write it as DATABASE.SCHEMA.TABLE");
    check(&it, 2, &[&said]);
    let shown = it.stage.run(&["config", "show"]);
    assert_eq!(shown.exit, Some(2));
    assert!(shown.stderr.contains(&said), "{}", shown.stderr);
}

#[test]
fn a_mistyped_variable_is_told_beside_a_connection_that_lacks_it() {
    let it = with(|stage| {
        stage.section("source", "table = \"A.B.C\"").section("snowflake", "").variable("FBCAPI_SNOWFLAKE_ACCONT", "o-a")
    });
    let said = "$FBCAPI_SNOWFLAKE_ACCONT: is not a variable that fbcapi reads, did you mean $FBCAPI_SNOWFLAKE_ACCOUNT?";
    check(&it, 2, &[said]);
}

#[test]
fn showing_a_configuration_reads_no_secret_and_settles_no_connection() {
    let it = with(|stage| {
        let snowflake = "user = \"U\"\npassword = { command = [\"touch\", \"ran\"] }\ntoken = { file = \"nowhere\" }";
        stage.section("source", "table = \"A.B.C\"").section("snowflake", snowflake)
    });
    let shown = it.stage.run(&["config", "show"]);
    assert_eq!((shown.exit, shown.stderr.as_str()), (Some(0), ""));
    for line in
        ["table = \"A.B.C\"", "user = \"U\"", "password = { command = [\"touch\", …] }", "{ file = \"nowhere\" }"]
    {
        assert!(shown.stdout.contains(line), "{line} is not shown:\n{}", shown.stdout);
    }
    assert!(!it.stage.path("ran").exists(), "the command ran");
    check(&it, 2, &["[snowflake] token is to come from nowhere"]);
    assert!(it.stage.path("ran").exists(), "a run reads the secrets");
}

#[test]
fn fm_02_a_secret_in_a_file_that_others_can_read_is_refused() {
    let it = with(|stage| stage.configure("meta", "access_token = { file = \"token\" }"));
    it.stage.write("token", "s3cret\n");
    fs::set_permissions(it.stage.path("token"), Permissions::from_mode(0o644)).unwrap();
    check(&it, 2, &["is to come from token, which others can read (mode 644; chmod 600 makes it private)"]);
    fs::set_permissions(it.stage.path("token"), Permissions::from_mode(0o620)).unwrap();
    check(&it, 2, &["others can write (mode 620; chmod 600 makes it private)"]);
    fs::set_permissions(it.stage.path("token"), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 1");
    assert!(it.graph.requests()[0].head.to_ascii_lowercase().contains("authorization: bearer s3cret\r\n"));
    let written = with(|stage| stage.configure("meta", "access_token = \"s3cret\""));
    written.stage.command(&["sync"]);
    fs::set_permissions(written.stage.path("config.toml"), Permissions::from_mode(0o644)).unwrap();
    check(&written, 2, &["is written in this file, which others can read (mode 644; chmod 600 makes it private)"]);
}

#[test]
fn fm_14_missing_columns_are_all_named_with_what_is_there() {
    let header = |header: &str| {
        let it = with(|stage| stage.section("source", "kind = \"file\"\npath = \"rows.csv\""));
        it.stage.write("rows.csv", format!("{header}\n"));
        it
    };
    let it = header("evnt_id,occured_at,email");
    check(&it, 2, &["event_id (in rows.csv; there is evnt_id)", "occurred_at (in rows.csv; there is occured_at)"]);
    check(&it, 2, &["facebook_event_type (in rows.csv)", "correct the names under [columns]"]);
    let it = it.on(|stage| stage.section("columns", "phone = \"mobile\""));
    check(&it, 2, &["mobile (in rows.csv)"]);
    // What a preset names beyond the required ones may be absent.
    let it = header("event_id,occurred_at,facebook_event_type");
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: nothing");
    let it = with(|stage| stage.section("source", "kind = \"file\"\npath = \"rows.parquet\""));
    write_parquet(&it.stage.path("rows.parquet"), &[lead("a").without("occurred_at")]);
    check(&it, 2, &["occurred_at (in rows.parquet)"]);
}

#[test]
fn a_column_of_the_wrong_type_is_told() {
    let it = with(|stage| {
        stage
            .section("source", "kind = \"file\"\npath = \"rows.parquet\"")
            .section("columns", "email = \"occurred_at\"")
    });
    write_parquet(&it.stage.path("rows.parquet"), &leads(1));
    let ran = it.stage.run(&["sync"]);
    assert!(matches!(ran.exit, Some(2 | 3)), "{}", ran.stderr);
    assert_eq!(it.graph.connections(), 0);
}

#[test]
fn files_that_are_not_there_or_no_rows_are_told() {
    let source = |path: &str| {
        let source = format!("kind = \"file\"\npath = \"{path}\"");
        with(|stage| stage.section("source", &source))
    };
    check(&source("nowhere.csv"), 2, &["no file matches nowhere.csv in the folder /"]);
    check(&source("events/*.parquet"), 2, &["no file matches events/*.parquet"]);
    check(&source("rows[.csv"), 2, &["rows[.csv is no valid pattern"]);
    check(&source("config.toml"), 2, &["the format of config.toml is not known"]);
    let it = source("bad.parquet");
    it.stage.write("bad.parquet", "PAR1 this is no Parquet PAR1");
    check(&it, 1, &["the file bad.parquet cannot be read"]);
    let it = source("bad.ndjson.gz");
    it.stage.write("bad.ndjson.gz", [0x1f, 0x8b, 8, 0, 1, 2, 3]);
    check(&it, 1, &["the file bad.ndjson.gz cannot be read"]);
}

#[test]
fn fm_06_a_state_that_cannot_be_written_stops_the_run_before_anything_is_posted() {
    let it = with(|stage| stage.section("state", "path = \"rows.ndjson/ledger.db\""));
    let said = "the state file rows.ndjson/ledger.db cannot be created\n  because rows.ndjson is a file, not a folder";
    check(&it, 6, &[said, "writable folder"]);
    let it = with(|stage| stage.section("state", "path = \".\""));
    check(&it, 6, &["the state file . cannot be created\n  because . is a directory, not a file"]);
    let it = with(|stage| stage.section("state", "path = \"config.toml/\""));
    check(&it, 6, &["the state file"]);
    let it = with(|stage| stage.configure("state", "first_run = \"refuse\""));
    check(&it, 2, &["there is no state at state/ledger.db", "first_run = \"window\""]);
}

#[test]
fn fm_05_fm_57_a_state_that_is_damaged_foreign_or_newer_is_left_as_it_is() {
    let spoil = |spoil: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let it = with(|stage| stage);
        assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 1");
        let spoiled = spoil(it.stage.read("state/ledger.db"));
        it.stage.write("state/ledger.db", &spoiled);
        it.stage.rows(&leads(2));
        for arguments in [&["sync"] as &[&str], &["sync", "--dry-run"]] {
            let ran = it.stage.run(arguments);
            assert_eq!(ran.exit, Some(6), "{arguments:?}: {}", ran.stderr);
            assert!(ran.stderr.contains("state/ledger.db cannot be used: "), "{}", ran.stderr);
            assert!(ran.stderr.contains("keep the file"), "{}", ran.stderr);
        }
        assert_eq!(it.stage.read("state/ledger.db"), spoiled, "the file was changed");
        assert_eq!(it.graph.connections(), 1, "something was sent");
    };
    let put = |mut bytes: Vec<u8>, at: usize, new: &[u8]| {
        bytes[at..at + new.len()].copy_from_slice(new);
        bytes
    };
    spoil(&|_| b"this is no database at all, but a text that is longer than a header".to_vec());
    spoil(&|bytes| bytes[..bytes.len() / 2].to_vec());
    spoil(&|bytes| vec![0; bytes.len()]);
    // Where SQLite keeps the version that a program gives to its file, and who made it.
    // Source: SQLite database file format, section 1.3.
    spoil(&|bytes| put(bytes, 60, &9_999_u32.to_be_bytes()));
    spoil(&|bytes| put(bytes, 68, &7_u32.to_be_bytes()));
}

#[test]
fn rows_of_pure_garbage_are_all_counted() {
    let mut dice: u64 = 0x5eed;
    let mut roll = move || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33).to_le_bytes()[0]
    };
    let mut lines: Vec<Vec<u8>> = vec![
        b"{}".to_vec(),
        b"null".to_vec(),
        b"[1,2]".to_vec(),
        b"\"text\"".to_vec(),
        b"{\"event_id\":".to_vec(),
        b"{\"event_id\":1}{\"event_id\":2}".to_vec(),
        br#"{"event_id":"\ud800","facebook_event_type":"Lead"}"#.to_vec(),
        br#"{"event_id":{"a":[1,{"b":null}]},"facebook_event_type":[],"occurred_at":{},"email":[[["x"]]]}"#.to_vec(),
        br#"{"event_id":7,"facebook_event_type":8,"occurred_at":9,"email":10,"value":true,"phone":-1e999}"#.to_vec(),
        br#"{"event_id":"a\u0000b","facebook_event_type":"Lead\u0000","occurred_at":"\u0000","email":"\u0000@\u0000.\u0000"}"#.to_vec(),
        br#"{"event_id":"x","facebook_event_type":"Lead","occurred_at":"99999999999","email":"a@example.com"}"#.to_vec(),
        br#"{"event_id":"x","facebook_event_type":"Lead","occurred_at":"-99999999999","email":"a@example.com"}"#.to_vec(),
        br#"{"event_id":"x","facebook_event_type":"Lead","occurred_at":"9999-12-31 23:59:59.9999999999 +23:59"}"#.to_vec(),
        format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes(),
        format!("{{\"event_id\":\"{}\"}}", "x".repeat(1_000_000)).into_bytes(),
    ];
    let fields = ["email", "phone", "first_name", "full_name", "date_of_birth", "external_id", "fbclid", "currency"];
    for _ in 0..200 {
        // Random bytes, then random bytes of a string in a row that is good otherwise.
        let length = usize::from(roll());
        let noise: Vec<u8> = (0..length).map(|_| roll()).map(|byte| if byte == b'\n' { b' ' } else { byte }).collect();
        lines.push([b"!".as_slice(), &noise].concat());
        let field = fields[usize::from(roll()) % fields.len()];
        let row = lead(&format!("n-{}", lines.len())).with(field, String::from_utf8_lossy(&noise).into_owned());
        lines.push(ndjson(&[row]).trim_end().as_bytes().to_vec());
    }
    for field in fields {
        lines.push(ndjson(&[lead(field).with(field, "ü".repeat(500_000))]).trim_end().as_bytes().to_vec());
    }
    let it = with(|stage| stage);
    it.stage.write("rows.ndjson", lines.join(b"\n".as_slice()));
    let ran = it.stage.sync(&[]);
    assert_eq!(ran.exit, Some(3), "{}", ran.stderr);
    ran.told();
    assert_eq!(ran.report()["counts"]["selected"].as_u64(), u64::try_from(lines.len()).ok());
    assert!(ran.report()["counts"]["sent"].as_u64().unwrap() >= 100, "{}", ran.told());
}

#[test]
fn garbage_in_csv_is_counted_and_the_good_rows_are_sent() {
    let it = with(|stage| stage.section("source", "kind = \"file\"\npath = \"rows.csv\""));
    let mut text = csv(&leads(2)).into_bytes();
    text.extend_from_slice(b"one,two\n\xff\xfe,x,y,z\n,,,\nx,y,z,w,v,u\n");
    it.stage.write("rows.csv", text);
    let ran = it.stage.sync(&[]);
    assert_eq!(ran.told(), "exit 3: sent 2, rejected 4", "{}", ran.stderr);
}

#[test]
fn a_state_that_holds_nothing_does_not_count_as_one() {
    let it = with(|stage| stage.configure("state", "first_run = \"refuse\""));
    it.stage.write("export.ndjson", "no export\n");
    assert_ne!(it.stage.run(&["state", "import", "export.ndjson"]).exit, Some(0));
    check(&it, 2, &["there is no state at state/ledger.db"]);
}

#[test]
fn a_quote_that_nobody_closed_loses_no_row_in_silence() {
    let it = with(|stage| stage.section("source", "kind = \"file\"\npath = \"rows.csv\""));
    let now = chrono::Utc::now().to_rfc3339();
    let row = |id: &str, note: &str| format!("{id},{now},Lead,{id}@example.com,{note}\n");
    let write = |rows: &str| {
        it.stage.write("rows.csv", format!("event_id,occurred_at,facebook_event_type,email,note\n{rows}"));
    };
    write(&(row("a", "\"y\"") + &row("b", "\"open") + &row("c", "x") + &row("d", "x")));
    let ran = it.stage.run(&["sync"]);
    assert_eq!(ran.exit, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("a quote in it is not closed"), "{}", ran.stderr);
    write(&(row("b", "x") + &row("c", "5\" wide")));
    assert_eq!(it.stage.run(&["sync"]).exit, Some(0));
}
