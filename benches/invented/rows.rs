//! Invented rows with the columns of the `facebook_events` model, mixed as in a table of the real world.
//!
//! Of a thousand rows 300 belong to a person met before, 50 have no e-mail address, 280 no phone, 100 no names, 650 no
//! date of birth, 330 no external id and 380 no click. A few cells hold what people type who do not want to answer.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::dice::Dice;
use super::people::{DOMAINS, FICTION, PLACES, Place, WORDS};

/// Where the dice of the rows start.
const SEED: u64 = 0x0bec_0de5;

/// What stands in a text column now and then.
const JUNK: [&str; 6] = ["N/A", "123", "none", "-", "unknown", "@"];

/// Who it was.
struct Person {
    id: String,
    email: Option<String>,
    full_name: Option<String>,
    phone: Option<String>,
    names: Option<(String, String)>,
    external_id: Option<String>,
    date_of_birth: Option<String>,
}

/// A row of the table.
pub(super) struct Row {
    /// When it happened, in microseconds since 1970.
    pub(super) occurred_at: i64,
    /// When the ad was clicked, in microseconds since 1970.
    pub(super) fbclid_occurred_at: Option<i64>,
    event_id: String,
    kind: &'static Kind,
    value: Option<String>,
    person: Person,
    fbclid: Option<String>,
    processed_at: String,
}

/// What happens in the model.
struct Kind {
    name: &'static str,
    description: &'static str,
    source: &'static str,
    facebook_event_type: &'static str,
    facebook_content_type: Option<&'static str>,
}

/// The three events of the model, as often as they are met.
static KINDS: [(u64, Kind); 3] = [
    (
        450,
        Kind {
            name: "purchase completed",
            description: "paid an order",
            source: "shop",
            facebook_event_type: "Purchase",
            facebook_content_type: Some("product"),
        },
    ),
    (
        400,
        Kind {
            name: "lead generated",
            description: "asked for an offer",
            source: "website",
            facebook_event_type: "Lead",
            facebook_content_type: None,
        },
    ),
    (
        150,
        Kind {
            name: "sign up",
            description: "made an account",
            source: "website",
            facebook_event_type: "CompleteRegistration",
            facebook_content_type: None,
        },
    ),
];

/// How a column's text is taken from a row.
type Text = fn(&Row) -> Option<&str>;

/// The text columns of the table.
pub(super) const TEXTS: [(&str, Text); 20] = [
    ("event_id", |row| Some(&row.event_id)),
    ("event_name", |row| Some(row.kind.name)),
    ("event_description", |row| Some(row.kind.description)),
    ("source", |row| Some(row.kind.source)),
    ("value", |row| row.value.as_deref()),
    ("value_unit", |row| row.value.as_ref().map(|_| "USD")),
    ("person_id", |row| Some(&row.person.id)),
    ("email", |row| row.person.email.as_deref()),
    ("full_name", |row| row.person.full_name.as_deref()),
    ("phone", |row| row.person.phone.as_deref()),
    ("first_name", |row| row.person.names.as_ref().map(|(first, _)| first.as_str())),
    ("last_name", |row| row.person.names.as_ref().map(|(_, last)| last.as_str())),
    ("external_id", |row| row.person.external_id.as_deref()),
    ("date_of_birth", |row| row.person.date_of_birth.as_deref()),
    ("fbclid", |row| row.fbclid.as_deref()),
    ("attribution_model_name", |row| row.fbclid.as_ref().map(|_| "last_fbclid")),
    ("facebook_event_type", |row| Some(row.kind.facebook_event_type)),
    ("facebook_content_type", |row| row.kind.facebook_content_type),
    ("currency", |_| Some("USD")),
    ("processed_at", |row| Some(&row.processed_at)),
];

/// Invents rows without end, as the table would hold them at a moment.
pub(super) fn invent(now: DateTime<Utc>) -> impl Iterator<Item = Row> {
    let mut dice = Dice::new(SEED);
    let mut people = 0;
    let processed_at = now.to_rfc3339();
    std::iter::repeat_with(move || {
        let number = if people > 0 && dice.in_thousand(300) { dice.below(people) } else { people };
        people = people.max(number + 1);
        row(&mut dice, person(number), now.timestamp_micros(), &processed_at)
    })
}

