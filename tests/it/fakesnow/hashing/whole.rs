//! Whole runs of the program, with customer data hashed on this machine and in the warehouse.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::fakesnow::Database;
use crate::support::run::Stage;
use crate::support::snowflake::{Script, Server, columns, result};

/// The columns of the table with their types in DDL and on the wire.
const COLUMNS: [(&str, &str, &str); 18] = [
    ("EVENT_ID", "VARCHAR", "text"),
    ("OCCURRED_AT", "TIMESTAMP_NTZ", "timestamp_ntz"),
    ("FACEBOOK_EVENT_TYPE", "VARCHAR", "text"),
    ("EMAIL", "VARCHAR", "text"),
    ("PHONE", "VARCHAR", "text"),
    ("FIRST_NAME", "VARCHAR", "text"),
    ("LAST_NAME", "VARCHAR", "text"),
    ("FULL_NAME", "VARCHAR", "text"),
    ("CITY", "VARCHAR", "text"),
    ("STATE", "VARCHAR", "text"),
    ("ZIP", "VARCHAR", "text"),
    ("COUNTRY", "VARCHAR", "text"),
    ("GENDER", "VARCHAR", "text"),
    ("DATE_OF_BIRTH", "DATE", "date"),
    ("EXTERNAL_ID", "VARIANT", "variant"),
    ("PERSON_ID", "NUMBER(18,0)", "fixed"),
    ("FBCLID", "VARCHAR", "text"),
    ("FBCLID_OCCURRED_AT", "TIMESTAMP_NTZ", "timestamp_ntz"),
];

/// The columns that the preset does not name.
const MAPPED: &str = "city = \"city\"\nstate = \"state\"\nzip = \"zip\"\ncountry = \"country\"\ngender = \"gender\"";

/// What is known of a person: column and SQL.
type Person = &'static [(&'static str, &'static str)];

/// People of whom the warehouse hashes everything.
const PLAIN: [Person; 10] = [
    &[
        ("EMAIL", "' Ada.Lovelace+shop@Example.COM '"),
        ("PHONE", "'+44 20 7946 0958'"),
        ("FIRST_NAME", "'Ada'"),
        ("LAST_NAME", "'King-Lovelace'"),
        ("FULL_NAME", "'Somebody Else'"),
        ("CITY", "'St. Albans'"),
        ("STATE", "'Hertfordshire'"),
        ("ZIP", "'al1 1aa'"),
        ("COUNTRY", "'UK'"),
        ("GENDER", "'Female'"),
        ("DATE_OF_BIRTH", "'1915-12-10'::DATE"),
        ("EXTERNAL_ID", "PARSE_JSON('\"User 1\"')"),
        ("PERSON_ID", "17"),
        ("FBCLID", "'IwAR0_x'"),
        ("FBCLID_OCCURRED_AT", "DATEADD(hour, -2, SYSDATE())"),
    ],
    &[
        ("EMAIL", "'grace@example.com'"),
        ("PHONE", "'(650) 555-1212'"),
        ("FULL_NAME", "'Grace Brewster Hopper'"),
        ("CITY", "'New York'"),
        ("STATE", "'New York'"),
        ("ZIP", "'94035-1234'"),
        ("COUNTRY", "'United States of America'"),
        ("GENDER", "'f'"),
        ("DATE_OF_BIRTH", "'1906-12-09'::DATE"),
        ("PERSON_ID", "18"),
    ],
    &[("EMAIL", "'zoe@example.com'"), ("FULL_NAME", "'Müller, Zoë'"), ("CITY", "'Zürich'"), ("COUNTRY", "'ch'")],
    &[("FULL_NAME", "'Madonna'"), ("EXTERNAL_ID", "PARSE_JSON('12')"), ("PHONE", "'6505551212'")],
    &[("FULL_NAME", "'  José   Ñandú  '"), ("EMAIL", "'JOSÉ@exämple.com'"), ("STATE", "'Québec'")],
    // Something stands in the first name, so that the full one is not used.
    &[("FIRST_NAME", "'\u{200B}'"), ("FULL_NAME", "'Ada Lovelace'"), ("EMAIL", "'ada@example.com'")],
    &[("EMAIL", "'62A14E44F765419D10FEA99367361A727C12365E2520F32218D505ED9AA0F62F'"), ("LAST_NAME", "'O''Neil'")],
    &[("EMAIL", "'ada@example.com'"), ("PHONE", "'555-1212x'"), ("ZIP", "'-'"), ("GENDER", "'?'")],
    &[("EMAIL", "'nobody at example.com'"), ("PERSON_ID", "19"), ("COUNTRY", "'Atlantis'"), ("STATE", "'...'")],
    &[("EMAIL", "'Иван@example.com'"), ("FIRST_NAME", "'ИВАН'"), ("LAST_NAME", "''"), ("FULL_NAME", "'x y'")],
];

