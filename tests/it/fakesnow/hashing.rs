//! What the warehouse hashes is what the program hashes: every vector, and generated values, under every rule.
//!
//! The SQL runs on `DuckDB`, which stands in for Snowflake; only what both document alike is used in it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod whole;
mod values;

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::{Array as _, RecordBatch};
use chrono::{DateTime, NaiveDate};
use fbcapi::config::SourceConfig;
use fbcapi::event::Reason;
use fbcapi::meta::MatchKey;
use fbcapi::meta::hash::Digest;
use fbcapi::meta::normalize::{Country, ExternalIdForm, Form, Settings, normalize};
use fbcapi::private::Pii;
use fbcapi::source::snowflake::{Surroundings, open};
use fbcapi::source::{ColumnRequest, HashedField, Hashing, Need, Reading, Selection};
use serde_json::json;

use crate::support::fakesnow::Database;
use crate::support::run::Stage;

/// A value and the country of its row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Input {
    text: String,
    country: Option<String>,
}

impl Input {
    fn new(text: impl Into<String>, country: Option<&str>) -> Self {
        Self { text: text.into(), country: country.map(str::to_owned) }
    }
}

/// The day on which the values are read.
fn settings() -> Settings {
    Settings::standard(NaiveDate::from_ymd_opt(2026, 11, 23).unwrap())
}

/// What is counted of the answers about one key.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    /// Values that the program hashes.
    here: usize,
    /// Those of them that the warehouse hashes too.
    there: usize,
}

/// A table of values and countries.
struct Table {
    database: Database,
    inputs: Vec<Input>,
}

impl Table {
    /// Makes the table; nothing when what needs Python is left out.
    fn new(inputs: Vec<Input>) -> Option<Self> {
        let database = Database::new()?;
        database.sql("CREATE TABLE CELLS (EVENT_ID VARCHAR, OCCURRED_AT TIMESTAMP_NTZ, CELL VARCHAR, COUNTRY VARCHAR)");
        for (part, inputs) in inputs.chunks(10_000).enumerate() {
            let rows = inputs.iter().enumerate().map(|(at, Input { text, country })| {
                json!({ "id": (part * 10_000 + at).to_string(), "cell": text, "country": country })
            });
            let list = rows.collect::<serde_json::Value>().to_string();
            // fakesnow takes a dollar sign within a literal for a variable.
            let list = list.replace('$', "\\u0024");
            let literal = format!("'{}'", list.replace('\\', "\\\\").replace('\'', "''"));
            database.sql(&format!(
                "INSERT INTO CELLS SELECT f.value:id::VARCHAR, '2026-11-23 00:00:00'::TIMESTAMP_NTZ, \
                 f.value:cell::VARCHAR, f.value:country::VARCHAR \
                 FROM TABLE(FLATTEN(INPUT => PARSE_JSON({literal}))) f"
            ));
        }
        Some(Self { database, inputs })
    }

    /// Has the warehouse hash every cell as some fields, and gives its answers, field by field in the order of the
    /// inputs.
    fn ask(&self, fields: &[HashedField], settings: &Settings) -> Vec<Vec<Option<String>>> {
        let request = |name: &str, reading| ColumnRequest { name: name.into(), reading, need: Need::Required };
        let mut columns = vec![request("event_id", Reading::Text), request("occurred_at", Reading::Time)];
        columns.extend(fields.iter().map(|field| match field {
            HashedField::Key(MatchKey::Country) => request("country", Reading::Hashed(*field)),
            field => request("cell", Reading::Hashed(*field)),
        }));
        let selection = Selection {
            hashing: Hashing { settings: settings.clone(), country: None },
            ..Selection::new(columns, "event_id", "occurred_at", DateTime::UNIX_EPOCH)
        };
        let mut answers = vec![vec![None; self.inputs.len()]; fields.len()];
        let stage = self.database.feed(Stage::new("http://127.0.0.1:9"), "CELLS");
        let SourceConfig::Snowflake(cells) = stage.config().source else { panic!("cells come from Snowflake") };
        let mut seen = 0;
        stage.runtime.block_on(async {
            let mut rows = open(*cells, selection, Surroundings::default()).await.unwrap();
            while let Some(batch) = rows.next().await {
                let batch: RecordBatch = batch.unwrap();
                assert!(batch.schema().fields().iter().all(|field| field.name() != "cell"), "the clear column came");
                let ids = batch.column_by_name("event_id").unwrap().as_string::<i32>().clone();
                for (answers, field) in answers.iter_mut().zip(fields) {
                    let column = batch.column_by_name(&field.column()).unwrap().as_string::<i32>();
                    for row in 0..batch.num_rows() {
                        let at: usize = ids.value(row).parse().unwrap();
                        answers[at] = column.is_valid(row).then(|| column.value(row).to_owned());
                    }
                }
                seen += batch.num_rows();
            }
        });
        assert_eq!(seen, self.inputs.len());
        answers
    }

