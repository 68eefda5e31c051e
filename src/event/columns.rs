//! Which column of the table feeds which field of an event.

use crate::meta::MatchKey;
use crate::source::{ColumnRequest, Need, Reading};

/// A field of an event that a column can feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The event's id: with the name, what keeps it from being sent twice.
    EventId,
    /// When the conversion took place.
    EventTime,
    /// Meta's name of the event, such as `Purchase`.
    EventName,
    /// Where the conversion took place, row by row.
    ActionSource,
    /// The page on which it took place.
    EventSourceUrl,
    /// The page that led there.
    ReferrerUrl,
    /// Whether the event is kept out of ads delivery optimisation.
    OptOut,
    /// The person's id in the warehouse, sent as a further external id.
    PersonId,
    /// First and last name in one, used when both are missing.
    FullName,
    /// The click id of an ad.
    Fbclid,
    /// When the ad was clicked.
    FbclidTime,
    /// Whether the person consented.
    Consent,
    /// A key of `user_data`.
    Match(MatchKey),
}

/// The fields by the names they have in `[columns]`, with Meta's own names beside the plain ones.
const NAMES: [(&str, Field); 47] = [
    ("event_id", Field::EventId),
    ("event_time", Field::EventTime),
    ("event_name", Field::EventName),
    ("action_source", Field::ActionSource),
    ("event_source_url", Field::EventSourceUrl),
    ("referrer_url", Field::ReferrerUrl),
    ("opt_out", Field::OptOut),
    ("email", Field::Match(MatchKey::Em)),
    ("phone", Field::Match(MatchKey::Ph)),
    ("first_name", Field::Match(MatchKey::Fn)),
    ("last_name", Field::Match(MatchKey::Ln)),
    ("full_name", Field::FullName),
    ("date_of_birth", Field::Match(MatchKey::Db)),
    ("gender", Field::Match(MatchKey::Ge)),
    ("city", Field::Match(MatchKey::Ct)),
    ("state", Field::Match(MatchKey::St)),
    ("zip", Field::Match(MatchKey::Zp)),
    ("country", Field::Match(MatchKey::Country)),
    ("external_id", Field::Match(MatchKey::ExternalId)),
    ("person_id", Field::PersonId),
    ("fbclid", Field::Fbclid),
    ("fbclid_time", Field::FbclidTime),
    ("client_ip_address", Field::Match(MatchKey::ClientIpAddress)),
    ("client_user_agent", Field::Match(MatchKey::ClientUserAgent)),
    ("fbc", Field::Match(MatchKey::Fbc)),
    ("fbp", Field::Match(MatchKey::Fbp)),
    ("subscription_id", Field::Match(MatchKey::SubscriptionId)),
    ("fb_login_id", Field::Match(MatchKey::FbLoginId)),
    ("lead_id", Field::Match(MatchKey::LeadId)),
    ("anon_id", Field::Match(MatchKey::AnonId)),
    ("madid", Field::Match(MatchKey::Madid)),
    ("page_id", Field::Match(MatchKey::PageId)),
    ("page_scoped_user_id", Field::Match(MatchKey::PageScopedUserId)),
    ("ctwa_clid", Field::Match(MatchKey::CtwaClid)),
    ("ig_account_id", Field::Match(MatchKey::IgAccountId)),
    ("ig_sid", Field::Match(MatchKey::IgSid)),
    ("whatsapp_business_account_id", Field::Match(MatchKey::WhatsappBusinessAccountId)),
    ("consent", Field::Consent),
    ("em", Field::Match(MatchKey::Em)),
    ("ph", Field::Match(MatchKey::Ph)),
    ("fn", Field::Match(MatchKey::Fn)),
    ("ln", Field::Match(MatchKey::Ln)),
    ("db", Field::Match(MatchKey::Db)),
    ("ge", Field::Match(MatchKey::Ge)),
    ("ct", Field::Match(MatchKey::Ct)),
    ("st", Field::Match(MatchKey::St)),
    ("zp", Field::Match(MatchKey::Zp)),
];

