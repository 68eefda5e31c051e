//! One row, made an event the way the program does it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use chrono::DateTime;
use fbcapi::config::{self, Machine, Purpose};
use fbcapi::event::rules::Rules;
use fbcapi::event::{self, People, Refusal, Table};
use fbcapi::meta::payload;
use serde_json::{Map, Value};

/// Columns that feed the field of their own name.
const COLUMNS: [&str; 41] = [
    "event_time",
    "event_name",
    "action_source",
    "event_source_url",
    "referrer_url",
    "opt_out",
    "email",
    "phone",
    "first_name",
    "last_name",
    "date_of_birth",
    "gender",
    "city",
    "state",
    "zip",
    "country",
    "external_id",
    "client_ip_address",
    "client_user_agent",
    "fbc",
    "fbp",
    "subscription_id",
    "lead_id",
    "value",
    "currency",
    "content_type",
    "content_name",
    "content_category",
    "content_ids",
    "contents",
    "order_id",
    "num_items",
    "predicted_ltv",
    "net_revenue",
    "search_string",
    "status",
    "delivery_category",
    "event_id",
    "data_processing_options",
    "data_processing_options_country",
    "data_processing_options_state",
];

/// The rules of a table whose columns have the names of the fields.
///
/// External ids are sent raw, as Meta's SDKs send them.
pub(super) fn rules() -> Rules {
    let mut columns = String::new();
    for name in COLUMNS {
        writeln!(columns, "{name} = \"{name}\"").unwrap();
    }
    let text = format!(
        "[source]\nkind = \"file\"\npath = \"rows.ndjson\"\n[meta]\ndataset_id = \"1\"\n[columns]\n{columns}\
         [phone]\ndefault_country = \"US\"\n[external_id]\nform = \"raw\"\n[privacy]\nconsent = \"not-needed\"\n"
    );
    let today = DateTime::UNIX_EPOCH.date_naive() + chrono::Days::new(20_000);
    let machine = Machine { environment: &|_| None, variables: &Vec::new, today };
    config::parse("config.toml", &text, &[], Purpose::Look, machine).unwrap().rules
}

/// Makes a table of one row.
fn batch(row: &Map<String, Value>) -> RecordBatch {
    let columns = row.iter().map(|(name, cell)| {
        let column: ArrayRef = Arc::new(StringArray::from(vec![text(cell)]));
        (name, column, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// A cell as text, as sources hand it over.
pub(super) fn text(cell: &Value) -> Option<String> {
    match cell {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(cell.to_string()),
    }
}

/// Makes the event that is sent of a row at a time, as the JSON that Meta reads.
pub(super) fn event(row: &Map<String, Value>, now: i64, rules: &Rules) -> Result<Value, Refusal> {
    let batch = batch(row);
    let table = Table::bind(&batch, &rules.columns, rules.zone).unwrap();
    let mut people = People::default();
    let event = event::build(&table, 0, rules, now, &mut people, &mut Vec::new())?;
    let mut bytes = Vec::new();
    payload::write(&event, &mut bytes);
    Ok(serde_json::from_slice(&bytes).unwrap())
}

/// Reads the event time of a row, in seconds.
pub(super) fn time(row: &Map<String, Value>, rules: &Rules) -> Option<i64> {
    let batch = batch(row);
    let table = Table::bind(&batch, &rules.columns, rules.zone).unwrap();
    event::identify(&table, 0, rules).time
}
