//! What Meta says when it refuses a request. The one table of codes, titles and texts.
//!
//! Bodies were collected from public reports of real refusals. Where only the subcode is known, title and text are
//! ours and say so; a client must decide by the codes alone.

use std::borrow::Cow;

use serde::Serialize;

/// The language of titles and texts, which Meta takes from the owner of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// French, where a French body was seen; else English.
    French,
    /// Danish, where a Danish body was seen; else English.
    Danish,
}

/// Whether an answer names the event that it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Blame {
    /// It does not, as no public body of this edge does.
    #[default]
    Nobody,
    /// It does, in the `blame_field_specs` that Meta documents for other edges: `[["data", "14", "event_time"]]`.
    Event,
}

/// Why a whole request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No token came with the request.
    TokenMissing,
    /// The token is not the expected one.
    TokenUnknown,
    /// An app secret is set and no proof came.
    ProofMissing,
    /// The proof was made with another secret or token.
    ProofWrong,
    /// The path has no version.
    VersionMissing,
    /// The dataset does not exist, or the edge has no such method.
    ObjectUnknown { method: String, id: String },
    /// The dataset id is not a number.
    AliasUnknown { id: String },
    /// The path leads nowhere.
    PathUnknown { path: String },
    /// There is no `data`, or the body cannot be read.
    DataMissing,
    /// `data` is no array.
    DataNotArray,
    /// There are more events than a request may hold.
    TooManyEvents,
    /// The body is larger than the sandbox takes, or it was cut off and nobody reads the answer.
    BodyUnreadable,
    /// The sandbox could not write down what it received.
    NotRecorded,
    /// One event is bad, hence all are refused.
    Event { index: usize, fault: EventFault },
}

/// What is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventFault {
    /// It is no object, or a field has a type that Meta does not document.
    Unreadable,
    /// A required field is absent or blank.
    Missing(&'static str),
    /// A field holds a value that is not among those documented.
    Invalid(&'static str),
    /// It has a key that no event has.
    UnexpectedKey(String),
    /// It is older than Meta accepts.
    TooOld,
    /// It has not happened yet.
    InFuture,
    /// A customer information parameter is in the clear.
    NotHashed(&'static str),
    /// Its customer information is missing or too broad.
    TooFewKeys,
    /// A Purchase has no value.
    PurchaseWithoutValue,
    /// A Purchase has no currency.
    PurchaseWithoutCurrency,
    /// A value has no currency.
    ValueWithoutCurrency,
    /// An item of `contents` has no id.
    ContentWithoutId,
    /// A `WhatsApp` event names neither page nor business account.
    MessagingWithoutPage,
}

/// One line of the table.
struct Facts {
    status: u16,
    kind: &'static str,
    code: u32,
    subcode: Option<u32>,
    message: Cow<'static, str>,
    user: Option<(Cow<'static, str>, Cow<'static, str>)>,
}

/// An error's body as it stands on the wire.
#[derive(Serialize)]
struct Body<'a> {
    error: ErrorBody<'a>,
}

/// The one member of an error's body.
#[derive(Serialize)]
struct ErrorBody<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    code: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_data: Option<ErrorData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_subcode: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_transient: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_user_title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_user_msg: Option<&'a str>,
    fbtrace_id: &'a str,
}

/// The fields that an answer blames. Source: Marketing API, error reference, `blame_field_specs`.
#[derive(Serialize)]
struct ErrorData {
    blame_field_specs: [Vec<String>; 1],
}

impl Refusal {
    /// The HTTP status of the answer.
    pub(crate) fn status(&self) -> u16 {
        self.facts(Language::English).status
    }

    /// The code and subcode, by which refusals are counted.
    pub(crate) fn codes(&self) -> String {
        let facts = self.facts(Language::English);
        match facts.subcode {
            Some(subcode) => format!("{}/{subcode}", facts.code),
            None => facts.code.to_string(),
        }
    }

    /// The answer's body.
    pub(crate) fn body(&self, language: Language, blame: Blame, trace: &str) -> Vec<u8> {
        let facts = self.facts(language);
        let blamed = match (blame, self) {
            (Blame::Event, Self::Event { index, fault }) => {
                let path = ["data".to_owned(), index.to_string()];
                let field = fault.field().map(str::to_owned);
                Some(ErrorData { blame_field_specs: [path.into_iter().chain(field).collect()] })
            }
            (Blame::Event | Blame::Nobody, _) => None,
        };
        let transient = match self {
            Self::NotRecorded => Some(true),
            _ => facts.user.is_some().then_some(false),
        };
        let body = Body {
            error: ErrorBody {
                message: &facts.message,
                kind: facts.kind,
                code: facts.code,
                error_data: blamed,
                error_subcode: facts.subcode,
                is_transient: transient,
                error_user_title: facts.user.as_ref().map(|(title, _)| title.as_ref()),
                error_user_msg: facts.user.as_ref().map(|(_, text)| text.as_ref()),
                fbtrace_id: trace,
            },
        };
        serde_json::to_vec(&body).expect("texts and numbers always become JSON")
    }

