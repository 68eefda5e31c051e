//! Every cell as Snowflake's own connector reads it: the same instant, the same text, the same decimal.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::process::Command;

use arrow_array::cast::AsArray as _;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use chrono::DateTime;
use fbcapi::config::SourceConfig;
use fbcapi::source::snowflake::{Surroundings, open};
use fbcapi::source::{ColumnRequest, Need, Reading, Selection};

use crate::support::fakesnow::Database;
use crate::support::run::Stage;
use crate::support::venv::venv;

/// Snowflake's connector, in an environment of its own: the server's is another.
const CONNECTOR: &str = "5.2.0";

/// Rows of the table.
const ROWS: usize = 10_000;

/// How the cells of a column are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compared {
    /// As they are.
    Alike,
    /// As the number that a text stands for, to the last bit.
    Float,
    /// A JSON text stands for its content, and `null` for nothing.
    Json,
}

/// The columns: name, type, how it is read and compared, and the value in row `i`.
///
/// Decimals of more than 18 digits have fractions, because fakesnow keeps a NUMBER(38, 0) in 64 bits.
const COLUMNS: [(&str, &str, Reading, Compared, &str); 19] = [
    ("id", "VARCHAR", Reading::Text, Compared::Alike, "'row-' || i::VARCHAR"),
    ("seen", "TIMESTAMP_NTZ", Reading::Time, Compared::Alike, "CURRENT_TIMESTAMP()::TIMESTAMP_NTZ"),
    (
        "words",
        "VARCHAR",
        Reading::Text,
        Compared::Alike,
        r#"CASE i % 7 WHEN 0 THEN '' WHEN 1 THEN 'Zoë Müller ' || i::VARCHAR WHEN 2 THEN '山田 太郎' WHEN 3 THEN NULL
           WHEN 4 THEN 'it''s "so" \\ a\nline\tand more' WHEN 5 THEN '😀 🏳️‍🌈 e\u0301' ELSE ' \u00A0 around \u3000' END"#,
    ),
    ("amount", "NUMBER(18,2)", Reading::Text, Compared::Alike, "IFF(i % 11 = 0, NULL, (i - 5000) * i / 100.0)"),
    ("tiny", "NUMBER(4,1)", Reading::Text, Compared::Alike, "(i % 1999 - 999) / 10.0"),
    ("whole", "NUMBER(38,0)", Reading::Text, Compared::Alike, "IFF(i = 1, -9223372036854775808, i * 900000000000000)"),
    ("wide", "NUMBER(38,10)", Reading::Text, Compared::Alike, "(i - 5000)::NUMBER(38,10) * 1234567890123.45"),
    ("nothing", "NUMBER(10,2)", Reading::Text, Compared::Alike, "NULL"),
    (
        "ratio",
        "FLOAT",
        Reading::Text,
        Compared::Float,
        "CASE i % 6 WHEN 0 THEN i / 3.0 WHEN 1 THEN 'NaN'::FLOAT WHEN 2 THEN -1e300 / (i + 1) WHEN 3 THEN 1e-300 * i
         WHEN 4 THEN NULL ELSE 0.1::FLOAT END",
    ),
    ("flag", "BOOLEAN", Reading::Text, Compared::Alike, "IFF(i % 3 = 0, NULL, i % 2 = 0)"),
    (
        "day",
        "DATE",
        Reading::Date,
        Compared::Alike,
        "IFF(i % 13 = 0, NULL, DATEADD(day, i * 7 - 30000, '1970-01-01'::DATE))",
    ),
    // Snowflake writes a TIME without fractions unless the account says otherwise.
    (
        "clock",
        "TIME",
        Reading::Text,
        Compared::Alike,
        "(LPAD((i % 24)::VARCHAR, 2, '0') || ':' || LPAD((i % 60)::VARCHAR, 2, '0') || ':07')::TIME",
    ),
    ("wall", "TIMESTAMP_NTZ", Reading::Time, Compared::Alike, "IFF(i % 5 = 0, NULL, moment)"),
    ("here", "TIMESTAMP_LTZ", Reading::Time, Compared::Alike, "IFF(i % 7 = 0, NULL, moment)::TIMESTAMP_LTZ"),
    ("there", "TIMESTAMP_TZ", Reading::Time, Compared::Alike, "IFF(i % 9 = 0, NULL, moment)::TIMESTAMP_TZ"),
    (
        "anything",
        "VARIANT",
        Reading::Text,
        Compared::Json,
        r#"PARSE_JSON(CASE i % 8 WHEN 0 THEN '{"a": ' || i::VARCHAR || ', "ü": [null, "x"]}' WHEN 1 THEN '"text \\"so\\" 山"'
           WHEN 2 THEN '12.50' WHEN 3 THEN 'true' WHEN 4 THEN 'null' WHEN 5 THEN NULL WHEN 6 THEN '""' ELSE '[]' END)"#,
    ),
    (
        "list",
        "ARRAY",
        Reading::Text,
        Compared::Json,
        r#"PARSE_JSON(IFF(i % 4 = 0, NULL, '[' || i::VARCHAR || ', "é", null]'))"#,
    ),
    (
        "things",
        "OBJECT",
        Reading::Text,
        Compared::Json,
        r#"PARSE_JSON(IFF(i % 4 = 1, NULL, '{"k": ' || i::VARCHAR || ', "l": "é"}'))"#,
    ),
    (
        "bytes",
        "BINARY",
        Reading::Text,
        Compared::Alike,
        "IFF(i % 6 = 0, NULL, TO_BINARY(LPAD((i % 100)::VARCHAR, 8, '0'), 'HEX'))",
    ),
];

