//! Rows told as column and text, and what becomes of them.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use chrono::NaiveDate;

use super::columns::{Columns, CustomField, Origin, Personal};
use super::preset::Preset;
use super::rules::{NameRules, Rules, Unmapped};
use super::value::Kind;
use super::*;
use crate::meta::normalize::{Country, ExternalIdForm, Settings};
use crate::meta::{ActionSource, MatchKey, payload};
use crate::source::{NATURE, Nature};

mod fields;
mod reasons;
mod types;

/// 2025-11-24T16:00:00Z.
const NOW: i64 = 1_764_000_000;

/// Rules for the customer's model.
fn rules() -> Rules {
    let mut normalize = Settings::standard(NaiveDate::from_ymd_opt(2025, 11, 24).unwrap());
    normalize.phone_country = Country::parse("US");
    Rules {
        columns: Columns::new(Preset::FacebookEvents),
        normalize,
        action_source: ActionSource::SystemGenerated,
        unmapped: Unmapped::Send,
        names: Vec::new(),
        selected_names: Vec::new(),
        since: None,
        until: None,
        zone: Zone::UTC,
    }
}

/// The row that the others differ from.
const LEAD: [(&str, &str); 4] = [
    ("event_id", "e1"),
    ("occurred_at", "2025-11-24 15:00:00"),
    ("facebook_event_type", "Lead"),
    ("email", "ada@example.com"),
];

/// SHA-256 of `ada@example.com`.
const ADA: &str = "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72";