/// People of whom the warehouse leaves something alone, with the keys.
const HARD: [(Person, &[&str]); 5] = [
    (&[("EMAIL", "'[\"a@example.com\",\"b@example.com\"]'"), ("PERSON_ID", "20")], &["em"]),
    (&[("FIRST_NAME", "'太郎'"), ("LAST_NAME", "'山田'"), ("EMAIL", "'taro@example.com'")], &["fn", "ln"]),
    (&[("PHONE", "'020 7946 0958'"), ("COUNTRY", "'gb'"), ("EMAIL", "'ada@example.com'")], &["ph"]),
    (
        &[("FULL_NAME", "'山田 太郎'"), ("EXTERNAL_ID", "PARSE_JSON('[1,2]')"), ("PERSON_ID", "21")],
        &["fn", "ln", "external_id"],
    ),
    (&[("EMAIL", "'re\u{301}ne\u{301}@example.com'"), ("PERSON_ID", "22")], &["em"]),
];

/// A database with a table of people, by their number.
fn database(people: &[Person]) -> Option<Database> {
    let database = Database::new()?;
    let kinds: Vec<String> = COLUMNS.iter().map(|(name, kind, _)| format!("{name} {kind}")).collect();
    database.sql(&format!("CREATE TABLE FACEBOOK_EVENTS ({})", kinds.join(", ")));
    for (at, person) in people.iter().enumerate() {
        let names: Vec<&str> = person.iter().map(|(name, _)| *name).collect();
        let cells: Vec<&str> = person.iter().map(|(_, cell)| *cell).collect();
        database.sql(&format!(
            "INSERT INTO FACEBOOK_EVENTS (EVENT_ID, OCCURRED_AT, FACEBOOK_EVENT_TYPE, {}) \
             SELECT 'e-{at}', DATEADD(hour, -1, SYSDATE()), 'Lead', {}",
            names.join(", "),
            cells.join(", ")
        ));
    }
    Some(database)
}

/// A stage that reads the table and hashes somewhere.
fn stage(database: &Database, hash_in: &str) -> Stage {
    let stage = Stage::new("http://127.0.0.1:9").section("columns", MAPPED);
    let stage = stage.section("privacy", &format!("consent = \"not-needed\"\nhash_in = \"{hash_in}\""));
    database.feed(stage, "FACEBOOK_EVENTS")
}

