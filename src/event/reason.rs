//! Why a row was not sent, or a field of it was left out.
//!
//! A code is stable: it stands in reports, in the ledger and in the documentation.

/// What a reason concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole row is not sent.
    Row,
    /// One optional field is left out; the row is sent without it.
    Field,
}

/// Why a row was not sent, or a field of it was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The event id is null or blank, so the event could not be kept from being sent twice.
    MissingEventId,
    /// The event time is null or blank.
    MissingEventTime,
    /// The event time is not a time.
    InvalidEventTime,
    /// The event time is a number in milliseconds or microseconds where seconds belong.
    EventTimeNotInSeconds,
    /// The event name is null or blank.
    MissingEventName,
    /// The action source is not one that Meta knows.
    InvalidActionSource,
    /// The match keys that are left are too few for Meta to accept the event.
    TooFewMatchKeys,
    /// A Purchase has no value.
    PurchaseWithoutValue,
    /// A Purchase has no currency.
    PurchaseWithoutCurrency,
    /// The event is older than Meta accepts.
    Expired,
    /// The event time is further in the future than a clock can be wrong.
    InFuture,
    /// The event time is a little in the future; a later run sends it.
    NotYetDue,
    /// The event type is the model's fallback and the configuration says to skip it.
    Unmapped,
    /// The person did not consent.
    NoConsent,
    /// Meta refused the event.
    RefusedByMeta,
    /// The e-mail address is not one.
    InvalidEmail,
    /// The phone number is impossible in its country.
    InvalidPhone,
    /// The phone number names no country and none is known.
    PhoneWithoutCountry,
    /// Nothing is left of the name after normalising.
    InvalidName,
    /// Nothing is left of the city after normalising.
    InvalidCity,
    /// Nothing is left of the state after normalising.
    InvalidState,
    /// Nothing is left of the postal code after normalising.
    InvalidPostalCode,
    /// The country is no ISO 3166-1 country.
    InvalidCountry,
    /// The date of birth is not a date between 1900 and today.
    InvalidDateOfBirth,
    /// The gender is neither female nor male.
    InvalidGender,
    /// Nothing is left of the external id after normalising.
    InvalidExternalId,
    /// The value looks like an MD5 hash, which Meta does not match.
    Md5Hash,
    /// The currency is no ISO 4217 code.
    InvalidCurrency,
    /// The value is not a number.
    InvalidValue,
    /// There is a click id but no time of the click, so no `fbc` can be made.
    ClickWithoutTime,
    /// The time of the click is not a time.
    InvalidClickTime,
    /// The ready-made `fbc` has not the form Meta documents.
    InvalidFbc,
    /// The `fbp` has not the form Meta documents.
    InvalidFbp,
    /// The IP address is not one.
    InvalidIpAddress,
    /// A list or object column does not hold valid JSON.
    InvalidJson,
    /// A cell holds a type that its field cannot be read from.
    UnreadableCell,
}

impl Reason {
    /// The reason's stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingEventId => "missing_event_id",
            Self::MissingEventTime => "missing_event_time",
            Self::InvalidEventTime => "invalid_event_time",
            Self::EventTimeNotInSeconds => "event_time_not_in_seconds",
            Self::MissingEventName => "missing_event_name",
            Self::InvalidActionSource => "invalid_action_source",
            Self::TooFewMatchKeys => "too_few_match_keys",
            Self::PurchaseWithoutValue => "purchase_without_value",
            Self::PurchaseWithoutCurrency => "purchase_without_currency",
            Self::Expired => "expired",
            Self::InFuture => "in_future",
            Self::NotYetDue => "not_yet_due",
            Self::Unmapped => "unmapped",
            Self::NoConsent => "no_consent",
            Self::RefusedByMeta => "refused_by_meta",
            Self::InvalidEmail => "invalid_email",
            Self::InvalidPhone => "invalid_phone",
            Self::PhoneWithoutCountry => "phone_without_country",
            Self::InvalidName => "invalid_name",
            Self::InvalidCity => "invalid_city",
            Self::InvalidState => "invalid_state",
            Self::InvalidPostalCode => "invalid_postal_code",
            Self::InvalidCountry => "invalid_country",
            Self::InvalidDateOfBirth => "invalid_date_of_birth",
            Self::InvalidGender => "invalid_gender",
            Self::InvalidExternalId => "invalid_external_id",
            Self::Md5Hash => "md5_hash",
            Self::InvalidCurrency => "invalid_currency",
            Self::InvalidValue => "invalid_value",
            Self::ClickWithoutTime => "click_without_time",
            Self::InvalidClickTime => "invalid_click_time",
            Self::InvalidFbc => "invalid_fbc",
            Self::InvalidFbp => "invalid_fbp",
            Self::InvalidIpAddress => "invalid_ip_address",
            Self::InvalidJson => "invalid_json",
            Self::UnreadableCell => "unreadable_cell",
        }
    }
}
