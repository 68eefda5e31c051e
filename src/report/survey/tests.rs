//! Rows as facts, and what is told of them.

use chrono::DateTime;

use super::*;
use crate::event::preset::Preset;
use crate::report::WindowAsked;

/// A row of a Lead with an e-mail address, of half an hour ago.
const LEAD: RowFacts<'static> = RowFacts {
    end: End::Pending,
    reason: None,
    name: Some("Lead"),
    age_seconds: Some(1_800),
    keys: KeySet::of(&[MatchKey::Em]),
    filled: &[],
    notes: &[],
    copies: 1,
    copies_differ: false,
};

/// A row that is not sent.
const BAD: RowFacts<'static> =
    RowFacts { end: End::Rejected, reason: Some(Reason::TooFewMatchKeys), keys: KeySet::of(&[MatchKey::Fn]), ..LEAD };

fn columns() -> Columns {
    let mut columns = Columns::new(Preset::FacebookEvents);
    columns.unset(Field::SourceName);
    assert!(columns.set("consent", Origin::Column("may_send".into())));
    assert!(columns.set("currency", Origin::Constant("EUR".into())));
    columns
}

fn found(rows: &[RowFacts<'_>]) -> Findings {
    let absent = ["PHONE".to_owned()];
    let mut survey = Survey::new(&columns(), ExternalIdForm::Hashed, &absent);
    for row in rows {
        survey.add(row);
    }
    let now = DateTime::from_timestamp(1_764_000_000, 0).unwrap();
    let window = WindowAsked { since: now - chrono::Duration::days(7), until: None };
    let mut findings = Findings::new(now, "1234567890".into(), "rows.parquet".into(), window, Some(10));
    survey.conclude(&mut findings);
    findings
}

fn slot(name: &str) -> Slot {
    let at = columns().slot_names().iter().position(|known| known == name).unwrap();
    Slot(u16::try_from(at).unwrap())
}

#[test]
fn every_row_comes_to_one_end() {
    let end = |end, reason| RowFacts { end, reason: Some(reason), ..LEAD };
    let findings = found(&[
        LEAD,
        RowFacts { copies: 3, copies_differ: true, ..LEAD },
        BAD,
        RowFacts { name: None, ..end(End::Rejected, Reason::MissingEventName) },
        end(End::Expired, Reason::Expired),
        end(End::Skipped, Reason::NoConsent),
        end(End::Deferred, Reason::NotYetDue),
        RowFacts { end: End::Collapsed, ..LEAD },
    ]);
    let counts =
        EventCounts { selected: 10, sendable: 2, rejected: 2, expired: 1, skipped: 1, deferred: 1, collapsed: 3 };
    assert_eq!(findings.counts, counts);
    assert!(findings.counts.is_balanced());
    assert_eq!((findings.rows.read, findings.differing_copies), (8, 1));
    assert_eq!(findings.by_event.keys().collect::<Vec<_>>(), ["(none)", "Lead"]);
    let mut sum = EventCounts::default();
    for counts in findings.by_event.values() {
        sum += *counts;
    }
    assert_eq!(sum, counts);
    assert_eq!(findings.by_reason.values().sum::<u64>(), 5);
    assert_eq!(findings.counts.invalid(), Ratio::parse_percent("50"));
}

#[test]
fn a_field_is_present_valid_or_dropped_for_a_reason() {
    let (email, value) = (slot("email"), slot("value"));
    let note = |slot, reason| Note { slot: Some(slot), reason };
    let twice =
        [note(email, Reason::InvalidEmail), note(email, Reason::InvalidEmail), note(value, Reason::InvalidValue)];
    let advice = [note(value, Reason::WebsiteWithoutUrl)];
    let nowhere = [Note { slot: None, reason: Reason::InvalidFbc }];
    let findings = found(&[
        RowFacts { filled: &[email, value], ..LEAD },
        RowFacts { filled: &[email, value], notes: &twice, ..LEAD },
        RowFacts { filled: &[value], notes: &advice, ..LEAD },
        RowFacts { filled: &[value], notes: &advice, ..BAD },
        RowFacts { filled: &[], notes: &nowhere, ..LEAD },
    ]);
    let field = |name: &str| findings.fields.iter().find(|field| field.name == name).unwrap();
    let told = |name: &str| (field(name).present, field(name).valid, field(name).dropped.clone());
    assert_eq!(told("email"), (2, 1, [("invalid_email", 1)].into()));
    assert_eq!(told("value"), (4, 3, [("invalid_value", 1)].into()));
    assert_eq!(findings.advice, [("website_without_url", 1)].into());
    assert_eq!((field("phone").is_absent, field("email").is_absent), (true, false));
    assert_eq!((field("currency").is_constant, &field("currency").column), (true, &None));
    let leaves = ["email", "value", "consent", "person_id"].map(|name| field(name).leaves);
    assert_eq!(leaves, [Leaves::Hashed, Leaves::Clear, Leaves::Not, Leaves::Hashed]);
    assert_eq!(super::leaves(Field::PersonId, ExternalIdForm::Raw), Leaves::Clear);
}

#[test]
fn ages_fall_into_bands() {
    let check = |age: i64, expected: &str| {
        let findings = found(&[RowFacts { age_seconds: Some(age), ..LEAD }]);
        let bands: Vec<&str> = findings.ages.iter().filter(|band| band.rows == 1).map(|band| band.name).collect();
        assert_eq!(bands, [expected], "{age} s");
        let band = findings.ages.iter().find(|band| band.rows == 1).unwrap();
        assert!(band.from_seconds.is_none_or(|from| from <= age) && band.to_seconds.is_none_or(|to| age < to));
        assert_eq!(findings.newest_age_seconds, Some(age));
    };
    check(-1, "in the future");
    check(0, "under 1 hour");
    check(3_599, "under 1 hour");
    check(3_600, "1 to 2 hours");
    check(7_200, "2 to 24 hours");
    check(86_400, "1 to 3 days");
    check(3 * 86_400, "3 to 7 days");
    check(7 * 86_400, "over 7 days");
    check(i64::MAX, "over 7 days");
    check(i64::MIN, "in the future");
    assert_eq!(found(&[RowFacts { age_seconds: None, ..LEAD }]).newest_age_seconds, None);
}

#[test]
fn match_keys_are_counted_alone_and_together() {
    let both = KeySet::of(&[MatchKey::Em, MatchKey::Fn]);
    let findings = found(&[LEAD, RowFacts { keys: both, ..LEAD }, RowFacts { keys: both, ..LEAD }, BAD]);
    assert_eq!(findings.match_key_events, [("em", 3), ("fn", 2)].into());
    let sets: Vec<_> = findings.key_sets.iter().map(|set| (set.keys.join(" "), set.rows, set.is_sufficient)).collect();
    assert_eq!(sets, [("em fn".into(), 2, true), ("em".into(), 1, true), ("fn".into(), 1, false)]);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut survey = Survey::new(&columns(), ExternalIdForm::Hashed, &[]);
    for number in 0..10_000_u64 {
        let mut keys = KeySet::of(&[MatchKey::Em]);
        for key in MatchKey::ALL.into_iter().filter(|key| number & (1 << *key as u32) != 0) {
            keys.insert(key);
        }
        survey.add(&RowFacts { keys, name: Some(&format!("n{number}")), ..LEAD });
    }
    assert_eq!(survey.sets.len(), MOST_SETS);
    assert_eq!(survey.rows, 10_000);
}

#[test]
fn a_name_that_may_be_somebodys_is_not_shown() {
    let named = |name| RowFacts { name: Some(name), ..LEAD };
    let findings = found(&[named("ada@example.com"), named("Quote"), named("purchase")]);
    assert_eq!(findings.by_event.keys().collect::<Vec<_>>(), ["(not shown)", "Quote", "purchase"]);
    assert_eq!(findings.warnings.len(), 1);
    assert!(findings.warnings[0].starts_with("the event name purchase is not Meta's Purchase"));
    // First names stand in the column of the names: there are too many of them to be names of events.
    let people: Vec<String> = (0..60).map(|number| format!("Person{number}")).collect();
    let mut rows: Vec<_> = people.iter().map(|name| named(name)).collect();
    rows.push(named("Lead"));
    let findings = found(&rows);
    assert_eq!(findings.by_event.keys().collect::<Vec<_>>(), ["(not shown)", "Lead"]);
    assert_eq!(findings.counts.sendable, 61);
    assert!(findings.warnings[0].contains("is [columns] event_name the right column?"));
}

#[test]
fn the_page_as_people_see_it() {
    let (id, email, currency) = (slot("event_id"), slot("email"), slot("currency"));
    let bad = [Note { slot: Some(email), reason: Reason::InvalidEmail }];
    let (all, some) = ([id, email, currency], [id, currency]);
    let mut rows = vec![RowFacts { filled: &all, ..LEAD }; 6];
    rows.push(RowFacts { filled: &all, notes: &bad, ..BAD });
    rows.push(RowFacts { filled: &some, name: Some("purchase"), age_seconds: Some(90_000), ..LEAD });
    let mut findings = found(&rows);
    findings.invalid_percent = findings.counts.invalid();
    findings.rows.is_whole = true;
    let page = describe(&findings);
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    assert_eq!(page, include_str!("page.txt"));
}