impl Field {
    /// Finds the field that a name in `[columns]` means.
    pub fn parse(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    /// The field's plain name in `[columns]`.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }

    /// Every name that `[columns]` knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// How a column for this field is to be handed over.
    const fn reading(self) -> Reading {
        match self {
            Self::EventTime | Self::FbclidTime => Reading::Time,
            Self::Match(MatchKey::Db) => Reading::Date,
            Self::EventId
            | Self::EventName
            | Self::ActionSource
            | Self::EventSourceUrl
            | Self::ReferrerUrl
            | Self::OptOut
            | Self::PersonId
            | Self::FullName
            | Self::Fbclid
            | Self::Consent
            | Self::Match(_) => Reading::Text,
        }
    }

    /// Whether no event can be made without this field.
    const fn is_required(self) -> bool {
        matches!(self, Self::EventId | Self::EventTime | Self::EventName)
    }

    /// Whether a cell of it helps Meta to find the person.
    const fn is_match_key(self) -> bool {
        matches!(self, Self::Match(_) | Self::FullName | Self::PersonId | Self::Fbclid)
    }
}

/// How the value of a `custom_data` key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number with its very digits.
    Number,
    /// A whole number.
    Whole,
    /// A currency code.
    Currency,
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// A list or object, as JSON.
    Json,
}

/// Keys of `custom_data` that are not plain strings. Source: Conversions API, custom data parameters.
const KINDS: [(&str, Kind); 7] = [
    ("value", Kind::Number),
    ("currency", Kind::Currency),
    ("content_ids", Kind::Texts),
    ("contents", Kind::Json),
    ("num_items", Kind::Whole),
    ("predicted_ltv", Kind::Number),
    ("net_revenue", Kind::Number),
];

/// Keys of `custom_data` that `[columns]` takes beside the fields.
/// Source: Conversions API, custom data parameters.
pub const CUSTOM_KEYS: [&str; 14] = [
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
];

/// Where a field's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A column that the configuration names.
    Column(String),
    /// A column that a preset names, which the table may lack.
    Preset(String),
    /// The same value for every row.
    Constant(String),
}

impl Origin {
    /// The column's name, if it is one.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Column(name) | Self::Preset(name) => Some(name),
            Self::Constant(_) => None,
        }
    }
}

/// A key of `custom_data` and where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomField {
    /// The key on the wire.
    pub key: String,
    /// How its value is written.
    pub kind: Kind,
    /// Where it comes from.
    pub origin: Origin,
}

/// A table shape that the program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// The dbt model `facebook_events`.
    FacebookEvents,
    /// The newer upstream view `marketing_conversions_facebook`.
    MarketingConversionsFacebook,
}

impl Preset {
    /// Every preset by its name in the configuration.
    pub const NAMES: [(&'static str, Self); 2] = [
        ("facebook_events", Self::FacebookEvents),
        ("marketing_conversions_facebook", Self::MarketingConversionsFacebook),
    ];

    const fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::FacebookEvents => &[
                ("event_id", "event_id"),
                ("event_time", "occurred_at"),
                ("event_name", "facebook_event_type"),
                ("email", "email"),
                ("phone", "phone"),
                ("first_name", "first_name"),
                ("last_name", "last_name"),
                ("full_name", "full_name"),
                ("date_of_birth", "date_of_birth"),
                ("external_id", "external_id"),
                ("person_id", "person_id"),
                ("fbclid", "fbclid"),
                ("fbclid_time", "fbclid_occurred_at"),
                ("value", "value"),
                ("currency", "currency"),
                ("content_type", "facebook_content_type"),
            ],
            Self::MarketingConversionsFacebook => &[
                ("event_id", "event_id"),
                ("event_time", "event_time"),
                ("event_name", "event_name"),
                ("action_source", "action_source"),
                ("event_source_url", "event_source_url"),
                ("email", "email"),
                ("phone", "phone"),
                ("first_name", "first_name"),
                ("last_name", "last_name"),
                ("full_name", "full_name"),
                ("city", "city"),
                ("state", "state"),
                ("zip", "zip_code"),
                ("country", "country"),
                ("external_id", "external_id"),
                ("person_id", "entity_id"),
                ("subscription_id", "subscription_id"),
                ("fbclid", "fbclid"),
                ("fbclid_time", "fbclid_occurred_at"),
                ("fbc", "fbc"),
                ("fbp", "fbp"),
                ("value", "value"),
                ("currency", "currency"),
                ("content_type", "content_type"),
                ("contents", "contents"),
            ],
        }
    }
}

/// Which column or constant feeds which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    fields: Vec<(Field, Origin)>,
    custom: Vec<CustomField>,
}

impl Columns {
    /// Starts from the columns of a preset.
    pub fn new(preset: Preset) -> Self {
        let mut columns = Self { fields: Vec::new(), custom: Vec::new() };
        for (name, column) in preset.fields() {
            columns.set(name, Origin::Preset((*column).to_owned()));
        }
        columns
    }

