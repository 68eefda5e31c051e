//! The model's `schema.yml`: what must hold of its rows, and that fbcapi reads them.

use serde_json::Value;

use super::sql::{ATTRIBUTION_MODEL, column};
use super::{Column, Content, Model};
use crate::event::rules::FALLBACK_NAME;

/// A test of a column, in the words of dbt.
enum Check {
    /// The column has a value in every row, or the build fails.
    NotNull,
    /// No value stands in two rows, or the build fails.
    Unique,
    /// Every value is one of these, or the build fails.
    OneOf(Vec<String>),
    /// The column has a value where a condition holds. It only warns: fbcapi counts such rows and sends the others.
    NotNullWhere(String),
}

impl Model {
    /// Writes the file: for dbt 1.10.5 and newer, which want the values of a test under `arguments`.
    pub fn schema(&self) -> String {
        let name = quoted(&self.name);
        let what = quoted("One row for each conversion: what, when, who, and which click on an ad led to it.");
        let columns: String = self.columns.iter().filter_map(|made| self.column_lines(made)).collect();
        let model = quoted(&format!("ref('{}')", self.name));
        let dataset = &self.dataset_id;
        let reader = quoted(&format!("fbcapi sync sends each row once to dataset {dataset}."));
        format!(
            "# Printed by `fbcapi model schema`: change its configuration, not this file.
version: 2

models:
  - name: {name}
    description: {what}
    columns:
{columns}
exposures:
  - name: fbcapi_{dataset}
    label: Meta Conversions API
    type: application
    description: {reader}
    depends_on:
      - {model}
    owner:
      name: fbcapi  # put in who is to be asked
"
        )
    }

    /// A column and its tests, if it has any.
    fn column_lines(&self, made: &Column) -> Option<String> {
        let checks: String = self.checks(&made.content).iter().map(Check::lines).collect();
        let name = quoted(&made.name);
        (!checks.is_empty()).then(|| format!("      - name: {name}\n        data_tests:\n{checks}"))
    }

    /// What must hold of a column.
    fn checks(&self, content: &Content) -> Vec<Check> {
        match content {
            Content::Event("event_id") => vec![Check::NotNull, Check::Unique],
            Content::Event("occurred_at") | Content::PersonId => vec![Check::NotNull],
            Content::MetaName => vec![Check::NotNull, Check::OneOf(self.names())],
            Content::Click("attribution_model_name") => vec![Check::OneOf(vec![ATTRIBUTION_MODEL.to_owned()])],
            Content::Click("fbclid_occurred_at") => self.where_column(&Content::Click("fbclid"), "is not null"),
            // Source: the customer's design, "Required Data Quality".
            Content::Person(name) if name == "email" => {
                self.where_column(&Content::Person("phone".to_owned()), "is null")
            }
            Content::Event("value") => self.where_column(&Content::MetaName, "= 'Purchase'"),
            Content::Event(_)
            | Content::Person(_)
            | Content::Click(_)
            | Content::ContentType
            | Content::Constant(_)
            | Content::Now => Vec::new(),
        }
    }

    /// That a column has a value where another one, if it is there, is such.
    fn where_column(&self, other: &Content, is: &str) -> Vec<Check> {
        let condition = self.column_of(other).map(|name| Check::NotNullWhere(format!("{} {is}", column(name))));
        condition.into_iter().collect()
    }

    /// Meta's names, each once.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for event in &self.events {
            let name = event.sent_as.as_deref().unwrap_or(FALLBACK_NAME);
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }
}

impl Check {
    /// The lines of the test in the list of a column's tests.
    fn lines(&self) -> String {
        match self {
            Self::NotNull => "          - not_null\n".to_owned(),
            Self::Unique => "          - unique\n".to_owned(),
            Self::OneOf(values) => {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                let values = values.join(", ");
                format!("          - accepted_values:\n              arguments:\n                values: [{values}]\n")
            }
            Self::NotNullWhere(condition) => {
                let condition = quoted(condition);
                let config = format!("where: {condition}\n                severity: warn\n");
                format!("          - not_null:\n              config:\n                {config}")
            }
        }
    }
}

/// A text in double quotes: as JSON writes it, YAML reads it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
