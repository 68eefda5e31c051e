//! The model's SQL, as a template of dbt: for Snowflake, and understood by `DuckDB` as well.

use super::{Content, Model, People};
use crate::event::rules::FALLBACK_NAME;
use crate::source::snowflake::literal;

/// The attribution model whose clicks count. Source: the customer's design, "Dependencies".
pub(super) const ATTRIBUTION_MODEL: &str = "last_fbclid";

/// The status of what was sent. Source: dbt-nexus, `nexus_facebook_capi_send_log`.
const SENT: &str = "sent";

impl Model {
    /// Writes the model.
    pub fn sql(&self) -> String {
        let mut parts = vec![self.target_events(), self.customers()];
        if self.has_clicks() {
            parts.push(self.clicks());
        }
        if let Some(log) = &self.send_log {
            parts.push(self.sent(log));
        }
        parts.push(self.facebook_events());
        let time = self.column_of(&Content::Event("occurred_at")).map(column).unwrap_or_default();
        format!(
            "{{# Printed by `fbcapi model`: change its configuration, not this file. #}}\n\
             {{{{ config(materialized='table') }}}}\n\n\
             with {}\n\n\
             select * from facebook_events\n\
             order by {time} desc\n",
            parts.join(",\n\n")
        )
    }

    /// The events that are taken, with Meta's name for each.
    fn target_events(&self) -> String {
        let names: Vec<String> = self.events.iter().map(|event| literal(&event.name)).collect();
        let mapped = self.events.iter().filter_map(|event| Some((&event.name, event.sent_as.as_ref()?)));
        let typed = self.events.iter().filter_map(|event| Some((&event.name, event.content_type.as_ref()?)));
        let name = case(mapped, &format!("\n            else {}", literal(FALLBACK_NAME)));
        let name = name.unwrap_or_else(|| literal(FALLBACK_NAME));
        let content_type = case(typed, "").unwrap_or_else(|| "cast(null as varchar)".to_owned());
        let mut conditions = vec![format!("event_name in ({})", names.join(", "))];
        if !self.sources.is_empty() {
            let sources: Vec<String> = self.sources.iter().map(|source| literal(source)).collect();
            conditions.push(format!("source in ({})", sources.join(", ")));
        }
        format!(
            "target_events as (
    select
        event_id,
        occurred_at,
        event_name,
        event_description,
        source,
        value,
        value_unit,
        {name} as facebook_event_type,
        {content_type} as facebook_content_type
    from {events}
    where {conditions}
)",
            events = reference("nexus_events"),
            conditions = conditions.join("\n      and "),
        )
    }

    /// Who took part in the role.
    fn customers(&self) -> String {
        let role = literal(&self.role);
        let (id, table, only) = match self.people {
            People::Persons => ("person_id", "nexus_person_participants", ""),
            People::Entities => {
                ("entity_id as person_id", "nexus_entity_participants", "\n      and entity_type = 'person'")
            }
        };
        format!(
            "customers as (
    -- An event without anyone in this role is left out: there is nobody whom Meta could find.
    select
        event_id,
        {id}
    from {table}
    where role = {role}{only}
)",
            table = reference(table),
        )
    }

    /// The clicks that led to events.
    ///
    /// Source: dbt-nexus, `models/intermediate/attribution/attribution-models/pixels/last_fbclid.sql`, which has
    /// `entity_id` and `entity_type` where people are entities.
    fn clicks(&self) -> String {
        let (id, only) = match self.people {
            People::Persons => ("", ""),
            People::Entities => ("\n        entity_id as person_id,", "\n      and entity_type = 'person'"),
        };
        format!(
            "clicks as (
    select
        attributed_event_id as event_id,{id}
        fbclid,
        touchpoint_occurred_at as fbclid_occurred_at,
        attribution_model_name
    from {table}
    where attribution_model_name = {name}
      and fbclid is not null{only}
)",
            table = reference("nexus_attribution_model_results"),
            name = literal(ATTRIBUTION_MODEL),
        )
    }

    /// What was sent to the dataset.
    fn sent(&self, log: &str) -> String {
        format!(
            "sent as (
    select distinct
        facebook_event_sync_id,
        event_name
    from {log}
    where status = {status}
      and dataset_id = {dataset}
)",
            status = literal(SENT),
            dataset = literal(&self.dataset_id),
        )
    }

    /// The rows: each event with one person and at most one click.
    fn facebook_events(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| selected(&column.name, &column.content)).collect();
        let mut joins = match self.people {
            People::Persons => format!(
                "
    inner join customers c
        on c.event_id = e.event_id
    left join {} p
        on p.person_id = c.person_id",
                reference("nexus_persons")
            ),
            People::Entities => format!(
                "
    inner join customers c
        on c.event_id = e.event_id
    left join {} p
        on p.entity_id = c.person_id
        and p.entity_type = 'person'",
                reference("nexus_entities")
            ),
        };
        if self.has_clicks() {
            joins.push_str(
                "
    left join clicks k
        on k.event_id = e.event_id",
            );
        }
        let mut condition = "c.person_id is not null".to_owned();
        if self.send_log.is_some() {
            joins.push_str(
                "
    left join sent s
        on s.facebook_event_sync_id = cast(e.event_id as varchar)
        and s.event_name = e.facebook_event_type",
            );
            condition.push_str("\n      and s.facebook_event_sync_id is null");
        }
        format!(
            "facebook_events as (
    select
        {columns}
    from target_events e{joins}
    where {condition}
    -- One row for each event, whatever the joins give{chosen}
    qualify row_number() over (
        partition by e.event_id
        order by
            {order}
    ) = 1
)",
            columns = columns.join(",\n        "),
            chosen = self.chosen(),
            order = self.order().join(",\n            "),
        )
    }

    /// Which of several rows of an event is taken, in words.
    fn chosen(&self) -> String {
        let mut words = Vec::new();
        if self.reads("email") {
            words.push("a person with an e-mail address before one without");
        }
        if self.reads("phone") {
            words.push("a person with a phone number before one without");
        }
        match (self.has_clicks(), self.people) {
            (true, People::Persons) => words.push("the latest click"),
            (true, People::Entities) => words.push("the person's own click before that of another, the latest of them"),
            (false, People::Persons | People::Entities) => {}
        }
        words.push("the lowest id, so that each build chooses alike");
        format!(":\n    -- {}.", words.join(";\n    -- "))
    }

    /// Which of several rows of an event is taken.
    fn order(&self) -> Vec<&'static str> {
        let mut order = Vec::new();
        if self.reads("email") {
            order.push("case when p.email is null then 1 else 0 end");
        }
        if self.reads("phone") {
            order.push("case when p.phone is null then 1 else 0 end");
        }
        if self.has_clicks() {
            if self.people == People::Entities {
                order.push("case when k.person_id = c.person_id then 0 else 1 end");
            }
            order.push("k.fbclid_occurred_at desc nulls last");
        }
        order.push("c.person_id");
        if self.has_clicks() {
            order.push("k.fbclid");
        }
        order
    }

    /// Whether it reads a column of the table of people.
    fn reads(&self, name: &str) -> bool {
        self.column_of(&Content::Person(name.to_owned())).is_some()
    }
}