    /// Feeds a field, or a known key of `custom_data`, from `origin`; says whether the name is known.
    pub fn set(&mut self, name: &str, origin: Origin) -> bool {
        if let Some(field) = Field::parse(name) {
            match self.fields.iter_mut().find(|(known, _)| *known == field) {
                Some((_, old)) => *old = origin,
                None => self.fields.push((field, origin)),
            }
            return true;
        }
        let is_known = CUSTOM_KEYS.contains(&name);
        if is_known {
            self.set_custom(name, origin);
        }
        is_known
    }

    /// Feeds a key of `custom_data` from `origin`.
    pub fn set_custom(&mut self, key: &str, origin: Origin) {
        if let Some(field) = self.custom.iter_mut().find(|field| field.key == key) {
            field.origin = origin;
            return;
        }
        let kind = KINDS.iter().find(|(known, _)| *known == key).map_or(Kind::Text, |(_, kind)| *kind);
        self.custom.push(CustomField { key: key.to_owned(), kind, origin });
    }

    /// Where a field's value comes from, if from anywhere.
    pub fn origin(&self, field: Field) -> Option<&Origin> {
        self.fields.iter().find(|(known, _)| *known == field).map(|(_, origin)| origin)
    }

    /// The keys of `custom_data`, in the order in which they are written.
    pub fn custom(&self) -> &[CustomField] {
        &self.custom
    }

    /// The columns to ask a source for, each once.
    pub fn requests(&self) -> Vec<ColumnRequest> {
        let mut requests: Vec<ColumnRequest> = Vec::new();
        let fields = self.fields.iter().map(|(field, origin)| (origin, field.reading(), field.is_required()));
        let custom = self.custom.iter().map(|field| (&field.origin, Reading::Text, false));
        for (origin, reading, is_required) in fields.chain(custom) {
            let (name, need) = match origin {
                Origin::Column(name) => (name, Need::Required),
                Origin::Preset(name) if is_required => (name, Need::Required),
                Origin::Preset(name) => (name, Need::IfPresent),
                Origin::Constant(_) => continue,
            };
            match requests.iter_mut().find(|request| request.name.eq_ignore_ascii_case(name)) {
                Some(request) if need == Need::Required => request.need = need,
                Some(_) => {}
                None => requests.push(ColumnRequest { name: name.clone(), reading, need }),
            }
        }
        requests
    }

    /// The columns that hold match keys.
    pub fn match_columns(&self) -> Vec<String> {
        let keys = self.fields.iter().filter(|(field, _)| field.is_match_key());
        keys.filter_map(|(_, origin)| origin.column().map(str::to_owned)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_asks_only_for_what_it_sends() {
        let requests = Columns::new(Preset::FacebookEvents).requests();
        let names: Vec<&str> = requests.iter().map(|request| request.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "event_id",
                "occurred_at",
                "facebook_event_type",
                "email",
                "phone",
                "first_name",
                "last_name",
                "full_name",
                "date_of_birth",
                "external_id",
                "person_id",
                "fbclid",
                "fbclid_occurred_at",
                "value",
                "currency",
                "facebook_content_type"
            ]
        );
        let required: Vec<&str> =
            requests.iter().filter(|r| r.need == Need::Required).map(|r| r.name.as_str()).collect();
        assert_eq!(required, ["event_id", "occurred_at", "facebook_event_type"]);
    }

    #[test]
    fn a_configured_column_is_needed_and_asked_for_once() {
        let mut columns = Columns::new(Preset::FacebookEvents);
        assert!(columns.set("email", Origin::Column("EVENT_ID".into())));
        assert!(columns.set("order_id", Origin::Column("order_no".into())));
        assert!(columns.set("currency", Origin::Constant("EUR".into())));
        assert!(!columns.set("e-mail", Origin::Constant("x".into())));
        let requests = columns.requests();
        assert_eq!(requests.iter().filter(|r| r.name.eq_ignore_ascii_case("event_id")).count(), 1);
        assert!(requests.iter().any(|r| r.name == "order_no" && r.need == Need::Required));
        assert!(!requests.iter().any(|r| r.name == "currency"));
    }

    #[test]
    fn every_field_has_one_plain_name() {
        for (name, field) in NAMES {
            assert_eq!(Field::parse(field.name()), Some(field), "{name}");
        }
    }
}
