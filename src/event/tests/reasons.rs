//! Every reason has a row that is left out, or loses a field, for it.

use super::*;
use crate::event::columns::HashIn;
use crate::event::object::Object;

/// A row and what is configured for it.
struct Case {
    changes: Vec<(&'static str, &'static str)>,
    configure: Box<dyn Fn(&mut Rules)>,
}

fn row(changes: &[(&'static str, &'static str)]) -> Case {
    configured(changes, |_| {})
}

fn configured(changes: &[(&'static str, &'static str)], configure: fn(&mut Rules)) -> Case {
    Case { changes: changes.to_vec(), configure: Box::new(configure) }
}

/// A digest of nobody's address.
const DIGEST: &str = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f";

/// The warehouse hashes what is known of people.
fn in_warehouse(rules: &mut Rules) {
    rules.columns.hash_in(HashIn::Warehouse);
}

/// A column of the same name for a field or key.
fn feed(rules: &mut Rules, name: &str) {
    assert!(rules.columns.set(name, Origin::Column(name.into())), "{name}");
}

/// A value for a further field.
fn fed(name: &'static str, value: &'static str) -> Case {
    Case { changes: vec![(name, value)], configure: Box::new(move |rules| feed(rules, name)) }
}

/// The row that a reason is told of; none for what only a run can tell. A new reason does not compile without its row.
fn case(reason: Reason) -> Option<Case> {
    let purchase = ("facebook_event_type", "Purchase");
    Some(match reason {
        Reason::MissingEventId => row(&[("event_id", " ")]),
        Reason::MissingEventTime => row(&[("occurred_at", "NULL")]),
        Reason::InvalidEventTime => row(&[("occurred_at", "yesterday")]),
        Reason::EventTimeNotInSeconds => row(&[("occurred_at", "1763996400000")]),
        Reason::MissingEventName => row(&[("facebook_event_type", "NULL")]),
        Reason::InvalidActionSource => fed("action_source", "shop"),
        Reason::TooFewMatchKeys => row(&[("email", "NULL")]),
        Reason::PurchaseWithoutValue => row(&[purchase, ("currency", "EUR")]),
        Reason::PurchaseWithoutCurrency => row(&[purchase, ("value", "5")]),
        Reason::PurchaseWithInvalidValue => row(&[purchase, ("value", "5 EUR"), ("currency", "EUR")]),
        Reason::PurchaseWithInvalidCurrency => row(&[purchase, ("value", "5"), ("currency", "euro")]),
        Reason::AppWithoutAppData => configured(&[], |rules| rules.action_source = ActionSource::App),
        Reason::MessagingEventName => configured(&[], |rules| rules.action_source = ActionSource::BusinessMessaging),
        Reason::MessagingWithoutChannel => configured(&[("facebook_event_type", "LeadSubmitted")], |rules| {
            rules.action_source = ActionSource::BusinessMessaging;
        }),
        Reason::MessagingWithoutIds => {
            configured(&[("facebook_event_type", "LeadSubmitted"), ("messaging_channel", "whatsapp")], |rules| {
                rules.action_source = ActionSource::BusinessMessaging;
                feed(rules, "messaging_channel");
            })
        }
        Reason::Expired => row(&[("occurred_at", "2025-11-01")]),
        Reason::InFuture => row(&[("occurred_at", "2025-11-25")]),
        Reason::NotYetDue => row(&[("occurred_at", "2025-11-24 16:01:00")]),
        Reason::Unmapped => configured(&[("facebook_event_type", "Other")], |rules| rules.unmapped = Unmapped::Skip),
        Reason::NoConsent => fed("consent", "no"),
        // Only Meta can say so: held by the tests of the sandbox and of faults.
        Reason::RefusedByMeta => return None,
        Reason::InvalidEmail => configured(&[("email", "ada"), ("external_id", "x")], |_| {}),
        Reason::InvalidPhone => row(&[("phone", "12")]),
        Reason::PhoneWithoutCountry => {
            configured(&[("phone", "650 555 1212")], |rules| rules.normalize.phone_country = None)
        }
        Reason::InvalidName => row(&[("last_name", "...")]),
        Reason::InvalidCity => fed("city", "99"),
        Reason::InvalidState => fed("state", "--"),
        Reason::InvalidPostalCode => fed("zip", "-"),
        Reason::InvalidCountry => fed("country", "Atlantis"),
        Reason::InvalidDateOfBirth => row(&[("date_of_birth", "1850-01-01")]),
        Reason::InvalidGender => fed("gender", "x"),
        Reason::Md5Hash => row(&[("first_name", "5d41402abc4b2a76b9719d911017c592")]),
        Reason::NeedsClientHashing => {
            configured(&[("_FBCAPI_HASHED_ph", "!needs_client_hashing"), ("_FBCAPI_HASHED_em", DIGEST)], in_warehouse)
        }
        Reason::InvalidHash => {
            configured(&[("_FBCAPI_HASHED_ph", "no digest"), ("_FBCAPI_HASHED_em", DIGEST)], in_warehouse)
        }
        Reason::InvalidCurrency => row(&[("currency", "euro")]),
        Reason::InvalidValue => row(&[("value", "many"), ("currency", "EUR")]),
        Reason::InvalidOptOut => fed("opt_out", "perhaps"),
        Reason::ValueWithoutCurrency => row(&[("value", "5")]),
        Reason::ClickWithoutTime => row(&[("fbclid", "IwAR0")]),
        Reason::InvalidClickTime => row(&[("fbclid", "IwAR0"), ("fbclid_occurred_at", "then")]),
        Reason::InvalidFbc => fed("fbc", "IwAR0"),
        Reason::InvalidFbp => fed("fbp", "1116446470"),
        Reason::InvalidIpAddress => fed("client_ip_address", "10.0.0.0/8"),
        Reason::InvalidJson => row(&[("external_id", "{}")]),
        Reason::InvalidUrl => fed("event_source_url", "shop.example.com"),
        Reason::InvalidId => fed("lead_id", "l:1"),
        Reason::InvalidChoice => fed("delivery_category", "drone"),
        Reason::InvalidFlag => configured(&[("views", "perhaps")], |rules| {
            assert!(rules.columns.set_part(Object::AppData, "consider_views", Origin::Column("views".into())));
        }),
        Reason::InvalidTime => fed("original_event_data", "{\"event_time\":\"then\"}"),
        Reason::InvalidDataProcessing => fed("data_processing_options", "perhaps"),
        Reason::InvalidExtinfo => fed("app_data", "{\"extinfo\":[\"a2\"]}"),
        Reason::ContentsWithoutId => fed("contents", "[{}]"),
        Reason::UnevenLists => configured(&[("ids", "[1,2]"), ("counts", "[1]")], |rules| {
            for (key, column) in [("id", "ids"), ("quantity", "counts")] {
                assert!(rules.columns.set_part(Object::Contents, key, Origin::Column(column.into())));
            }
        }),
        Reason::UnknownKey => fed("store_data", "{\"colour\":\"red\"}"),
        Reason::PersonalData => fed("search_string", "ada@example.com"),
        Reason::WebsiteWithoutUrl => configured(&[("client_user_agent", "Mozilla/5.0")], |rules| {
            rules.action_source = ActionSource::Website;
            feed(rules, "client_user_agent");
        }),
        Reason::WebsiteWithoutUserAgent => configured(&[("event_source_url", "https://a.example")], |rules| {
            rules.action_source = ActionSource::Website;
            feed(rules, "event_source_url");
        }),
    })
}

#[test]
fn every_reason_is_told_of_a_row_and_of_nothing_else() {
    for reason in Reason::ALL {
        let Some(Case { changes, configure }) = case(reason) else { continue };
        let mut rules = rules();
        configure(&mut rules);
        let (mapped, notes) = map(&rules, &changes);
        let expected = match reason {
            Reason::Expired => Err(Refusal::Expired),
            Reason::NotYetDue => Err(Refusal::Deferred),
            Reason::Unmapped | Reason::NoConsent => Err(Refusal::Skipped(reason)),
            _ if reason.stops_row() => Err(Refusal::Rejected(reason)),
            _ => Ok(vec![reason]),
        };
        assert_eq!(mapped.map(|_| notes), expected, "{}", reason.code());
    }
}
