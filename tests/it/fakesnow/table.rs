//! Tables of the `facebook_events` model, with rows of invented people and values of every type.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::json;

use crate::support::fakesnow::Database;
use crate::support::rows::{Row, ndjson, purchase};

/// The columns: those of the model, and one for each further type.
const COLUMNS: [(&str, &str); 24] = [
    ("event_id", "VARCHAR"),
    ("occurred_at", "TIMESTAMP_NTZ"),
    ("event_name", "VARCHAR"),
    ("event_description", "VARCHAR"),
    ("source", "VARCHAR"),
    ("value", "NUMBER(18,2)"),
    ("value_unit", "VARCHAR"),
    ("person_id", "VARCHAR"),
    ("email", "VARCHAR"),
    ("full_name", "VARCHAR"),
    ("phone", "VARCHAR"),
    ("first_name", "VARCHAR"),
    ("last_name", "VARCHAR"),
    ("external_id", "VARCHAR"),
    ("date_of_birth", "DATE"),
    ("fbclid", "VARCHAR"),
    ("fbclid_occurred_at", "TIMESTAMP_TZ"),
    ("attribution_model_name", "VARCHAR"),
    ("facebook_event_type", "VARCHAR"),
    ("currency", "VARCHAR"),
    ("processed_at", "TIMESTAMP_LTZ"),
    ("is_new", "BOOLEAN"),
    ("score", "FLOAT"),
    ("properties", "VARIANT"),
];

/// What is sent beside the fields of the model, as the columns' types say.
pub(super) const CUSTOM_DATA: &str =
    "is_new = \"is_new\"\nscore = \"score\"\nplan = \"properties\"\nprocessed_at = \"processed_at\"";

/// The same where the columns have no types, as in NDJSON.
pub(super) const CUSTOM_DATA_OF_TEXT: &str = r#"
is_new = { column = "is_new", as = "boolean" }
score = { column = "score", as = "number" }
plan = { column = "properties", as = "json" }
processed_at = "processed_at""#;

/// The names of people, in several scripts.
const PEOPLE: [(&str, &str); 4] = [("Zoë", "Müller"), ("太郎", "山田"), ("José", "Ñandú"), ("Anne", "O'Neil 😀")];

/// An event of the last six days. Its number decides what is null.
pub(crate) fn event(number: usize) -> Row {
    let filled = |every: usize| !number.is_multiple_of(every);
    let (first, last) = PEOPLE[number % 4];
    let kind = ["Purchase", "Lead", "CompleteRegistration"][number % 3];
    let occurred = Utc::now() - TimeDelta::seconds(3_600 + i64::try_from(number * 5_171 % 500_000).expect("is small"));
    let occurred = occurred + TimeDelta::microseconds(i64::try_from(number).expect("is small"));
    let written = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
    let row = purchase(&format!("evt-{number}"))
        .with("occurred_at", written(occurred))
        .with("event_name", ["purchase completed", "lead generated", "sign up"][number % 3])
        .with("event_description", format!("no. {number} \\ 'quoted' \"twice\"\t購入"))
        .with("source", if number.is_multiple_of(5) { "app" } else { "shop" })
        .with("value", format!("{}.{:02}", number * 7 % 900, number % 100))
        .with("currency", "USD")
        .with("person_id", format!("per_{}", number % 500))
        .with("email", format!("User.{number}@Example.COM"))
        .with("first_name", first)
        .with("last_name", last)
        .with("full_name", format!("{first} {last}"))
        .with("phone", format!("+1 (650) 555-{:04}", number % 10_000))
        .with("external_id", format!("ext-{number}"))
        .with("date_of_birth", format!("{}-{:02}-{:02}", 1960 + number % 40, 1 + number % 12, 1 + number % 28))
        .with("fbclid", format!("IwAR{number}_x-{number}"))
        .with("fbclid_occurred_at", written(occurred - TimeDelta::hours(1)))
        .with("attribution_model_name", "last_fbclid")
        .with("facebook_event_type", kind)
        .with("processed_at", "2026-11-20T10:11:12Z")
        .with("is_new", number.is_multiple_of(2))
        .with("score", f64::from(u32::try_from(2 * number + 1).expect("is small")) / 8.0)
        .with("properties", json!({ "plan": "gold ü", "number": number, "tags": [number, "x"], "none": null }));
    let nulls = [
        ("email", 11),
        ("phone", 13),
        ("first_name", 17),
        ("last_name", 17),
        ("fbclid", 2),
        ("fbclid_occurred_at", 6),
        ("date_of_birth", 5),
        ("is_new", 4),
        ("score", 7),
        ("properties", 9),
    ];
    let row = nulls.into_iter().filter(|(_, every)| !filled(*every)).fold(row, |row, (name, _)| row.without(name));
    if kind == "Purchase" { row } else { row.without("value").without("currency") }
}

/// So many events, and after them copies of some: for each fiftieth one that is the same and one that knows less.
pub(crate) fn events(count: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = (0..count).map(event).collect();
    let copied: Vec<Row> = rows.iter().step_by(50).cloned().collect();
    let poorer = copied.iter().cloned().map(|row| row.without("external_id").without("person_id").without("phone"));
    rows.extend(poorer);
    rows.extend(copied);
    rows
}

/// Makes a table of the model.
pub(crate) fn create(database: &Database, table: &str) {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    database.sql(&format!("CREATE OR REPLACE TABLE {table} ({})", columns.join(", ")));
}

/// Adds rows to a table of the model, from their JSON.
pub(crate) fn insert(database: &Database, table: &str, rows: &[Row]) {
    let list = format!("[{}]", ndjson(rows).trim_end().replace('\n', ","));
    let literal = format!("'{}'", list.replace('\\', "\\\\").replace('\'', "''"));
    let cells = COLUMNS.iter().map(|(name, kind)| match *kind {
        "VARIANT" => format!("f.value:{name}"),
        "VARCHAR" => format!("f.value:{name}::VARCHAR"),
        kind => format!("f.value:{name}::VARCHAR::{kind}"),
    });
    let cells: Vec<String> = cells.collect();
    let rows = format!("TABLE(FLATTEN(INPUT => PARSE_JSON({literal}))) f");
    database.sql(&format!("INSERT INTO {table} SELECT {} FROM {rows}", cells.join(", ")));
}

/// Makes a table with so many simple events, `e-0` and so on, of the last days.
pub(crate) fn create_large(database: &Database, table: &str, count: usize) {
    create(database, table);
    database.sql(&format!(
        "INSERT INTO {table} (event_id, occurred_at, facebook_event_type, email, value, currency)
         SELECT 'e-' || i::VARCHAR, DATEADD(second, -3600 - i, CURRENT_TIMESTAMP())::TIMESTAMP_NTZ, 'Purchase',
             'user.' || i::VARCHAR || '@example.com', ((i % 100000) / 100.0)::NUMBER(18,2), 'EUR'
         FROM (SELECT ROW_NUMBER() OVER (ORDER BY 1) - 1 AS i FROM TABLE(GENERATOR(ROWCOUNT => {count})))"
    ));
}
