//! Why a row was not sent, or a field of it was left out.
//!
//! A code is stable: it stands in reports, in the ledger and in the documentation.

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
    /// The value of a Purchase is not a number.
    PurchaseWithInvalidValue,
    /// The currency of a Purchase is no ISO 4217 code.
    PurchaseWithInvalidCurrency,
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
    /// The opt-out is neither yes nor no; the event is sent as opted out.
    InvalidOptOut,
    /// The value has no currency, with which Meta would refuse the event.
    ValueWithoutCurrency,
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
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 39] = [
        Self::MissingEventId,
        Self::MissingEventTime,
        Self::InvalidEventTime,
        Self::EventTimeNotInSeconds,
        Self::MissingEventName,
        Self::InvalidActionSource,
        Self::TooFewMatchKeys,
        Self::PurchaseWithoutValue,
        Self::PurchaseWithoutCurrency,
        Self::PurchaseWithInvalidValue,
        Self::PurchaseWithInvalidCurrency,
        Self::Expired,
        Self::InFuture,
        Self::NotYetDue,
        Self::Unmapped,
        Self::NoConsent,
        Self::RefusedByMeta,
        Self::InvalidEmail,
        Self::InvalidPhone,
        Self::PhoneWithoutCountry,
        Self::InvalidName,
        Self::InvalidCity,
        Self::InvalidState,
        Self::InvalidPostalCode,
        Self::InvalidCountry,
        Self::InvalidDateOfBirth,
        Self::InvalidGender,
        Self::InvalidExternalId,
        Self::Md5Hash,
        Self::InvalidCurrency,
        Self::InvalidValue,
        Self::InvalidOptOut,
        Self::ValueWithoutCurrency,
        Self::ClickWithoutTime,
        Self::InvalidClickTime,
        Self::InvalidFbc,
        Self::InvalidFbp,
        Self::InvalidIpAddress,
        Self::InvalidJson,
    ];

    /// The stable code.
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
            Self::PurchaseWithInvalidValue => "purchase_with_invalid_value",
            Self::PurchaseWithInvalidCurrency => "purchase_with_invalid_currency",
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
            Self::InvalidOptOut => "invalid_opt_out",
            Self::ValueWithoutCurrency => "value_without_currency",
            Self::ClickWithoutTime => "click_without_time",
            Self::InvalidClickTime => "invalid_click_time",
            Self::InvalidFbc => "invalid_fbc",
            Self::InvalidFbp => "invalid_fbp",
            Self::InvalidIpAddress => "invalid_ip_address",
            Self::InvalidJson => "invalid_json",
        }
    }

    /// Whether the row is not sent for this reason; otherwise it is sent without the field.
    pub const fn stops_row(self) -> bool {
        matches!(
            self,
            Self::MissingEventId
                | Self::MissingEventTime
                | Self::InvalidEventTime
                | Self::EventTimeNotInSeconds
                | Self::MissingEventName
                | Self::InvalidActionSource
                | Self::TooFewMatchKeys
                | Self::PurchaseWithoutValue
                | Self::PurchaseWithoutCurrency
                | Self::PurchaseWithInvalidValue
                | Self::PurchaseWithInvalidCurrency
                | Self::Expired
                | Self::InFuture
                | Self::NotYetDue
                | Self::Unmapped
                | Self::NoConsent
                | Self::RefusedByMeta
        )
    }

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::MissingEventId => {
                "give every row of the table an event_id: without one nothing keeps the event from being sent twice"
            }
            Self::MissingEventTime => "fill the event time column; the time is never guessed",
            Self::InvalidEventTime => "make the event time a timestamp, ISO 8601 text or seconds since 1970",
            Self::EventTimeNotInSeconds => "divide the event time by 1000 (or more): it counts milliseconds or finer",
            Self::MissingEventName => "fill facebook_event_type, or map event_name in [columns]",
            Self::InvalidActionSource => {
                "use one of Meta's action sources, such as website, email, phone_call or system_generated"
            }
            Self::TooFewMatchKeys => "add a column that identifies the person: email, phone, external_id or fbclid",
            Self::PurchaseWithoutValue => "fill the value of every Purchase; zero is a value",
            Self::PurchaseWithoutCurrency => {
                "fill the currency of every Purchase, or set [columns] currency = { value = \"USD\" }"
            }
            Self::PurchaseWithInvalidValue => {
                "make the value of every Purchase a number without currency sign or group separators"
            }
            Self::PurchaseWithInvalidCurrency => {
                "use three-letter codes of ISO 4217 for the currency of every Purchase"
            }
            Self::Expired => "run more often: Meta accepts events for 7 days (62 days in a physical store)",
            Self::InFuture => {
                "check the event time's zone ([source] timezone) and the clock of the system that wrote it"
            }
            Self::NotYetDue => "nothing: a later run sends it",
            Self::Unmapped => "map the event in the model, or set [meta] unmapped = \"send\"",
            Self::NoConsent => "nothing, unless the consent column is wrong",
            Self::RefusedByMeta => {
                "look the code up in Meta's error reference; the event is tried again when its row changes"
            }
            Self::InvalidEmail => "correct the address at its source",
            Self::InvalidPhone => "correct the number at its source, or its country",
            Self::PhoneWithoutCountry => "set [phone] default_country, or map a country column",
            Self::InvalidName => "correct the name at its source",
            Self::InvalidCity => "correct the city at its source",
            Self::InvalidState => "correct the state at its source",
            Self::InvalidPostalCode => "correct the postal code at its source",
            Self::InvalidCountry => "use two-letter country codes of ISO 3166-1",
            Self::InvalidDateOfBirth => "make it a DATE or ISO 8601 text, or set [source] date_format",
            Self::InvalidGender => "use f or m",
            Self::InvalidExternalId => "give ids that hold more than white space",
            Self::Md5Hash => "hash with SHA-256, or give the clear value and let fbcapi hash it",
            Self::InvalidCurrency => "use three-letter codes of ISO 4217",
            Self::InvalidValue => "make it a number without currency sign or group separators",
            Self::InvalidOptOut => "use true or false",
            Self::ValueWithoutCurrency => "fill the currency, or set [columns] currency = { value = \"USD\" }",
            Self::ClickWithoutTime => "fill the time of the click (fbclid_occurred_at)",
            Self::InvalidClickTime => "make the time of the click a timestamp",
            Self::InvalidFbc => "pass the _fbc cookie on as it is, or leave it to fbclid and its time",
            Self::InvalidFbp => "pass the _fbp cookie on as it is",
            Self::InvalidIpAddress => "pass one IPv4 or IPv6 address",
            Self::InvalidJson => "make it valid JSON: contents is a list of objects with an id",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_all_different() {
        let codes: std::collections::BTreeSet<&str> = Reason::ALL.into_iter().map(Reason::code).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
    }
}
