//! The way to Snowflake and to Meta through what a company puts in between: its own authority, and a proxy.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::SocketAddr;

use fbcapi::deliver::http::{Graph, GraphSettings};
use fbcapi::meta::answer::Delivery;
use fbcapi::private::Secret;
use fbcapi::sandbox::{self, Sandbox, SandboxOptions};

use crate::support::network::{AUTHORITY, Proxy, encrypted};
use crate::support::rows::leads;
use crate::support::run::{Stage, runtime};
use crate::support::snowflake::{Script, Server};

/// The port of an address that begins with a scheme.
fn address_of(base_url: &str) -> SocketAddr {
    base_url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
}

/// Stages on which both peers speak TLS: one whose rows come from an empty table in Snowflake, one whose rows go to
/// Meta. `hosts` gives the two hosts, of the addresses at which they are.
struct Company {
    reading: Stage,
    sending: Stage,
    snowflake: Server,
    sandbox: Sandbox,
    addresses: [SocketAddr; 2],
}

fn company(hosts: impl FnOnce([SocketAddr; 2]) -> [String; 2]) -> Company {
    let (first, second) = (runtime(), runtime());
    let snowflake = first.block_on(Server::start(|_| Script::default()));
    let sandbox = second.block_on(sandbox::start(SandboxOptions::default())).unwrap();
    let addresses =
        [first.block_on(encrypted(snowflake.address)), second.block_on(encrypted(address_of(&sandbox.base_url())))];
    let [of_snowflake, of_meta] = hosts(addresses);
    let (host, port) = of_snowflake.split_once(':').unwrap_or((&of_snowflake, "443"));
    let connection =
        format!("account = \"o-a\"\nuser = \"U\"\ntoken = {{ env = \"TOKEN\" }}\nhost = \"{host}\"\nport = {port}");
    let reading = Stage::within(first, "https://127.0.0.1:9")
        .variable("TOKEN", "token-secret")
        .section("source", "table = \"A.B.C\"")
        .section("columns", "event_name = { value = \"Lead\" }")
        .section("snowflake", &connection);
    let sending = Stage::within(second, &format!("https://{of_meta}"));
    sending.rows(&leads(2));
    Company { reading, sending, snowflake, sandbox, addresses }
}

#[test]
fn the_authority_that_the_machine_names_is_trusted_for_snowflake_and_for_meta() {
    let Company { reading, sending, snowflake, sandbox, addresses } = company(|found| found.map(|at| at.to_string()));
    // A variable for a proxy changes nothing for a server on this machine.
    let proxy = reading.runtime.block_on(Proxy::start([]));
    let with = |stage: Stage| {
        stage.variable("SSL_CERT_FILE", AUTHORITY).variable("HTTPS_PROXY", &format!("http://{}", proxy.address))
    };
    let reading = with(reading);
    let ran = reading.sync(&[]);
    assert_eq!(ran.told(), "exit 0: nothing", "{}", ran.stderr);
    assert_eq!(snowflake.seen("/session/v1/login-request").len(), 1);

    // Nobody else is trusted.
    let settings = GraphSettings {
        dataset_id: "1".into(),
        api_base: format!("https://{}", addresses[1]).parse().unwrap(),
        api_version: "v26.0".into(),
        partner_agent: None,
    };
    let graph = Graph::new(&settings, &Secret::new("t".into()), None, None).unwrap();
    let body = graph.body(b"");
    let refused = reading.runtime.block_on(graph.post(body)).err().unwrap();
    assert!(matches!(refused, Delivery::Excluded));
    assert_eq!(sandbox.stats().requests, 0);

    let sending = sending.variable("SSL_CERT_FILE", AUTHORITY);
    let ran = sending.sync(&[]);
    assert_eq!(ran.told(), "exit 0: sent 2", "{}", ran.stderr);
    assert_eq!(proxy.asked(), [""; 0]);
}

#[test]
fn a_proxy_leads_to_snowflake_and_to_meta_and_is_told_nothing_but_their_names() {
    let hosts = ["snowflake.example.com", "graph.example.com"];
    let Company { reading, sending, snowflake, sandbox, addresses } = company(|_| hosts.map(str::to_owned));
    let routes = [("snowflake.example.com:443", addresses[0]), ("graph.example.com:443", addresses[1])];
    let proxy = reading.runtime.block_on(Proxy::start(routes));
    let with = |stage: Stage| {
        stage.variable("SSL_CERT_FILE", AUTHORITY).variable("HTTPS_PROXY", &format!("http://{}", proxy.address))
    };
    let reading = with(reading);
    let ran = reading.sync(&[]);
    assert_eq!(ran.told(), "exit 0: nothing", "{}", ran.stderr);
    assert_eq!(snowflake.seen("/session/v1/login-request").len(), 1);
    let ran = with(sending).sync(&[]);
    assert_eq!(ran.told(), "exit 0: sent 2", "{}", ran.stderr);
    assert_eq!(sandbox.stats().received, 2);
    let asked = ["CONNECT graph.example.com:443 HTTP/1.1", "CONNECT snowflake.example.com:443 HTTP/1.1"];
    assert_eq!(proxy.asked(), asked);
}

#[test]
fn an_authority_that_cannot_be_read_is_a_mistake_that_is_named() {
    let stage = Stage::new("https://127.0.0.1:9");
    stage.write("empty.pem", "no certificate");
    for (path, expected) in [
        ("gone.pem", "✗ $SSL_CERT_FILE: names a file that cannot be read (it does not exist)"),
        ("empty.pem", "✗ $SSL_CERT_FILE: names a file without a certificate in PEM form"),
    ] {
        let mut command = stage.command(&["sync", "--dry-run"]);
        let output = command.env("SSL_CERT_FILE", path).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.lines().next()), (Some(2), Some(expected)), "{said}");
    }
}