    /// Compares what the warehouse says of every cell with what the program says of it, and counts some of them.
    fn compare(
        &self,
        keys: &[MatchKey],
        settings: &Settings,
        is_counted: impl Fn(MatchKey, &Input) -> bool,
    ) -> BTreeMap<&'static str, Counts> {
        let mut fields: Vec<HashedField> = keys.iter().copied().map(HashedField::Key).collect();
        fields.push(HashedField::Key(MatchKey::Country));
        let answers = self.ask(&fields, settings);
        let mut counts = BTreeMap::new();
        let mut wrong = Vec::new();
        for (field, answers) in fields.iter().zip(&answers) {
            let HashedField::Key(key) = *field else { continue };
            let counts: &mut Counts = counts.entry(key.wire()).or_default();
            for (input, answer) in self.inputs.iter().zip(answers) {
                let country = input.country.as_deref();
                let cell = if key == MatchKey::Country { country } else { Some(input.text.as_str()) };
                let ours = ours(key, cell, country.and_then(Country::parse), settings);
                if is_counted(key, input) {
                    counts.here += usize::from(matches!(ours, Ours::Digest(_)));
                    counts.there += usize::from(answer.as_deref().is_some_and(|answer| !answer.starts_with('!')));
                }
                if !agrees(cell, &ours, answer.as_deref()) {
                    wrong.push(format!("{} {input:?} is {ours:?}, in the warehouse {answer:?}", key.wire()));
                }
            }
        }
        assert!(wrong.is_empty(), "{} answers are wrong:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
        counts
    }
}

/// What the program makes of a cell that is one text.
#[derive(Debug, PartialEq, Eq)]
enum Ours {
    Absent,
    Digest(String),
    Refused(Reason),
}

fn ours(key: MatchKey, cell: Option<&str>, country: Option<Country>, settings: &Settings) -> Ours {
    let Some(cell) = cell.filter(|cell| !cell.trim().is_empty()) else { return Ours::Absent };
    let mut out = String::new();
    let settings = Settings { external_id: ExternalIdForm::Hashed, ..settings.clone() };
    match normalize(key, Pii::new(cell), country, &settings, &mut out) {
        Ok(Form::Clear) => Ours::Digest(Digest::of(&out).unwrap().as_str().to_owned()),
        Ok(Form::Hashed) => Ours::Digest(out),
        Ok(Form::Empty | Form::Raw) => Ours::Absent,
        Err(reason) => Ours::Refused(reason),
    }
}

/// Says whether the warehouse may answer so: as the program, or that it cannot tell.
fn agrees(cell: Option<&str>, ours: &Ours, answer: Option<&str>) -> bool {
    let is_filled = cell.is_some_and(|cell| !cell.trim().is_empty());
    // A list is more than one value, of which the warehouse knows nothing.
    let is_list = cell.is_some_and(|cell| cell.trim().starts_with(['[', '{']));
    match (answer, ours) {
        (None, ours) => !is_filled && *ours == Ours::Absent,
        (Some("!needs_client_hashing"), _) => is_filled,
        (Some("!"), ours) => is_filled && *ours == Ours::Absent,
        (Some(answer), Ours::Digest(digest)) => answer == digest && !is_list,
        (Some(answer), Ours::Refused(reason)) => answer.strip_prefix('!') == Some(reason.code()) && !is_list,
        (Some(_), Ours::Absent) => false,
    }
}