    /// The refusal's line of the table.
    fn facts(&self, language: Language) -> Facts {
        match self {
            // Classic Graph API wording; not confirmed for this edge.
            Self::TokenMissing => plain(400, 104, "An access token is required to request this resource."),
            // Observed on v26.0, with this status.
            Self::TokenUnknown => plain(401, 190, "Invalid OAuth access token - Cannot parse access token"),
            // Observed: facebook-node-sdk#111.
            Self::ProofMissing => method(100, None, "API calls from the server require an appsecret_proof argument"),
            Self::ProofWrong => method(100, None, "Invalid appsecret_proof provided in the API argument"),
            // Source: Marketing API, versioning: calls without a version are invalid and will fail. Classic wording.
            Self::VersionMissing => plain(
                400,
                2635,
                "(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version: v26.0.",
            ),
            // Observed: segment-docs#4575. Source of the meaning: Marketing API, error reference, 100/33.
            Self::ObjectUnknown { method: verb, id } => method(
                100,
                Some(33),
                format!(
                    "Unsupported {verb} request. Object with ID '{id}' does not exist, cannot be loaded due to missing \
                     permissions, or does not support this operation. Please read the Graph API documentation at \
                     https://developers.facebook.com/docs/graph-api"
                ),
            ),
            // Classic Graph API wording; not confirmed for this edge.
            Self::AliasUnknown { id } => {
                plain(404, 803, format!("(#803) Some of the aliases you requested do not exist: {id}"))
            }
            Self::PathUnknown { path } => plain(400, 2500, format!("Unknown path components: {path}")),
            Self::DataMissing => plain(400, 100, "(#100) The parameter data is required"),
            Self::DataNotArray => plain(400, 100, "(#100) param data must be an array."),
            // Source of the limit: Conversions API, using the API. The real body is not known.
            Self::TooManyEvents => invalid(None, "Too many events", "You can send up to 1,000 events at a time."),
            // Meta documents no limit of the body; this one is the sandbox's.
            Self::BodyUnreadable => {
                plain(413, 1, "Please reduce the amount of data you're asking for, then retry your request")
            }
            // Observed: facebook-python-business-sdk#431.
            Self::NotRecorded => plain(500, 2, "(#2) Service temporarily unavailable"),
            Self::Event { index, fault } => fault.facts(*index, language),
        }
    }
}

impl EventFault {
    /// The field to blame, when there is one.
    fn field(&self) -> Option<&str> {
        match self {
            Self::Unreadable => None,
            Self::Missing(field) | Self::Invalid(field) => Some(field),
            Self::UnexpectedKey(key) => Some(key),
            Self::TooOld | Self::InFuture => Some("event_time"),
            Self::NotHashed(_) | Self::TooFewKeys | Self::MessagingWithoutPage => Some("user_data"),
            Self::PurchaseWithoutValue
            | Self::PurchaseWithoutCurrency
            | Self::ValueWithoutCurrency
            | Self::ContentWithoutId => Some("custom_data"),
        }
    }

