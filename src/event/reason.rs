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
    /// An event in an app lacks a flag about tracking or what is known of the device (`extinfo`).
    AppWithoutAppData,
    /// An event from business messaging has a name that Meta does not take there.
    MessagingEventName,
    /// An event from business messaging does not say in which app it took place.
    MessagingWithoutChannel,
    /// An event from business messaging lacks the ids of its app.
    MessagingWithoutIds,
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
    /// The value looks like an MD5 hash, which Meta does not match.
    Md5Hash,
    /// The warehouse cannot hash the value as this program does: it is a list, or written in a way that needs more than SQL.
    NeedsClientHashing,
    /// What the warehouse gave is no SHA-256 digest.
    InvalidHash,
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
    /// The page's address is not one.
    InvalidUrl,
    /// The id is not made of digits.
    InvalidId,
    /// The word is not one that Meta knows for this key.
    InvalidChoice,
    /// The flag is neither yes nor no.
    InvalidFlag,
    /// The time of what the event refers to is not a time.
    InvalidTime,
    /// The data processing options are unknown, or name a place that Meta does not; the event is sent with Limited Data Use everywhere.
    InvalidDataProcessing,
    /// What is known of the device has not sixteen slots, or does not begin with `a2` or `i2`.
    InvalidExtinfo,
    /// An item of `contents` has no id, for which Meta would refuse the event.
    ContentsWithoutId,
    /// The lists that make up `contents` are of different length.
    UnevenLists,
    /// The object has a key that Meta does not know, for which it would refuse the event; the key is left out.
    UnknownKey,
    /// The value looks like an e-mail address or a phone number, and would leave in the clear.
    PersonalData,
    /// An event on a website names no page; Meta asks for it but takes the event.
    WebsiteWithoutUrl,
    /// An event on a website has no user agent; Meta asks for it but takes the event.
    WebsiteWithoutUserAgent,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 57] = [
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
        Self::AppWithoutAppData,
        Self::MessagingEventName,
        Self::MessagingWithoutChannel,
        Self::MessagingWithoutIds,
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
        Self::Md5Hash,
        Self::NeedsClientHashing,
        Self::InvalidHash,
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
        Self::InvalidUrl,
        Self::InvalidId,
        Self::InvalidChoice,
        Self::InvalidFlag,
        Self::InvalidTime,
        Self::InvalidDataProcessing,
        Self::InvalidExtinfo,
        Self::ContentsWithoutId,
        Self::UnevenLists,
        Self::UnknownKey,
        Self::PersonalData,
        Self::WebsiteWithoutUrl,
        Self::WebsiteWithoutUserAgent,
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
            Self::AppWithoutAppData => "app_without_app_data",
            Self::MessagingEventName => "messaging_event_name",
            Self::MessagingWithoutChannel => "messaging_without_channel",
            Self::MessagingWithoutIds => "messaging_without_ids",
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
            Self::Md5Hash => "md5_hash",
            Self::NeedsClientHashing => "needs_client_hashing",
            Self::InvalidHash => "invalid_hash",
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
            Self::InvalidUrl => "invalid_url",
            Self::InvalidId => "invalid_id",
            Self::InvalidChoice => "invalid_choice",
            Self::InvalidFlag => "invalid_flag",
            Self::InvalidTime => "invalid_time",
            Self::InvalidDataProcessing => "invalid_data_processing",
            Self::InvalidExtinfo => "invalid_extinfo",
            Self::ContentsWithoutId => "contents_without_id",
            Self::UnevenLists => "uneven_lists",
            Self::UnknownKey => "unknown_key",
            Self::PersonalData => "personal_data",
            Self::WebsiteWithoutUrl => "website_without_url",
            Self::WebsiteWithoutUserAgent => "website_without_user_agent",
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
                | Self::AppWithoutAppData
                | Self::MessagingEventName
                | Self::MessagingWithoutChannel
                | Self::MessagingWithoutIds
                | Self::Expired
                | Self::InFuture
                | Self::NotYetDue
                | Self::Unmapped
                | Self::NoConsent
                | Self::RefusedByMeta
        )
    }

    /// Whether nothing is left out for this reason, and the event is sent whole.
    pub const fn is_advice(self) -> bool {
        matches!(self, Self::WebsiteWithoutUrl | Self::WebsiteWithoutUserAgent)
    }

    /// Finds the reason for which a field can be left out, by its code.
    pub fn of_field(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code && !reason.stops_row() && !reason.is_advice())
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
            Self::AppWithoutAppData => {
                "map [columns.app_data] application_tracking_enabled, advertiser_tracking_enabled and extinfo"
            }
            Self::MessagingEventName => {
                "rename it under [events] to one of Meta's messaging events, such as Purchase, LeadSubmitted or OrderCreated"
            }
            Self::MessagingWithoutChannel => "map messaging_channel: whatsapp, messenger or instagram",
            Self::MessagingWithoutIds => {
                "map ctwa_clid with page_id or whatsapp_business_account_id (whatsapp), page_id (messenger) or ig_account_id (instagram)"
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
            Self::Md5Hash => "hash with SHA-256, or give the clear value and let fbcapi hash it",
            Self::NeedsClientHashing => {
                "write it plainly in the model (a phone number with + and its country code), or set [privacy] hash_in = \"client\""
            }
            Self::InvalidHash => {
                "nothing in the table is wrong: report it, and set [privacy] hash_in = \"client\" until then"
            }
            Self::InvalidCurrency => "use three-letter codes of ISO 4217",
            Self::InvalidValue => "make it a number without currency sign or group separators",
            Self::InvalidOptOut | Self::InvalidFlag => "use true or false",
            Self::ValueWithoutCurrency => "fill the currency, or set [columns] currency = { value = \"USD\" }",
            Self::ClickWithoutTime => "fill the time of the click (fbclid_occurred_at)",
            Self::InvalidClickTime => "make the time of the click a timestamp",
            Self::InvalidFbc => "pass the _fbc cookie on as it is, or leave it to fbclid and its time",
            Self::InvalidFbp => "pass the _fbp cookie on as it is",
            Self::InvalidIpAddress => "pass one IPv4 or IPv6 address",
            Self::InvalidJson => "make it valid JSON: contents is a list of objects with an id",
            Self::InvalidUrl => "give the whole address, beginning with https:// or http://",
            Self::InvalidId => "pass lead_id and fb_login_id on as Meta gave them",
            Self::InvalidChoice => {
                "use the words of Meta's documentation, as in_store, curbside or home_delivery for delivery_category"
            }
            Self::InvalidTime => "make it a timestamp, ISO 8601 text or seconds since 1970",
            Self::InvalidDataProcessing => {
                "use LDU or an empty list, country 1 with a state from 1000 to 1013 (or US with two letters), or neither"
            }
            Self::InvalidExtinfo => "pass extinfo on as the app's SDK made it",
            Self::ContentsWithoutId => "give every item of contents an id",
            Self::UnevenLists => {
                "make the lists in [columns.contents] equally long, with null where an item has no value"
            }
            Self::UnknownKey => "take the key out of the object, or move it to [columns.custom_data]",
            Self::PersonalData => {
                "map it as email or phone, which are hashed; if it is no one's, write { column = \"…\", personal = false }"
            }
            Self::WebsiteWithoutUrl => "map event_source_url, or choose another action_source",
            Self::WebsiteWithoutUserAgent => "map client_user_agent, or choose another action_source",
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
