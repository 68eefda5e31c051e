//! Logging in: every way in, and what is said when the door stays shut.

use std::env::consts::{ARCH, OS};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use super::*;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[tokio::test]
async fn the_session_is_asked_for_what_the_run_needs() {
    let server = Server::start(rows([])).await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(0));
    let [login] = server.seen("/session/v1/login-request").try_into().unwrap();
    let data = &login.body["data"];
    assert_eq!(data["ACCOUNT_NAME"], "MY_ORG-ACCT");
    assert_eq!(data["LOGIN_NAME"], "Fbcapi_Svc");
    assert_eq!(data["PASSWORD"], "password-secret");
    // Nobody is impersonated, whatever the library underneath would say.
    assert_eq!((&data["CLIENT_APP_ID"], &data["CLIENT_APP_VERSION"]), (&json!("fbcapi"), &json!(VERSION)));
    let environment = json!({ "APPLICATION": "fbcapi", "OS": OS, "OS_VERSION": ARCH });
    assert_eq!(data["CLIENT_ENVIRONMENT"], environment);
    assert_eq!(data.get("SPCS_TOKEN"), None);
    let parameters = &data["SESSION_PARAMETERS"];
    for (name, expected) in [
        ("QUERY_TAG", json!("fbcapi")),
        ("AUTOCOMMIT", json!(true)),
        ("ROWS_PER_RESULTSET", json!(0)),
        ("TIMEZONE", json!("UTC")),
        ("GO_QUERY_RESULT_FORMAT", json!("ARROW")),
        ("STATEMENT_TIMEOUT_IN_SECONDS", json!(20)),
        ("CLIENT_RESULT_CHUNK_SIZE", json!(16)),
    ] {
        assert_eq!(parameters[name], expected, "{name}");
    }
    for (name, expected) in
        [("roleName", "\"Mixed Role\""), ("warehouse", "wh"), ("databaseName", "analytics"), ("schemaName", "marts")]
    {
        assert_eq!(login.query[name], expected, "{name}");
    }
    for request in server.seen("/") {
        assert_eq!(request.headers["user-agent"], format!("fbcapi/{VERSION}"), "{}", request.path);
    }
}

#[tokio::test]
async fn tokens_log_in_without_a_password() {
    for (kind, expected) in [(TokenKind::ProgrammaticAccess, "PROGRAMMATIC_ACCESS_TOKEN"), (TokenKind::OAuth, "OAUTH")]
    {
        let server = Server::start(rows([])).await;
        let mut settings = settings(&server);
        settings.connection.login = Login::Token { kind, token: Secret::new("token-secret".into()) };
        read(open_with(settings).await).await.unwrap();
        let [login] = server.seen("/session/v1/login-request").try_into().unwrap();
        assert_eq!(login.body["data"]["AUTHENTICATOR"], expected);
        assert_eq!(login.body["data"]["TOKEN"], "token-secret");
        assert_eq!(login.body["data"].get("PASSWORD"), None);
    }
}

#[tokio::test]
async fn a_token_in_a_file_is_read_at_every_login() {
    let folder = tempfile::tempdir().unwrap();
    let (token, service) = (folder.path().join("token"), folder.path().join("spcs_token"));
    let server = Server::start(rows([])).await;
    let mut settings = settings(&server);
    settings.connection.login = Login::TokenFile { kind: TokenKind::OAuth, path: token.clone() };
    settings.connection.service_token_file = Some(service.clone());
    for (content, of_service) in [(" first-secret\n", None), ("second-secret", Some("service-secret\n"))] {
        std::fs::write(&token, content).unwrap();
        if let Some(content) = of_service {
            std::fs::write(&service, content).unwrap();
        }
        read(open_with(settings.clone()).await).await.unwrap();
        let login = server.seen("/session/v1/login-request").pop().unwrap();
        let data = &login.body["data"];
        assert_eq!((&data["AUTHENTICATOR"], &data["TOKEN"]), (&json!("OAUTH"), &json!(content.trim())));
        assert_eq!(data.get("SPCS_TOKEN").and_then(Value::as_str), of_service.map(str::trim));
        assert_eq!(data.get("PASSWORD"), None);
    }

    std::fs::remove_file(&token).unwrap();
    let words = format!("the file of the token, {}, cannot be read or is empty", token.display());
    let error = read(open_with(settings).await).await.unwrap_err();
    assert_eq!((error.trouble, error.what), (Trouble::Configuration, words));
    assert_eq!(server.seen("/session/v1/login-request").len(), 2);
}

#[tokio::test]
async fn a_key_pair_logs_in_with_a_token_that_its_public_half_confirms() {
    let server = Server::start(rows([])).await;
    let mut settings = settings(&server);
    settings.connection.login = Login::KeyPair {
        key: Secret::new(include_str!("../../data/snowflake/encrypted.p8").into()),
        passphrase: Some(Secret::new("correct-horse".into())),
    };
    read(open_with(settings).await).await.unwrap();
    let [login] = server.seen("/session/v1/login-request").try_into().unwrap();
    assert_eq!(login.body["data"]["AUTHENTICATOR"], "SNOWFLAKE_JWT");
    let token = login.body["data"]["TOKEN"].as_str().unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["sub"], "MY_ORG-ACCT.FBCAPI_SVC");
    assert_eq!(claims["iat"], clock().timestamp());
    let pem = include_str!("../../data/snowflake/public.pem");
    let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(der).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &der[24..]);
    key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
}

#[tokio::test]
async fn fm_10_a_refused_login_gives_snowflakes_own_reason() {
    let server = Server::start(|_| Script {
        logins: [refused("390100", "Incorrect username or password was specified.")].into(),
        ..Script::default()
    })
    .await;
    let words = "Incorrect username or password was specified (390100)";
    check_error(&server, rows_of(&server).await, Trouble::Permission, words);
    assert_eq!(server.seen("/session/v1/login-request").len(), 1, "a refusal is not tried again");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_names_account_address_and_cause() {
    let server = Server::start(rows([])).await;
    let mut settings = settings(&server);
    // Nothing listens on this port: it was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    settings.connection.port = free.port();
    let found = read(open_with(settings).await).await;
    let words = format!(
        "the login to Snowflake account `my_org-acct.eu-central-1` failed: 127.0.0.1:{} could not be reached (connection \
         refused)",
        free.port()
    );
    check_error(&server, found, Trouble::Temporary, &words);
}

#[tokio::test]
async fn fm_11_a_clock_that_is_off_is_named() {
    let refusal = json!({ "data": null, "code": "390144", "message": "JWT token is invalid.", "success": false });
    let date = ("date", "Mon, 23 Nov 2026 14:53:00 GMT".to_owned());
    let server = Server::start(|_| Script {
        logins: [Reply::Bytes(200, refusal.to_string().into_bytes(), vec![date])].into(),
        ..Script::default()
    })
    .await;
    let mut settings = settings(&server);
    let key = Secret::new(include_str!("../../data/snowflake/plain.p8").into());
    settings.connection.login = Login::KeyPair { key, passphrase: None };
    let found = read(open_with(settings).await).await;
    check_error(&server, found, Trouble::Permission, "set this machine's clock: it is 420 seconds ahead");
}

#[tokio::test]
async fn a_login_without_role_is_fine() {
    let server = Server::start(|_| Script {
        logins: [login_with_role(&Value::Null)].into(),
        rows: [result(2, 0..2, &[])].into(),
        ..Script::default()
    })
    .await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(2));
}