    /// The fault's line of the table.
    fn facts(&self, index: usize, language: Language) -> Facts {
        match (self, language) {
            // Observed: Setono/meta-conversions-api-php-sdk.
            (Self::Unreadable, _) => plain(400, 100, "Invalid parameter"),
            // Titles and texts of the next two are ours; the real bodies are not known.
            (Self::Missing(field), _) => invalid(
                None,
                "Missing Required Parameter",
                format!("The {field} parameter is required for every event."),
            ),
            (Self::Invalid(field), _) => invalid(
                None,
                "Invalid Parameter Value",
                format!("The {field} parameter holds a value that is not supported."),
            ),
            // Observed: facebook-nodejs-business-sdk#258, the one body of this edge that carries an index.
            (Self::UnexpectedKey(key), _) => plain(
                400,
                100,
                format!(
                    "(#100) Server Side Api Parameter Error: Unexpected key \"{key}\" on param \"$['data'][{index}]\"."
                ),
            ),
            // Observed on v26.0.
            (Self::TooOld, Language::French) => invalid(
                Some(2_804_003),
                "Timestamp de l’évènement trop ancien",
                "Le timestamp pour cet évènement est trop éloigné dans le passé. Les évènements doivent être envoyés \
                 depuis votre serveur dans les 7 jours après avoir eu lieu. Entrez un timestamp qui a eu lieu au cours \
                 des 7 derniers jours.",
            ),
            // Observed: rudder-transformer.
            (Self::TooOld, Language::English | Language::Danish) => invalid(
                Some(2_804_003),
                "Event Timestamp Too Old",
                "The timestamp for this event is too far in the past. Events need to be sent from your server within 7 \
                 days of when they occurred. Enter a timestamp that has occurred within the last 7 days.",
            ),
            // Only the subcode is known, from a public log.
            (Self::InFuture, _) => invalid(
                Some(2_804_004),
                "Event Timestamp in the Future",
                "The timestamp for this event is in the future.",
            ),
            // Observed: facebook-java-business-sdk#421.
            (Self::NotHashed(key), _) => invalid(
                Some(2_804_016),
                "User Parameter Not Hashed",
                format!(
                    "The {key} parameter isn’t hashed. Hash all user parameters as SHA256, except for client user \
                     agent, click ID, and browser ID. Any other user parameters that are not hashed are automatically \
                     rejected by Facebook."
                ),
            ),
            // Observed: Setono/meta-conversions-api-php-sdk.
            (Self::TooFewKeys, Language::Danish) => invalid(
                Some(2_804_050),
                "Du har ikke tilføjet tilstrækkelige data om kundeoplysningsparametre for denne hændelse",
                "Denne hændelse har ingen kundeoplysningsparametre, eller den har en kombination af \
                 kundeoplysningsparametre, der er så bred, at det er usandsynligt, at det vil være effektivt til \
                 matchning. Du kan løse dette ved at gå til de anbefalede fremgangsmåder for parametre på \
                 developers.facebook.com/docs/marketing-api/conversions-api/best-practices/#req-rec-params",
            ),
            // The title was observed; the text is translated from the Danish one.
            (Self::TooFewKeys, Language::English | Language::French) => invalid(
                Some(2_804_050),
                "You haven't added sufficient customer information parameter data for this event",
                "This event has no customer information parameters or it has a combination of customer information \
                 parameters that is so broad that it is unlikely to be effective for matching. To resolve this, see \
                 the recommended parameter best practices at \
                 developers.facebook.com/docs/marketing-api/conversions-api/best-practices/#req-rec-params",
            ),
            // Observed: rudder-transformer.
            (Self::PurchaseWithoutValue, _) => invalid(
                Some(2_804_009),
                "Missing Value for Purchase Event",
                "Your purchase event doesn’t include a value parameter. Enter a value. For example: 1.99",
            ),
            // Observed: adsmurai-facebook-conversions-api-client#7.
            (Self::PurchaseWithoutCurrency, _) => invalid(
                Some(2_804_010),
                "Missing Currency for Purchase Event",
                "Your purchase event doesn’t include a currency parameter. Enter a currency parameter. For example: USD",
            ),
            // Only the subcodes of the next two are known.
            (Self::ValueWithoutCurrency, _) => {
                invalid(Some(2_804_023), "Missing Currency", "A value was sent without a currency.")
            }
            (Self::ContentWithoutId, _) => {
                invalid(Some(2_804_008), "Invalid Contents Parameter", "An item in contents does not include an id.")
            }
            // Observed in Portuguese; translated.
            (Self::MessagingWithoutPage, _) => invalid(
                Some(2_804_116),
                "Missing Page ID or WhatsApp Business Account ID",
                "Your event with action source business_messaging from channel whatsapp has neither \"page_id\" nor \
                 \"whatsapp_business_account_id\".",
            ),
        }
    }
}

/// A line with a message only.
fn plain(status: u16, code: u32, message: impl Into<Cow<'static, str>>) -> Facts {
    Facts { status, kind: "OAuthException", code, subcode: None, message: message.into(), user: None }
}

/// A line about the call itself rather than what it carries.
fn method(code: u32, subcode: Option<u32>, message: impl Into<Cow<'static, str>>) -> Facts {
    Facts { status: 400, kind: "GraphMethodException", code, subcode, message: message.into(), user: None }
}