/// A case over the names of events, if there is anything to tell apart.
fn case<'a>(cases: impl Iterator<Item = (&'a String, &'a String)>, otherwise: &str) -> Option<String> {
    let line = |(name, value): (&String, &String)| format!("when {} then {}", literal(name), literal(value));
    let cases: Vec<String> = cases.map(line).collect();
    let cases_and_end =
        format!("case event_name\n            {}{otherwise}\n        end", cases.join("\n            "));
    (!cases.is_empty()).then_some(cases_and_end)
}

/// A column as it stands in the list of what is selected.
fn selected(name: &str, content: &Content) -> String {
    let plain = |table: &str, inner: &str| {
        let inner = column(inner);
        if inner == column(name) { format!("{table}.{inner}") } else { format!("{table}.{inner} as {}", column(name)) }
    };
    match content {
        Content::Event(inner) => plain("e", inner),
        Content::PersonId => plain("c", "person_id"),
        Content::Person(inner) => plain("p", inner),
        Content::Click(inner) => plain("k", inner),
        Content::MetaName => plain("e", "facebook_event_type"),
        Content::ContentType => plain("e", "facebook_content_type"),
        Content::Constant(text) => format!("{} as {}", literal(text), column(name)),
        Content::Now => format!("current_timestamp as {}", column(name)),
    }
}

/// A name of a column: as it is where SQL takes it so, and in quotes otherwise.
pub(super) fn column(name: &str) -> String {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// A model of dbt-nexus.
fn reference(model: &str) -> String {
    format!("{{{{ ref('{model}') }}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_in_quotes_only_where_it_must_be() {
        for (name, expected) in [
            ("email", "email"),
            ("_x1", "_x1"),
            ("Whole Name", "\"Whole Name\""),
            ("1st", "\"1st\""),
            ("straße", "\"straße\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("a, b", "\"a, b\""),
        ] {
            assert_eq!(column(name), expected);
        }
    }
}
