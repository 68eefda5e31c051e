//! Which rule the values of a key follow.

use super::ExternalIdForm;
use super::birth::Part;
use crate::meta::MatchKey;

/// A way to normalise. Each has a file of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// As e-mail addresses.
    Email,
    /// As phone numbers.
    Phone,
    /// As names of people.
    Name,
    /// As the beginning of a name, so many letters long.
    NameStart(usize),
    /// As dates of birth.
    Birth,
    /// As a part of a date of birth.
    BirthPart(Part),
    /// As genders.
    Gender,
    /// As cities.
    City,
    /// As states and provinces.
    State,
    /// As postal codes.
    PostalCode,
    /// As countries.
    Country,
    /// As the advertiser's own ids.
    ExternalId,
    /// Trimmed and not hashed.
    AsItIs,
}

impl Rule {
    /// Gives the rule of a key.
    ///
    /// Source: Conversions API, customer information parameters, column "hashing required".
    pub(crate) const fn of(key: MatchKey, external_id: ExternalIdForm) -> Self {
        match key {
            MatchKey::Em => Self::Email,
            MatchKey::Ph => Self::Phone,
            MatchKey::Fn | MatchKey::Ln => Self::Name,
            // Source: Meta Business SDK 26.0.3, `UserData` and its normalising; no page of the Conversions API has these.
            MatchKey::F5first | MatchKey::F5last => Self::NameStart(5),
            MatchKey::Fi => Self::NameStart(1),
            MatchKey::Dobd => Self::BirthPart(Part::Day),
            MatchKey::Dobm => Self::BirthPart(Part::Month),
            MatchKey::Doby => Self::BirthPart(Part::Year),
            MatchKey::AppUserId => Self::ExternalId,
            MatchKey::Db => Self::Birth,
            MatchKey::Ge => Self::Gender,
            MatchKey::Ct => Self::City,
            MatchKey::St => Self::State,
            MatchKey::Zp => Self::PostalCode,
            MatchKey::Country => Self::Country,
            MatchKey::ExternalId => match external_id {
                ExternalIdForm::Hashed => Self::ExternalId,
                ExternalIdForm::Raw => Self::AsItIs,
            },
            MatchKey::ClientIpAddress
            | MatchKey::ClientUserAgent
            | MatchKey::Fbc
            | MatchKey::Fbp
            | MatchKey::SubscriptionId
            | MatchKey::FbLoginId
            | MatchKey::LeadId
            | MatchKey::AnonId
            | MatchKey::Madid
            | MatchKey::PageId
            | MatchKey::PageScopedUserId
            | MatchKey::CtwaClid
            | MatchKey::IgAccountId
            | MatchKey::IgSid
            | MatchKey::WhatsappBusinessAccountId => Self::AsItIs,
        }
    }

    /// Gives the rule in words.
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Email => "trimmed, lower case; one @, a dot in the domain, no white space; dots and +tag stay",
            Self::Phone => {
                "digits of the E.164 form without +, by the row's country or the configured one; extension and trunk \
                 zero cut"
            }
            Self::Name => "lower case without punctuation and white space; letters of every script stay",
            Self::NameStart(_) => "the beginning of a name in lower case without punctuation and white space",
            Self::BirthPart(_) => "two digits of the day or month, four of the year; from a number or a date of birth",
            Self::Birth => "YYYYMMDD, from ISO 8601 or the configured format; from 1900 to today",
            Self::Gender => "f or m, from f, female, m or male",
            Self::City => "lower-case letters only; accents stay",
            Self::State => "two letters for US states and Canadian provinces; elsewhere lower-case letters only",
            Self::PostalCode => "lower case without white space and dashes; in the US the first five digits",
            Self::Country => "ISO 3166-1 alpha-2 code, lower case; alpha-3 codes and English names are mapped",
            Self::ExternalId => "lower case without white space",
            Self::AsItIs => "trimmed, not hashed",
        }
    }
}