/// A line about the events, with a title and a text for people.
fn invalid(subcode: Option<u32>, title: impl Into<Cow<'static, str>>, text: impl Into<Cow<'static, str>>) -> Facts {
    Facts {
        status: 400,
        kind: "OAuthException",
        code: 100,
        subcode,
        message: "Invalid parameter".into(),
        user: Some((title.into(), text.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(refusal: &Refusal, language: Language, blame: Blame, expected: &str) {
        let body = refusal.body(language, blame, "A6UyEgg_HdoiRX9duxcBOjb");
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[track_caller]
    fn check_codes(fault: EventFault, expected: &str) {
        let refusal = Refusal::Event { index: 0, fault };
        assert_eq!((refusal.status(), refusal.codes().as_str()), (400, expected), "{refusal:?}");
    }

    #[test]
    fn faults_have_the_codes_that_were_seen() {
        check_codes(EventFault::Unreadable, "100");
        check_codes(EventFault::Missing("event_name"), "100");
        check_codes(EventFault::Invalid("currency"), "100");
        check_codes(EventFault::UnexpectedKey("shoe_size".into()), "100");
        check_codes(EventFault::TooOld, "100/2804003");
        check_codes(EventFault::InFuture, "100/2804004");
        check_codes(EventFault::ContentWithoutId, "100/2804008");
        check_codes(EventFault::PurchaseWithoutValue, "100/2804009");
        check_codes(EventFault::PurchaseWithoutCurrency, "100/2804010");
        check_codes(EventFault::NotHashed("em"), "100/2804016");
        check_codes(EventFault::ValueWithoutCurrency, "100/2804023");
        check_codes(EventFault::TooFewKeys, "100/2804050");
        check_codes(EventFault::MessagingWithoutPage, "100/2804116");
    }

    #[test]
    fn bodies_are_those_that_were_seen() {
        let too_old = Refusal::Event { index: 14, fault: EventFault::TooOld };
        let english = r#"{"error":{"message":"Invalid parameter","type":"OAuthException","code":100,"error_subcode":2804003,"is_transient":false,"error_user_title":"Event Timestamp Too Old","error_user_msg":"The timestamp for this event is too far in the past. Events need to be sent from your server within 7 days of when they occurred. Enter a timestamp that has occurred within the last 7 days.","fbtrace_id":"A6UyEgg_HdoiRX9duxcBOjb"}}"#;
        check(&too_old, Language::English, Blame::Nobody, english);
        let blamed = english.replace(
            r#""code":100,"#,
            r#""code":100,"error_data":{"blame_field_specs":[["data","14","event_time"]]},"#,
        );
        check(&too_old, Language::English, Blame::Event, &blamed);
        check(
            &too_old,
            Language::French,
            Blame::Nobody,
            r#"{"error":{"message":"Invalid parameter","type":"OAuthException","code":100,"error_subcode":2804003,"is_transient":false,"error_user_title":"Timestamp de l’évènement trop ancien","error_user_msg":"Le timestamp pour cet évènement est trop éloigné dans le passé. Les évènements doivent être envoyés depuis votre serveur dans les 7 jours après avoir eu lieu. Entrez un timestamp qui a eu lieu au cours des 7 derniers jours.","fbtrace_id":"A6UyEgg_HdoiRX9duxcBOjb"}}"#,
        );
        check(
            &Refusal::Event { index: 0, fault: EventFault::TooFewKeys },
            Language::Danish,
            Blame::Nobody,
            r#"{"error":{"message":"Invalid parameter","type":"OAuthException","code":100,"error_subcode":2804050,"is_transient":false,"error_user_title":"Du har ikke tilføjet tilstrækkelige data om kundeoplysningsparametre for denne hændelse","error_user_msg":"Denne hændelse har ingen kundeoplysningsparametre, eller den har en kombination af kundeoplysningsparametre, der er så bred, at det er usandsynligt, at det vil være effektivt til matchning. Du kan løse dette ved at gå til de anbefalede fremgangsmåder for parametre på developers.facebook.com/docs/marketing-api/conversions-api/best-practices/#req-rec-params","fbtrace_id":"A6UyEgg_HdoiRX9duxcBOjb"}}"#,
        );
        check(
            &Refusal::NotRecorded,
            Language::English,
            Blame::Nobody,
            r#"{"error":{"message":"(#2) Service temporarily unavailable","type":"OAuthException","code":2,"is_transient":true,"fbtrace_id":"A6UyEgg_HdoiRX9duxcBOjb"}}"#,
        );
        check(
            &Refusal::TokenUnknown,
            Language::English,
            Blame::Event,
            r#"{"error":{"message":"Invalid OAuth access token - Cannot parse access token","type":"OAuthException","code":190,"fbtrace_id":"A6UyEgg_HdoiRX9duxcBOjb"}}"#,
        );
        check(
            &Refusal::Event { index: 0, fault: EventFault::UnexpectedKey("advertiser_tracking_enabled".into()) },
            Language::English,
            Blame::Nobody,
            r#"{"error":{"message":"(#100) Server Side Api Parameter Error: Unexpected key \"advertiser_tracking_enabled\" on param \"$['data'][0]\".","type":"OAuthException","code":100,"fbtrace_id":"A6UyEgg_HdoiRX9duxcBOjb"}}"#,
        );
        check(
            &Refusal::ObjectUnknown { method: "post".into(), id: "1234567891234569".into() },
            Language::English,
            Blame::Nobody,
            r#"{"error":{"message":"Unsupported post request. Object with ID '1234567891234569' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api","type":"GraphMethodException","code":100,"error_subcode":33,"fbtrace_id":"A6UyEgg_HdoiRX9duxcBOjb"}}"#,
        );
    }
}