/// Makes a row about a person.
fn row(dice: &mut Dice, person: Person, now: i64, processed_at: &str) -> Row {
    let hour = 3_600_000_000;
    let micros = |dice: &mut Dice, bound: i64| i64::try_from(dice.below(bound.try_into().unwrap())).unwrap();
    let occurred_at = now - hour - micros(dice, 22 * hour);
    let kind = weighted(dice, KINDS.iter().map(|(share, kind)| (*share, kind)));
    let is_clicked = !dice.in_thousand(380);
    Row {
        occurred_at,
        fbclid_occurred_at: is_clicked.then(|| occurred_at - 60_000_000 - micros(dice, 24 * hour)),
        event_id: format!("evt_{:016x}{:016x}", dice.next(), dice.next()),
        kind,
        value: (kind.facebook_event_type == "Purchase").then(|| format!("{}.{:02}", dice.below(900), dice.below(100))),
        person,
        fbclid: is_clicked.then(|| click_id(dice)),
        processed_at: processed_at.to_owned(),
    }
}

/// Makes the person of a number; the same number always gives the same person.
fn person(number: u64) -> Person {
    let dice = &mut Dice::new(SEED ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93));
    let place = weighted(dice, PLACES.iter().map(|place| (place.share, place)));
    let (first, last) = (name(dice, place.first), name(dice, place.last));
    let (is_named, is_named_whole) = (!dice.in_thousand(100), dice.in_thousand(500));
    Person {
        id: format!("per_{:016x}{:016x}", dice.next(), dice.next()),
        email: (!dice.in_thousand(50)).then(|| {
            let (one, other) = (dice.pick(&WORDS), dice.pick(&WORDS));
            let address = format!("{one}.{other}{}@{}", dice.below(10_000), dice.pick(&DOMAINS));
            typed(dice, address)
        }),
        full_name: (is_named || is_named_whole).then(|| format!("{} {}", first.trim(), last.trim())),
        phone: (!dice.in_thousand(280)).then(|| {
            let phone = phone(dice, place);
            typed(dice, phone)
        }),
        names: is_named.then_some((first, last)),
        external_id: (!dice.in_thousand(330)).then(|| format!("CRM-{}", 10_000_000 + dice.below(90_000_000))),
        date_of_birth: (!dice.in_thousand(650)).then(|| {
            let day = TimeDelta::days(dice.below(20_000).try_into().unwrap());
            (NaiveDate::from_ymd_opt(1950, 1, 1).unwrap() + day).to_string()
        }),
    }
}

/// Picks a name.
fn name(dice: &mut Dice, names: &[&str]) -> String {
    let name = (*dice.pick(names)).to_owned();
    typed(dice, name)
}

/// Picks by shares of a thousand.
fn weighted<T>(dice: &mut Dice, mut items: impl Iterator<Item = (u64, T)>) -> T {
    let mut left = dice.below(1_000);
    loop {
        let (share, item) = items.next().unwrap();
        if left < share {
            return item;
        }
        left -= share;
    }
}

/// Types a text as people do: mostly right.
fn typed(dice: &mut Dice, text: String) -> String {
    match dice.below(1_000) {
        0..60 => text.to_uppercase(),
        60..100 => text.to_lowercase(),
        100..130 => format!(" {text} "),
        130..135 => (*dice.pick(&JUNK)).to_owned(),
        _ => text,
    }
}

/// Makes a phone number: of the US in any form, of another country with its code.
fn phone(dice: &mut Dice, place: &Place) -> String {
    if place.code == "1" {
        let (prefix, free) = FICTION;
        let area = format!("{}{}{}", 2 + dice.below(8), dice.below(9), dice.below(10));
        let (exchange, line) = prefix.split_at(3);
        let line = format!("{line}{}", dice.digits(free));
        return match dice.below(100) {
            0..25 => format!("({area}) {exchange}-{line}"),
            25..45 => format!("{area}-{exchange}-{line}"),
            45..65 => format!("{area}{exchange}{line}"),
            65..72 => format!("{area}.{exchange}.{line}"),
            72..90 => format!("+1{area}{exchange}{line}"),
            90..98 => format!("+1 {area}-{exchange}-{line}"),
            _ => format!("{area}-{exchange}-{line} ext. {}", dice.below(900)),
        };
    }
    let national = format!("{}{}", place.prefix, dice.digits(place.digits));
    let (one, other) = national.split_at(3);
    let zero = if place.has_trunk_zero { "(0)" } else { "" };
    match dice.below(100) {
        0..40 => format!("+{}{national}", place.code),
        40..70 => format!("+{} {one} {other}", place.code),
        70..80 => format!("+{}-{one}-{other}", place.code),
        80..90 => format!("00{}{national}", place.code),
        _ => format!("+{} {zero}{one} {other}", place.code),
    }
}

/// Makes a click id.
fn click_id(dice: &mut Dice) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letters = (0..57).map(|_| char::from(*dice.pick(LETTERS)));
    "IwAR".chars().chain(letters).collect()
}
