//! The shapes of tables that the program knows.

/// A shape of table that the program knows.
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

    /// The fields and keys that its columns feed, each with the column.
    pub(super) const fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::FacebookEvents => &[
                ("event_id", "event_id"),
                ("event_time", "occurred_at"),
                ("event_name", "facebook_event_type"),
                ("source_event_name", "event_name"),
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
