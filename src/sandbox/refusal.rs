//! What Meta says when it refuses a request, as it stands on the wire.
//!
//! Bodies were collected from public reports of real refusals; where one is not known that is said.

use std::borrow::Cow;

use serde::Serialize;

use super::event_fault::EventFault;
use super::language::Language;

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
    /// A dataset has no such field.
    FieldUnknown { field: String },
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
    /// The token was good once.
    TokenExpired,
    /// There were too many calls.
    Throttled(Limit),
    /// Meta has trouble of its own, and says so with this status.
    Unavailable { status: u16 },
    /// A fault rule says so.
    Asked { status: u16, code: i64, subcode: Option<u32> },
}

/// Which limit was reached.
///
/// Source: Graph API and Marketing API, rate limiting. Meta documents no status; third parties have seen several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limit {
    /// That of the app, code 4.
    App,
    /// That of the user, code 17.
    User,
    /// That of the ad account on a call, code 613.
    Custom,
    /// That of the ad account in ads management, code 80004.
    #[default]
    AdAccount,
}

impl Limit {
    /// Finds the limit by its code.
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "4" => Some(Self::App),
            "17" => Some(Self::User),
            "613" => Some(Self::Custom),
            "80004" => Some(Self::AdAccount),
            _ => None,
        }
    }
}

/// One line of the table.
struct Facts {
    status: u16,
    kind: &'static str,
    code: i64,
    subcode: Option<u32>,
    message: Cow<'static, str>,
    is_transient: Option<bool>,
    words: Option<(String, String)>,
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
    code: i64,
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
        let body = Body {
            error: ErrorBody {
                message: &facts.message,
                kind: facts.kind,
                code: facts.code,
                error_data: blamed,
                error_subcode: facts.subcode,
                is_transient: facts.is_transient,
                error_user_title: facts.words.as_ref().map(|(title, _)| title.as_str()),
                error_user_msg: facts.words.as_ref().map(|(_, text)| text.as_str()),
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
            // Classic Graph API wording; not confirmed for this object.
            Self::FieldUnknown { field } => {
                plain(400, 100, format!("(#100) Tried accessing nonexisting field ({field}) on node type (AdsPixel)"))
            }
            Self::PathUnknown { path } => plain(400, 2500, format!("Unknown path components: {path}")),
            Self::DataMissing => plain(400, 100, "(#100) The parameter data is required"),
            Self::DataNotArray => plain(400, 100, "(#100) param data must be an array."),
            // Source of the limit: Conversions API, using the API. The real body is not known.
            Self::TooManyEvents => Facts {
                is_transient: Some(false),
                words: Some(("Too many events".into(), "You can send up to 1,000 events at a time.".into())),
                ..plain(400, 100, "Invalid parameter")
            },
            // Meta documents no limit of the body; this one is the sandbox's.
            Self::BodyUnreadable => {
                plain(413, 1, "Please reduce the amount of data you're asking for, then retry your request")
            }
            Self::NotRecorded => unavailable(500),
            Self::Unavailable { status } => unavailable(*status),
            Self::Event { index, fault } => {
                let (subcode, words) = (fault.subcode(), fault.words(language));
                let is_transient = (subcode.is_some() || words.is_some()).then_some(false);
                Facts { subcode, is_transient, words, ..plain(400, 100, fault.message(*index)) }
            }
            // Source: Graph API, error handling, sample body; the status is that of another bad token.
            Self::TokenExpired => {
                Facts { subcode: Some(463), ..plain(401, 190, "Error validating access token: Session has expired") }
            }
            Self::Throttled(limit) => limit.facts(),
            Self::Asked { status, code, subcode } => {
                let message = format!("(#{code}) A fault rule asked for this error");
                Facts { subcode: *subcode, ..plain(*status, *code, message) }
            }
        }
    }
}

impl Limit {
    /// The line of a limit. Source: Graph API, rate limiting; Marketing API, rate limiting.
    fn facts(self) -> Facts {
        match self {
            Self::App => plain(400, 4, "(#4) Application request limit reached"),
            Self::User => Facts { subcode: Some(2_446_079), ..plain(400, 17, "User request limit reached") },
            Self::Custom => Facts {
                subcode: Some(1_487_742),
                ..plain(
                    400,
                    613,
                    "There have been too many calls from this ad-account. Please wait a bit and try again.",
                )
            },
            Self::AdAccount => Facts {
                subcode: Some(2_446_079),
                ..plain(
                    400,
                    80_004,
                    "(#80004) There have been too many calls to this ad-account. Wait a bit and try again. For more \
                     info, please refer to \
                     https://developers.facebook.com/docs/graph-api/overview/rate-limiting#ads-management.",
                )
            },
        }
    }
}

/// A line with a message only.
fn plain(status: u16, code: i64, message: impl Into<Cow<'static, str>>) -> Facts {
    let message = message.into();
    Facts { status, kind: "OAuthException", code, subcode: None, message, is_transient: None, words: None }
}

/// The line of trouble at Meta's. Observed with status 400: facebook-python-business-sdk#431.
fn unavailable(status: u16) -> Facts {
    Facts { is_transient: Some(true), ..plain(status, 2, "(#2) Service temporarily unavailable") }
}

/// A line about the call itself rather than what it carries.
fn method(code: i64, subcode: Option<u32>, message: impl Into<Cow<'static, str>>) -> Facts {
    Facts { kind: "GraphMethodException", subcode, ..plain(400, code, message) }
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
        check_codes(EventFault::LeadId, "100/2804036");
        check_codes(EventFault::AppWithoutDevice, "100/2804043");
        check_codes(EventFault::MessagingName("Lead".into()), "100/2804066");
        check_codes(EventFault::MessengerWithoutPage, "100/2804069");
        check_codes(EventFault::InstagramWithoutAccount, "100/2804079");
        check_codes(EventFault::WhatsappWithoutClick, "100/2804087");
        check_codes(EventFault::WhatsappWithoutAccount, "100/2804116");
        check_codes(EventFault::Asked(2_804_048), "100/2804048");
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