/// The events that would be sent, by id.
fn events(database: &Database, hash_in: &str) -> BTreeMap<String, Value> {
    let ran = stage(database, hash_in).run(&["sync", "--dry-run"]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    let events = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.map(|event| (event["event_id"].as_str().unwrap().to_owned(), event)).collect()
}

#[test]
fn the_same_events_leave_wherever_they_are_hashed() {
    let Some(database) = database(&PLAIN) else { return };
    let (here, there) = (events(&database, "client"), events(&database, "warehouse"));
    assert_eq!(here.len(), PLAIN.len());
    for (id, event) in &here {
        assert_eq!(there.get(id), Some(event), "{id}");
    }
    assert_eq!(there.len(), here.len());
    let lovelace = here["e-0"]["user_data"].as_object().unwrap();
    assert_eq!(lovelace.len(), 12, "{:?}", lovelace.keys());
}

#[test]
fn what_the_warehouse_cannot_hash_is_left_out_and_counted() {
    let people: Vec<Person> = HARD.iter().map(|(person, _)| *person).collect();
    let Some(database) = database(&people) else { return };
    let (mut here, there) = (events(&database, "client"), events(&database, "warehouse"));
    for (at, (_, keys)) in HARD.iter().enumerate() {
        let id = format!("e-{at}");
        let known = here.get_mut(&id).unwrap()["user_data"].as_object_mut().unwrap();
        for key in *keys {
            let digests = known.remove(*key).unwrap_or_else(|| panic!("{id} has {key} when hashed here"));
            // The id of the person is one external id, and the list holds two more.
            if *key == "external_id" {
                known.insert((*key).to_owned(), Value::from(vec![digests.as_array().unwrap()[2].clone()]));
            }
        }
        assert_eq!(there.get(&id), here.get(&id), "{id}");
    }
    let ran = stage(&database, "warehouse").run(&["check", "--json"]);
    let found: Value = serde_json::from_str(ran.stdout.trim()).unwrap();
    assert_eq!(found["hash_in"], "warehouse");
    let mut left_alone = BTreeMap::new();
    for field in found["fields"].as_array().unwrap() {
        let name = field["name"].as_str().unwrap();
        let is_clear = field["leaves"] != "hashed";
        assert_eq!(field["hashed_in"], if is_clear { Value::Null } else { "warehouse".into() }, "{name}");
        left_alone.extend(field["dropped"]["needs_client_hashing"].as_u64().map(|count| (name.to_owned(), count)));
    }
    let told: Vec<String> = left_alone.iter().map(|(name, count)| format!("{name} {count}")).collect();
    assert_eq!(told.join(", "), "email 2, external_id 1, first_name 1, full_name 1, last_name 1, phone 1");
    let told = stage(&database, "warehouse").run(&["check"]).stdout;
    let leaves =
        "\nWhat leaves the warehouse\n  hashed there  email, phone, first_name, last_name, full_name, date_of_birth,\n";
    assert!(told.contains(leaves), "{told}");
    let told = stage(&database, "client").run(&["check"]).stdout;
    assert!(told.contains("\n  hashed there  nothing; [privacy] hash_in"), "{told}");
}

/// Clear values of every kind, of which nothing may leave.
const CANARY: Person = &[
    ("EMAIL", "'canary.one@example.com'"),
    ("PHONE", "'+1 650 555 0199'"),
    ("FIRST_NAME", "'Canarytwo'"),
    ("LAST_NAME", "'Canarythree'"),
    ("FULL_NAME", "'Canarytwo Canarythree'"),
    ("CITY", "'Canaryfour'"),
    ("STATE", "'Canaryfive'"),
    ("ZIP", "'Canary6'"),
    ("COUNTRY", "'Canaryseven'"),
    ("GENDER", "'Canaryeight'"),
    ("DATE_OF_BIRTH", "'1977-07-07'::DATE"),
    ("EXTERNAL_ID", "PARSE_JSON('\"Canarynine\"')"),
    ("PERSON_ID", "19770707"),
];

/// The same where the warehouse leaves everything alone.
const HARD_CANARY: Person = &[
    ("EMAIL", "'[\"canary.one@example.com\"]'"),
    ("PHONE", "'650 555 0199 canary'"),
    ("FIRST_NAME", "'山田 Canarytwo'"),
    ("LAST_NAME", "'山田 Canarythree'"),
    ("FULL_NAME", "'山田 Canarytwo'"),
    ("CITY", "'山田 Canaryfour'"),
    ("STATE", "'山田 Canaryfive'"),
    ("ZIP", "'山田 Canary6'"),
    ("COUNTRY", "'山田 Canaryseven'"),
    ("GENDER", "'山田 Canaryeight'"),
    ("EXTERNAL_ID", "PARSE_JSON('{\"Canarynine\": 1}')"),
];

/// The statement that the program runs, as it went over the wire.
fn statement(database: &Database, hash_in: &str) -> String {
    let stage = stage(database, hash_in);
    let wire: Vec<(&str, &str)> = COLUMNS.iter().map(|(name, _, wire)| (*name, *wire)).collect();
    let server = stage.runtime.block_on(Server::start(|_| Script {
        columns: [columns(&wire)].into(),
        rows: [result(0, 0..0, &[])].into(),
        ..Script::default()
    }));
    let port = server.address.port().to_string();
    let stage = stage.variable("FBCAPI_SNOWFLAKE_PORT", &port);
    let ran = stage.run(&["sync", "--dry-run"]);
    let [statement] = server.statements().try_into().unwrap_or_else(|_| panic!("{}", ran.stderr));
    statement.body["sqlText"].as_str().unwrap().to_owned()
}

#[test]
fn no_clear_value_leaves_the_warehouse() {
    let Some(database) = database(&[CANARY, HARD_CANARY]) else { return };
    let leaving = |hash_in: &str| {
        let rows = database.sql(&statement(&database, hash_in));
        assert_eq!(rows.len(), 2, "{hash_in}");
        rows.into_iter().flatten().flatten().map(|cell| cell.to_lowercase()).collect::<Vec<String>>()
    };
    let canaries = ["canary", "6505550199", "650 555 0199", "1977-07-07", "19770707"];
    let shows =
        |cells: &[String]| canaries.iter().filter(|canary| cells.iter().any(|cell| cell.contains(**canary))).count();
    let there = leaving("warehouse");
    assert_eq!(shows(&there), 0, "{there:?}");
    let is_digest = |cell: &&String| cell.len() == 64 && cell.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert_eq!(there.iter().filter(is_digest).count(), 12, "{there:?}");
    // What is looked for is found where it is.
    assert_eq!(shows(&leaving("client")), 4);
}