/// Maps the usual row with some cells changed; gives the payload or the refusal, and what was left out.
fn map(rules: &Rules, changes: &[(&str, &str)]) -> (Result<String, Refusal>, Vec<Reason>) {
    let mut cells: Vec<(&str, &str)> = LEAD.to_vec();
    for (column, text) in changes {
        cells.retain(|(known, _)| known != column);
        cells.push((column, text));
    }
    let columns = cells.iter().map(|(column, text)| {
        let cell = (*text != "NULL").then_some(*text);
        (*column, Arc::new(StringArray::from(vec![cell])) as ArrayRef, true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let table = Table::bind(&batch, &rules.columns, rules.zone).unwrap();
    let mut notes = Vec::new();
    let mut people = People::default();
    let mapped = build(&table, 0, rules, NOW, &mut people, &mut notes).map(|event| {
        let mut bytes = Vec::new();
        payload::write(&event, &mut bytes);
        String::from_utf8(bytes).unwrap()
    });
    (mapped, notes.into_iter().map(|note| note.reason).collect())
}

/// Checks the payload that a changed row gives, after the head that all of them share.
#[track_caller]
fn check(rules: &Rules, changes: &[(&str, &str)], expected: &str, dropped: &[Reason]) {
    let (mapped, left_out) = map(rules, changes);
    let payload = mapped.expect("the row is sent");
    serde_json::from_str::<serde::de::IgnoredAny>(&payload).expect("a payload is JSON");
    assert_eq!(payload, expected, "{changes:?}");
    assert_eq!(left_out, dropped, "{changes:?}");
}

/// Checks that a changed row is not sent.
#[track_caller]
fn refuse(rules: &Rules, changes: &[(&str, &str)], expected: Refusal) {
    assert_eq!(map(rules, changes).0, Err(expected), "{changes:?}");
}

/// A key of `custom_data` that may not look personal.
fn custom(key: &str, kind: Kind, origin: Origin) -> CustomField {
    CustomField { key: key.into(), kind, origin, personal: Personal::Refused }
}

/// The usual payload around other match keys and custom data.
fn lead(user_data: &str, custom_data: &str) -> String {
    format!(
        r#"{{"event_name":"Lead","event_time":1763996400,"event_id":"e1","action_source":"system_generated","user_data":{{{user_data}}}{custom_data}}}"#
    )
}

fn em() -> String {
    format!(r#""em":["{ADA}"]"#)
}

#[test]
fn a_row_becomes_a_payload() {
    check(&rules(), &[], &lead(&em(), ""), &[]);
}

#[test]
fn times() {
    let check = |text: &str, expected: &str| {
        let (payload, _) = map(&rules(), &[("occurred_at", text)]);
        assert!(payload.unwrap().contains(&format!("\"event_time\":{expected},")), "{text}");
    };
    check("2025-11-24T15:00:00Z", "1763996400");
    check("2025-11-24 16:00:00 +0100", "1763996400");
    check("1763996400", "1763996400");
    check("2025-11-24 15:00:00.999999", "1763996400");
    let rejected = |text: &str, reason| refuse(&rules(), &[("occurred_at", text)], Refusal::Rejected(reason));
    rejected("NULL", Reason::MissingEventTime);
    rejected(" ", Reason::MissingEventTime);
    rejected("soon", Reason::InvalidEventTime);
    rejected("1763996400000", Reason::EventTimeNotInSeconds);
    rejected("2025-11-24 16:05:01", Reason::InFuture);
    refuse(&rules(), &[("occurred_at", "2025-11-24 16:04:00")], Refusal::Deferred);
    refuse(&rules(), &[("occurred_at", "2025-11-17 16:00:00")], Refusal::Expired);
    let mut store = rules();
    store.action_source = ActionSource::PhysicalStore;
    assert!(map(&store, &[("occurred_at", "2025-10-01")]).0.is_ok());
    let mut berlin = rules();
    berlin.zone = zone("Europe/Berlin");
    assert!(map(&berlin, &[]).0.unwrap().contains("\"event_time\":1763992800,"));
}

#[test]
fn what_a_row_must_have() {
    let rejected = |column, text, reason| refuse(&rules(), &[(column, text)], Refusal::Rejected(reason));
    rejected("event_id", "NULL", Reason::MissingEventId);
    rejected("event_id", " ", Reason::MissingEventId);
    rejected("facebook_event_type", "NULL", Reason::MissingEventName);
    rejected("email", "NULL", Reason::TooFewMatchKeys);
    rejected("email", "not an address", Reason::TooFewMatchKeys);
    rejected("facebook_event_type", "Purchase", Reason::PurchaseWithoutValue);
}

#[test]
fn purchases_need_value_and_currency() {
    let purchase = |changes: &[(&str, &str)]| {
        let changes: Vec<_> =
            [("facebook_event_type", "Purchase")].into_iter().chain(changes.iter().copied()).collect();
        let (mapped, dropped) = map(&rules(), &changes);
        (mapped.map(|payload| payload.split_once("\"custom_data\":").unwrap().1.to_owned()), dropped)
    };
    let sent = |custom: &str| (Ok(format!("{custom}}}")), Vec::new());
    let without = |reason, dropped: &[Reason]| (Err(Refusal::Rejected(reason)), dropped.to_vec());
    assert_eq!(purchase(&[("value", "129.90"), ("currency", "usd")]), sent(r#"{"value":129.90,"currency":"USD"}"#));
    assert_eq!(purchase(&[("value", "0"), ("currency", "EUR")]), sent(r#"{"value":0,"currency":"EUR"}"#));
    assert_eq!(purchase(&[("value", "5")]), without(Reason::PurchaseWithoutCurrency, &[]));
    assert_eq!(purchase(&[("currency", "USD")]), without(Reason::PurchaseWithoutValue, &[]));
    assert_eq!(purchase(&[("value", "$5"), ("currency", "USD")]), without(Reason::PurchaseWithInvalidValue, &[]));
    assert_eq!(purchase(&[("value", "5"), ("currency", "XX")]), without(Reason::PurchaseWithInvalidCurrency, &[]));
}

#[test]
fn a_bad_field_is_left_out_and_the_row_is_sent() {
    let rules = rules();
    let check = |column, text, reason| check(&rules, &[(column, text)], &lead(&em(), ""), &[reason]);
    check("phone", "12", Reason::InvalidPhone);
    check("date_of_birth", "31 June", Reason::InvalidDateOfBirth);
    check("first_name", "--", Reason::InvalidName);
    check("value", "12", Reason::ValueWithoutCurrency);
    check("value", "many", Reason::InvalidValue);
    check("currency", "dollars", Reason::InvalidCurrency);
    check("fbclid", "IwAR0", Reason::ClickWithoutTime);
}

#[test]
fn phones_need_a_country_from_somewhere() {
    let mut nowhere = rules();
    nowhere.normalize.phone_country = None;
    check(&nowhere, &[("phone", "(650) 555-1212")], &lead(&em(), ""), &[Reason::PhoneWithoutCountry]);
    let ph = r#""ph":["e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"]"#;
    check(&nowhere, &[("phone", "+1 650 555 1212")], &lead(&format!("{},{ph}", em()), ""), &[]);
    check(&rules(), &[("phone", "(650) 555-1212")], &lead(&format!("{},{ph}", em()), ""), &[]);
    nowhere.columns.set("country", Origin::Column("country".into()));
    let (payload, _) = map(&nowhere, &[("phone", "(650) 555-1212"), ("country", "USA")]);
    assert!(payload.unwrap().contains(ph), "the row's country counts");
}

#[test]
fn the_click_is_passed_on_byte_for_byte() {
    let rules = rules();
    let click = [("fbclid", "IwAR0_aem-\"É\\x"), ("fbclid_occurred_at", "2025-11-24T14:00:00.123456Z")];
    let fbc = r#""fbc":"fb.1.1763992800123.IwAR0_aem-\"É\\x""#;
    check(&rules, &click, &lead(&format!("{},{fbc}", em()), ""), &[]);
    let (payload, dropped) = map(&rules, &[click[0], ("fbclid_occurred_at", "then")]);
    assert!(!payload.unwrap().contains("fbc"));
    assert_eq!(dropped, [Reason::InvalidClickTime]);
    let (payload, _) = map(&rules, &[click[0], click[1], ("email", "NULL")]);
    assert!(payload.is_ok(), "a click identifies someone");
}

#[test]
fn both_ids_of_a_person_are_external_ids() {
    let ids = |first: &str, second: &str| {
        let (payload, _) = map(&rules(), &[("external_id", first), ("person_id", second)]);
        let payload = payload.unwrap();
        let list = payload.split_once("\"external_id\":[").map(|(_, rest)| rest.split_once(']').unwrap().0.to_owned());
        list.unwrap_or_default()
            .split(',')
            .filter(|id| !id.is_empty())
            .map(|id| id.trim_matches('"').to_owned())
            .collect::<Vec<_>>()
    };
    let (x1, p1) = (
        "ec31682fde561917952ff78a7a8adeffd0febc372dd26871916c46c630381b45",
        "f64551fcd6f07823cb87971cfb91446425da18286b3ab1ef935e0cbd7a69f68a",
    );
    assert_eq!(ids("x1", "p1"), [x1, p1]);
    assert_eq!(ids("x1", "X1 "), [x1]);
    assert_eq!(ids(r#"["x1", "p1", null, "x1"]"#, "p1"), [x1, p1]);
    assert_eq!(ids("NULL", "p1"), [p1]);
    assert!(ids("NULL", "NULL").is_empty());
    let mut raw = rules();
    raw.normalize.external_id = ExternalIdForm::Raw;
    let expected = lead(&format!(r#"{},"external_id":["X-1","p1"]"#, em()), "");
    check(&raw, &[("external_id", "X-1"), ("person_id", "p1")], &expected, &[]);
}

#[test]
fn a_full_name_serves_when_both_names_are_missing() {
    let ada = r#""fn":["fdee430d40bd57deeac186cd9790033d0f06f909a8806e7ce6e717ab7c7d5029"]"#;
    let lovelace = r#""ln":["fb1e7ec987523d2cb9e022cec1d6ae7c99dc46edfae4fe51254025fe4bea571f"]"#;
    let full = ("full_name", "Ada King Lovelace");
    check(&rules(), &[full], &lead(&format!("{},{ada},{lovelace}", em()), ""), &[]);
    check(&rules(), &[full, ("first_name", "Ada")], &lead(&format!("{},{ada}", em()), ""), &[]);
}

#[test]
fn the_run_and_the_configuration_choose() {
    let mut chosen = rules();
    chosen.selected_names = vec!["Purchase".into()];
    refuse(&chosen, &[], Refusal::NotSelected);
    let mut since = rules();
    since.since = Some(1_763_996_401);
    refuse(&since, &[], Refusal::NotSelected);
    since.since = Some(1_763_996_400);
    assert!(map(&since, &[]).0.is_ok());
    since.until = Some(1_763_996_400);
    refuse(&since, &[], Refusal::NotSelected);
    let mut skipping = rules();
    skipping.unmapped = Unmapped::Skip;
    refuse(&skipping, &[("facebook_event_type", "Other")], Refusal::Skipped(Reason::Unmapped));
    assert!(map(&rules(), &[("facebook_event_type", "Other")]).0.is_ok());
    let mut named = rules();
    named.names.push(NameRules {
        name: "Lead".into(),
        rename: Some("Contact".into()),
        action_source: Some(ActionSource::PhoneCall),
    });
    let payload = map(&named, &[]).0.unwrap();
    assert!(payload.starts_with(r#"{"event_name":"Contact","#) && payload.contains(r#""action_source":"phone_call""#));
}

#[test]
fn who_did_not_consent_is_skipped() {
    let mut asking = rules();
    asking.columns.set("consent", Origin::Column("ok".into()));
    for yes in ["true", "1", "Yes", " granted "] {
        assert!(map(&asking, &[("ok", yes)]).0.is_ok(), "{yes}");
    }
    for no in ["false", "0", "NULL", "", "maybe"] {
        refuse(&asking, &[("ok", no)], Refusal::Skipped(Reason::NoConsent));
    }
    refuse(&asking, &[], Refusal::Skipped(Reason::NoConsent));
}

#[test]
fn keys_in_the_clear_are_checked_and_passed_on() {
    let mut mapped = rules();
    for key in
        ["client_ip_address", "client_user_agent", "fbp", "fbc", "subscription_id", "action_source", "event_source_url"]
    {
        mapped.columns.set(key, Origin::Column(key.into()));
    }
    let row = [
        ("client_ip_address", " 2001:db8::1 "),
        ("client_user_agent", "Mozilla/5.0 \"x\""),
        ("fbp", "fb.1.1596403881668.1116446470"),
        ("fbc", "fb.1.1554763741205.AbC"),
        ("action_source", "Website"),
        ("event_source_url", "https://shop.example.com/?a=1"),
    ];
    let expected = format!(
        r#"{{"event_name":"Lead","event_time":1763996400,"event_id":"e1","action_source":"website","event_source_url":"https://shop.example.com/?a=1","user_data":{{{},"client_ip_address":"2001:db8::1","client_user_agent":"Mozilla/5.0 \"x\"","fbp":"fb.1.1596403881668.1116446470","fbc":"fb.1.1554763741205.AbC"}}}}"#,
        em()
    );
    check(&mapped, &row, &expected, &[]);
    let bad = [("client_ip_address", "10.0.0.0/8"), ("fbp", "x"), ("fbc", "IwAR0")];
    let reasons = [Reason::InvalidIpAddress, Reason::InvalidFbp, Reason::InvalidFbc];
    check(&mapped, &bad, &lead(&em(), ""), &reasons);
    refuse(&mapped, &[("action_source", "web")], Refusal::Rejected(Reason::InvalidActionSource));
}

#[test]
fn custom_data_of_every_kind() {
    let mut mapped = rules();
    for key in ["content_ids", "contents", "num_items", "order_id"] {
        mapped.columns.set(key, Origin::Column(key.into()));
    }
    mapped.columns.set_custom(custom("plan", Kind::Own, Origin::Constant("gold".into())));
    let row = [
        ("content_ids", r#"["a", "b\"c"]"#),
        ("contents", " [{\"id\": \"a\",\n  \"quantity\": 1, \"item_price\":9.90}] "),
        ("num_items", "2.00"),
        ("order_id", "O-1"),
    ];
    let custom = r#","custom_data":{"content_ids":["a","b\"c"],"num_items":2,"order_id":"O-1","plan":"gold","contents":[{"id":"a","quantity":1,"item_price":9.90}]}"#;
    check(&mapped, &row, &lead(&em(), custom), &[]);
    let one = r#","custom_data":{"content_ids":["a"],"plan":"gold"}"#;
    check(&mapped, &[("content_ids", "a")], &lead(&em(), one), &[]);
    let plan = r#","custom_data":{"plan":"gold"}"#;
    let bad = [("content_ids", "[1,"), ("contents", r#"[{"quantity":1}]"#), ("num_items", "2.5")];
    check(&mapped, &bad, &lead(&em(), plan), &[Reason::InvalidJson, Reason::InvalidValue, Reason::ContentsWithoutId]);
}

#[test]
fn objects_and_lists_identify_nobody() {
    let left_out = |column, text| check(&rules(), &[(column, text)], &lead(&em(), ""), &[Reason::InvalidJson]);
    left_out("external_id", "{}");
    left_out("first_name", r#"{"a":"b"}"#);
    left_out("full_name", "[null,null]");
    left_out("full_name", r#"["Ann","Bob"]"#);
    check(&rules(), &[("external_id", "[null, true, {}, []]")], &lead(&em(), ""), &[]);
    let mut mapped = rules();
    mapped.columns.set("lead_id", Origin::Column("lead_id".into()));
    mapped.columns.set("contents", Origin::Column("contents".into()));
    check(&mapped, &[("lead_id", r#"["1","2"]"#)], &lead(&em(), ""), &[Reason::InvalidId]);
    check(&mapped, &[("contents", r#"[["a"]]"#)], &lead(&em(), ""), &[Reason::InvalidJson]);
    check(&mapped, &[("contents", r#"[{"id":null}]"#)], &lead(&em(), ""), &[Reason::ContentsWithoutId]);
}

#[test]
fn an_opt_out_is_never_turned_into_its_opposite() {
    let mut mapped = rules();
    mapped.columns.set("opt_out", Origin::Column("opt_out".into()));
    let sent = |text| {
        let (payload, dropped) = map(&mapped, &[("opt_out", text)]);
        (payload.unwrap().split_once("\"opt_out\":").map(|(_, rest)| rest.starts_with("true")), dropped)
    };
    assert_eq!(sent("Yes"), (Some(true), vec![]));
    assert_eq!(sent("0"), (Some(false), vec![]));
    assert_eq!(sent("NULL"), (None, vec![]));
    assert_eq!(sent("opted out"), (Some(true), vec![Reason::InvalidOptOut]));
}

#[test]
fn a_renamed_event_keeps_the_source_of_its_own_name() {
    let mut renamed = rules();
    let rule = |name: &str, rename: Option<&str>, action_source| NameRules {
        name: name.into(),
        rename: rename.map(str::to_owned),
        action_source,
    };
    renamed.names = vec![rule("Order", Some("Lead"), None), rule("Lead", None, Some(ActionSource::Website))];
    let source = |name| {
        let payload = map(&renamed, &[("facebook_event_type", name)]).0.unwrap();
        payload.split_once("\"action_source\":\"").unwrap().1.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!((source("Lead").as_str(), source("Order").as_str()), ("website", "system_generated"));
}

#[test]
fn an_unreadable_column_is_named() {
    let binary = Arc::new(arrow_array::BinaryArray::from(vec![b"x".as_slice()])) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("EMAIL", binary)]).unwrap();
    let rules = rules();
    let error = Table::bind(&batch, &rules.columns, Zone::UTC).unwrap_err();
    assert_eq!(error.to_string(), "column EMAIL has type Binary, from which email cannot be read");
}

#[test]
fn a_column_of_flags_feeds_nothing_but_flags() {
    let check = |column: &str, expected: Option<&str>| {
        let flags = Arc::new(arrow_array::BooleanArray::from(vec![true])) as ArrayRef;
        let stated = [(NATURE.to_owned(), Nature::Flag.word().to_owned())];
        let stated = Field::new(column, DataType::Utf8, true).with_metadata(stated.into());
        let text = Arc::new(StringArray::from(vec!["true"])) as ArrayRef;
        let by_type = RecordBatch::try_from_iter([(column, flags)]).unwrap();
        let by_word = RecordBatch::try_new(Arc::new(Schema::new(vec![stated])), vec![text]).unwrap();
        for batch in [by_type, by_word] {
            let bound = Table::bind(&batch, &rules().columns, Zone::UTC).map(drop);
            let expected =
                expected.map(|field| format!("column {column} has type Boolean, from which {field} cannot be read"));
            assert_eq!(bound.err().map(|error| error.to_string()), expected);
        }
    };
    check("external_id", Some("external_id"));
    check("EMAIL", Some("email"));
    check("occurred_at", Some("event_time"));
    check("event_id", Some("event_id"));
    check("opt_out", None);
    check("data_processing_options", None);
}
