//! The dbt model that makes the table: from dbt-nexus's events, people and clicks to one row for each conversion.
//!
//! Pure: a [`Model`] is what the configuration means for it, [`Model::sql`] and [`Model::schema`] are its two files.

mod sql;
mod schema;
#[cfg(test)]
mod tests;

/// What the model is to make, every value checked.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its name, by which dbt and its file know it.
    pub name: String,
    /// The dataset that its rows are sent to.
    pub dataset_id: String,
    /// Which tables of dbt-nexus hold the people.
    pub people: People,
    /// The events that it takes.
    pub events: Vec<TargetEvent>,
    /// The sources that it takes them from; none takes them from all.
    pub sources: Vec<String>,
    /// The role in which the person who converted took part.
    pub role: String,
    /// The send log whose events it leaves out, as a name of one to three parts that SQL understands.
    pub send_log: Option<String>,
    /// The columns that it makes.
    pub columns: Vec<Column>,
    /// What people should know of it.
    pub notes: Vec<String>,
}

/// Which tables of dbt-nexus hold the people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum People {
    /// `nexus_persons` and `nexus_person_participants`, up to dbt-nexus 1.
    Persons,
    /// `nexus_entities` and `nexus_entity_participants`, which hold other things than people as well.
    ///
    /// Source: slide-rule-tech/dbt-nexus, `CHANGELOG-v2.md` and `models/core/nexus_entity_participants.sql`.
    Entities,
}

impl People {
    /// Both by their names in the configuration.
    pub const NAMES: [(&'static str, Self); 2] = [("persons", Self::Persons), ("entities", Self::Entities)];
}

/// An event that the model takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetEvent {
    /// Its name in `nexus_events`.
    pub name: String,
    /// Meta's name for it; without one it is [`FALLBACK_NAME`](crate::event::rules::FALLBACK_NAME).
    pub sent_as: Option<String>,
    /// The type of its content.
    pub content_type: Option<String>,
}

/// A column that the model makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What stands in it.
    pub content: Content,
}

/// What stands in a column of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A column of `nexus_events`.
    Event(&'static str),
    /// The person's id.
    PersonId,
    /// A column of the table of people.
    Person(String),
    /// A column of the click that led to the event.
    Click(&'static str),
    /// Meta's name for the event.
    MetaName,
    /// The type of the event's content.
    ContentType,
    /// The same text in every row.
    Constant(String),
    /// When the row was made.
    Now,
}

/// The currency of the customer's design, which holds until the configuration says another.
pub const USUAL_CURRENCY: &str = "USD";

/// The events of the customer's design and Meta's names for them, which hold until the configuration maps others.
pub const USUAL_EVENTS: [(&str, &str); 3] =
    [("purchase completed", "Purchase"), ("lead generated", "Lead"), ("sign up", "CompleteRegistration")];

/// The columns of the model in their order, each with the field or key of `[columns]` that it feeds, if it feeds any.
pub fn usual_columns() -> [(&'static str, Option<&'static str>, Content); 22] {
    let person = |name: &str| Content::Person(name.to_owned());
    [
        ("event_id", Some("event_id"), Content::Event("event_id")),
        ("occurred_at", Some("event_time"), Content::Event("occurred_at")),
        ("event_name", Some("source_event_name"), Content::Event("event_name")),
        ("event_description", None, Content::Event("event_description")),
        ("source", None, Content::Event("source")),
        ("value", Some("value"), Content::Event("value")),
        ("value_unit", None, Content::Event("value_unit")),
        ("person_id", Some("person_id"), Content::PersonId),
        ("email", Some("email"), person("email")),
        ("full_name", Some("full_name"), person("full_name")),
        ("phone", Some("phone"), person("phone")),
        ("first_name", Some("first_name"), person("first_name")),
        ("last_name", Some("last_name"), person("last_name")),
        ("external_id", Some("external_id"), person("external_id")),
        ("date_of_birth", Some("date_of_birth"), person("date_of_birth")),
        ("fbclid", Some("fbclid"), Content::Click("fbclid")),
        ("fbclid_occurred_at", Some("fbclid_time"), Content::Click("fbclid_occurred_at")),
        ("attribution_model_name", None, Content::Click("attribution_model_name")),
        ("facebook_event_type", Some("event_name"), Content::MetaName),
        ("facebook_content_type", Some("content_type"), Content::ContentType),
        ("currency", Some("currency"), Content::Constant(USUAL_CURRENCY.to_owned())),
        ("processed_at", None, Content::Now),
    ]
}

impl Model {
    /// The name of the column in which something stands, if the model has it.
    fn column_of(&self, content: &Content) -> Option<&str> {
        self.columns.iter().find(|column| column.content == *content).map(|column| column.name.as_str())
    }

    /// Whether it looks for clicks.
    fn has_clicks(&self) -> bool {
        self.column_of(&Content::Click("fbclid")).is_some()
    }
}
