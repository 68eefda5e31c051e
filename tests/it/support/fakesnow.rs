//! A server on this machine that runs the program's SQL as Snowflake would: fakesnow, with a database for each test.
//!
//! What it can do and what goes wrong on demand stands in `tests/data/snowflake/peer.py`.

#![expect(clippy::unwrap_used, reason = "a peer that cannot be set up fails its test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::run::Stage;
use super::venv::venv;

/// What the server is made of. The connector is an old one because fakesnow 0.12.1 needs modules of it that 5.x lacks.
const PACKAGES: [&str; 7] = [
    "fakesnow[server]==0.12.1",
    "snowflake-connector-python==4.8.1",
    "duckdb==2.0.0",
    "sqlglot==30.22.0",
    "pyarrow==26.0.1",
    "starlette==1.10.0",
    "uvicorn==0.54.0",
];

/// The password of every user.
const PASSWORD: &str = "snow";

/// The schema of every database.
const SCHEMA: &str = "MARTS";

/// The server of all tests of this process. It ends with the process, which closes its standard input.
struct Server {
    port: u16,
    _process: Child,
}

impl Server {
    /// Gives the server, started on first use; nothing when what needs Python is left out.
    fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        SERVER.get_or_init(Self::start).as_ref()
    }

    fn start() -> Option<Self> {
        let python = venv("fakesnow", &PACKAGES)?.join("python");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/snowflake/peer.py");
        let mut command = Command::new(python);
        command.args(["-B", "-W", "ignore", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let port = port.trim().parse().expect("the server prints its port; why it does not stands above");
        Some(Self { port, _process: process })
    }

    /// Asks the server something and gives the answer's data; the server's refusal is an error.
    fn ask(&self, path: &str, token: &str, body: &Value) -> Result<Value, String> {
        let body = body.to_string();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Authorization: Snowflake Token=\"{token}\"\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut answer: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {answer}"));
        if answer["success"] == true {
            Ok(answer["data"].take())
        } else {
            Err(format!("{}: {}", answer["code"], answer["message"]))
        }
    }
}

/// A database that no other test sees, and a session in its schema.
pub(crate) struct Database {
    server: &'static Server,
    token: String,
    /// Its name.
    pub(crate) name: String,
    /// The port of the server on this machine.
    pub(crate) port: u16,
}

impl Database {
    /// Makes a database; nothing when what needs Python is left out.
    pub(crate) fn new() -> Option<Self> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let server = Server::shared()?;
        Some(Self::log_in(server, format!("TEST_{}", MADE.fetch_add(1, Ordering::Relaxed))))
    }

    /// Opens another session.
    pub(crate) fn again(&self) -> Self {
        Self::log_in(self.server, self.name.clone())
    }

    fn log_in(server: &'static Server, name: String) -> Self {
        let path = format!("/session/v1/login-request?databaseName={name}&schemaName={SCHEMA}");
        let login = server.ask(&path, "", &json!({ "data": { "PASSWORD": PASSWORD } })).unwrap();
        let token = login["token"].as_str().unwrap().to_owned();
        Self { server, token, name, port: server.port }
    }

    /// Runs a statement and gives its rows, each cell as Snowflake writes it in JSON: text, or nothing for NULL.
    #[track_caller]
    pub(crate) fn sql(&self, statement: &str) -> Vec<Vec<Option<String>>> {
        self.try_sql(statement).unwrap_or_else(|refusal| panic!("{refusal}\n{statement}"))
    }

    /// Runs a statement that may be refused.
    pub(crate) fn try_sql(&self, statement: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        let statement = format!("/* sim: json=1 chunk=1000000 */ {statement}");
        let answer = self.server.ask("/queries/v1/query-request", &self.token, &json!({ "sqlText": statement }))?;
        Ok(serde_json::from_value(answer["rowset"].clone()).unwrap())
    }

    /// Gives the only cell that a statement gives.
    #[track_caller]
    pub(crate) fn cell(&self, statement: &str) -> Option<String> {
        let mut rows = self.sql(statement);
        assert_eq!((rows.len(), rows[0].len()), (1, 1), "{statement}");
        rows.remove(0).remove(0)
    }

    /// How often something happened to statements of this database: a fault by its name, a `poll` or a `part`.
    pub(crate) fn seen(&self, what: &str) -> u64 {
        let answer = self.server.ask(&format!("/seen?database={}", self.name), &self.token, &Value::Null).unwrap();
        answer[what].as_u64().unwrap_or_default()
    }

    /// The lines of `[snowflake]` that lead to this database; the password is a variable of the environment.
    pub(crate) fn connection(&self) -> String {
        format!(
            "account = \"fakesnow\"\nuser = \"FBCAPI\"\nhost = \"127.0.0.1\"\nport = {}\nprotocol = \"http\"\n\
             database = \"{}\"\nschema = \"{SCHEMA}\"\npassword = {{ env = \"FBCAPI_TEST_PASSWORD\" }}",
            self.port, self.name
        )
    }

    /// Lets a stage read its rows from a table of this database.
    pub(crate) fn feed(&self, stage: Stage, table: &str) -> Stage {
        stage
            .section("source", &format!("kind = \"snowflake\"\ntable = \"{table}\""))
            .section("snowflake", &self.connection())
            .variable("FBCAPI_TEST_PASSWORD", PASSWORD)
    }
}
