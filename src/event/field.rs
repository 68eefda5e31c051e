//! The fields of an event that a column can feed, by the names they have in `[columns]`.

use crate::meta::MatchKey;
use crate::source::{HashedField, Reading};

/// A field of an event that a column can feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The event's id: with the name, what keeps it from being sent twice.
    EventId,
    /// When the conversion took place.
    EventTime,
    /// Meta's name of the event, such as `Purchase`.
    EventName,
    /// The name that the event has where it comes from, which `[events]` can rename.
    SourceName,
    /// Where the conversion took place, row by row.
    ActionSource,
    /// The page on which it took place.
    EventSourceUrl,
    /// The page that led there.
    ReferrerUrl,
    /// Whether the event is kept out of ads delivery optimisation.
    OptOut,
    /// Whether Limited Data Use holds for the person.
    DataProcessingOptions,
    /// The country of Limited Data Use.
    DataProcessingCountry,
    /// The state of Limited Data Use.
    DataProcessingState,
    /// The messaging app in which the conversion took place.
    MessagingChannel,
    /// A table of Meta's advanced measurement.
    AdvancedMeasurementTable,
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
const NAMES: [(&str, Field); 60] = [
    ("event_id", Field::EventId),
    ("event_time", Field::EventTime),
    ("event_name", Field::EventName),
    ("source_event_name", Field::SourceName),
    ("action_source", Field::ActionSource),
    ("event_source_url", Field::EventSourceUrl),
    ("referrer_url", Field::ReferrerUrl),
    ("opt_out", Field::OptOut),
    ("data_processing_options", Field::DataProcessingOptions),
    ("data_processing_options_country", Field::DataProcessingCountry),
    ("data_processing_options_state", Field::DataProcessingState),
    ("messaging_channel", Field::MessagingChannel),
    ("advanced_measurement_table", Field::AdvancedMeasurementTable),
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
    ("f5first", Field::Match(MatchKey::F5first)),
    ("f5last", Field::Match(MatchKey::F5last)),
    ("fi", Field::Match(MatchKey::Fi)),
    ("dobd", Field::Match(MatchKey::Dobd)),
    ("dobm", Field::Match(MatchKey::Dobm)),
    ("doby", Field::Match(MatchKey::Doby)),
    ("app_user_id", Field::Match(MatchKey::AppUserId)),
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

/// The digest of each match key.
static KEYS: [HashedField; MatchKey::ALL.len()] = {
    let mut keys = [HashedField::PersonId; MatchKey::ALL.len()];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = HashedField::Key(MatchKey::ALL[at]);
        at += 1;
    }
    keys
};

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
    pub(super) const fn reading(self) -> Reading {
        match self {
            Self::EventTime | Self::FbclidTime => Reading::Time,
            Self::Match(MatchKey::Db | MatchKey::Dobd | MatchKey::Dobm | MatchKey::Doby) => Reading::Date,
            Self::EventId
            | Self::EventName
            | Self::SourceName
            | Self::ActionSource
            | Self::EventSourceUrl
            | Self::ReferrerUrl
            | Self::OptOut
            | Self::DataProcessingOptions
            | Self::DataProcessingCountry
            | Self::DataProcessingState
            | Self::MessagingChannel
            | Self::AdvancedMeasurementTable
            | Self::PersonId
            | Self::FullName
            | Self::Fbclid
            | Self::Consent
            | Self::Match(_) => Reading::Text,
        }
    }

    /// The digests that are made of it, if it is hashed at all.
    pub(super) fn digests(self) -> &'static [HashedField] {
        match self {
            Self::Match(key) if key.is_hashed() => KEYS
                .iter()
                .position(|known| *known == HashedField::Key(key))
                .and_then(|at| KEYS.get(at..=at))
                .unwrap_or(&[]),
            Self::PersonId => &[HashedField::PersonId],
            Self::FullName => &[HashedField::FirstOfFullName, HashedField::LastOfFullName],
            Self::EventId
            | Self::EventTime
            | Self::EventName
            | Self::SourceName
            | Self::ActionSource
            | Self::EventSourceUrl
            | Self::ReferrerUrl
            | Self::OptOut
            | Self::DataProcessingOptions
            | Self::DataProcessingCountry
            | Self::DataProcessingState
            | Self::MessagingChannel
            | Self::AdvancedMeasurementTable
            | Self::Fbclid
            | Self::FbclidTime
            | Self::Consent
            | Self::Match(_) => &[],
        }
    }

    /// Whether no event can be made without this field.
    pub(super) const fn is_required(self) -> bool {
        matches!(self, Self::EventId | Self::EventTime | Self::EventName)
    }

    /// Whether a cell of it helps Meta to find the person.
    pub(super) const fn is_match_key(self) -> bool {
        matches!(self, Self::Match(_) | Self::FullName | Self::PersonId | Self::Fbclid)
    }

    /// The fields that are out when this one is, because they say the same.
    pub(super) const fn with_it(self) -> &'static [Self] {
        match self {
            Self::Match(MatchKey::ExternalId) => &[Self::PersonId],
            Self::Match(MatchKey::Fbc) => &[Self::Fbclid, Self::FbclidTime],
            Self::Fbclid => &[Self::FbclidTime],
            Self::DataProcessingOptions => &[Self::DataProcessingCountry, Self::DataProcessingState],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_one_plain_name() {
        for (name, field) in NAMES {
            assert_eq!(Field::parse(field.name()), Some(field), "{name}");
        }
    }

    #[test]
    fn every_match_key_can_be_fed() {
        for key in MatchKey::ALL {
            assert!(!Field::Match(key).name().is_empty(), "{key:?}");
        }
    }
}