/// Cells by the id of their row.
type Rows = BTreeMap<String, Vec<Option<String>>>;

/// Makes the table. Moments lie on both sides of 1970, with fractions of a second.
fn fill(database: &Database) {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, kind, ..)| format!("{name} {kind}")).collect();
    database.sql(&format!("CREATE TABLE every_type ({})", columns.join(", ")));
    let cells: Vec<String> = COLUMNS.iter().map(|(_, kind, .., cell)| format!("({cell})::{kind}")).collect();
    let moment =
        "DATEADD(microsecond, i * 7919 % 1000000, DATEADD(second, (i - 5000) * 123457, '1970-01-01'::TIMESTAMP_NTZ))";
    database.sql(&format!(
        "INSERT INTO every_type SELECT {} FROM (SELECT i, {moment} AS moment FROM (
             SELECT ROW_NUMBER() OVER (ORDER BY 1) - 1 AS i FROM TABLE(GENERATOR(ROWCOUNT => {ROWS}))))",
        cells.join(",\n")
    ));
}

/// Reads the table with Snowflake's connector; nothing when what needs Python is left out.
fn by_the_connector(database: &Database) -> Option<Rows> {
    let programs = venv("connector", &[&format!("snowflake-connector-python=={CONNECTOR}")])?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/snowflake/read_rows.py");
    let query = "SELECT * FROM every_type /* sim: chunk=1500 */";
    let mut command = Command::new(programs.join("python"));
    command.args(["-W", "ignore", script, &database.port.to_string(), &database.name, query]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(CONNECTOR));
    let names: Vec<String> = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(names, COLUMNS.map(|(name, ..)| name.to_uppercase()));
    let rows = lines.map(|line| {
        let cells: Vec<Option<String>> = serde_json::from_str(line).unwrap();
        (cells[0].clone().unwrap(), cells)
    });
    Some(rows.collect())
}

/// Reads the table with the program's source, in Arrow or in JSON.
async fn by_the_source(database: &Database, format: &str) -> Rows {
    let stage = database.feed(Stage::new("http://127.0.0.1:9"), "every_type");
    let stage = stage.configure("source", &format!("where = '/* sim: chunk=1500 {format} */ TRUE'"));
    let SourceConfig::Snowflake(settings) = stage.config().source else { panic!("rows come from Snowflake") };
    let request = |(name, _, reading, ..): (&str, &str, Reading, Compared, &str)| ColumnRequest {
        name: name.into(),
        reading,
        need: Need::Required,
    };
    let selection = Selection::new(COLUMNS.map(request).to_vec(), "id", "seen", DateTime::UNIX_EPOCH);
    let mut stream = open(*settings, selection, Surroundings::default()).await.unwrap();
    assert_eq!(stream.total, Some(ROWS as u64));
    let mut rows = Rows::new();
    while let Some(batch) = stream.next().await {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            let cells: Vec<_> = batch.columns().iter().take(COLUMNS.len()).map(|column| cell(column, row)).collect();
            rows.insert(cells[0].clone().unwrap(), cells);
        }
    }
    // A runtime must not be dropped where another one waits.
    tokio::task::spawn_blocking(move || drop(stage)).await.unwrap();
    rows
}

/// A cell as text: times as microseconds since 1970.
fn cell(column: &ArrayRef, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        _ => column.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
    })
}

/// What a cell of the connector is to be.
fn expected(compared: Compared, cell: Option<&str>) -> Option<String> {
    let cell = cell?;
    match compared {
        Compared::Alike => Some(cell.to_owned()),
        Compared::Float => Some(cell.parse::<f64>().unwrap().to_string()),
        Compared::Json if cell == "null" => None,
        Compared::Json => Some(serde_json::from_str::<String>(cell).unwrap_or_else(|_| cell.to_owned())),
    }
}

#[tokio::test]
async fn ten_thousand_rows_of_every_type_are_those_that_snowflakes_connector_reads() {
    let Some(database) = Database::new() else { return };
    fill(&database);
    let Some(connector) = by_the_connector(&database) else { return };
    assert_eq!(connector.len(), ROWS);
    for format in ["", "json=1"] {
        let source = by_the_source(&database, format).await;
        assert_eq!(source.len(), ROWS);
        for (id, cells) in &connector {
            for ((column, found), (name, _, _, compared, _)) in cells.iter().zip(&source[id]).zip(COLUMNS) {
                // How Snowflake writes a float in JSON is its own affair.
                let found =
                    if compared == Compared::Float { expected(compared, found.as_deref()) } else { found.clone() };
                assert_eq!(found, expected(compared, column.as_deref()), "{name} of {id} {format}");
            }
        }
    }
}
