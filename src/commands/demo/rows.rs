//! Invented rows in the shape of the `facebook_events` table, good ones and every kind of bad one.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use super::dice::Dice;
use super::people::{DOMAINS, PLACES, Phones};

/// Where the dice start: the same moment and count always give the same rows.
const SEED: u64 = 0x00fb_ca91;

/// How many rows of each kind were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Invented {
    /// Lines of the file.
    pub rows: usize,
    /// Good rows of the last day.
    pub fresh: usize,
    /// Good rows that came late: older than a day and younger than seven.
    pub late: usize,
    /// Rows older than seven days, good otherwise.
    pub expired: usize,
    /// Rows that repeat a good row, which is counted where it belongs.
    pub copies: usize,
    /// Those of the copies that say something else than the row they repeat.
    pub differing_copies: usize,
    /// Rows from which nobody can be recognised.
    pub keyless: usize,
    /// Good rows but for an e-mail address that is none.
    pub bad_email: usize,
    /// Good rows but for a phone number that no country has.
    pub impossible_phone: usize,
    /// Purchases without value.
    pub without_value: usize,
    /// Purchases in a currency that does not exist.
    pub unknown_currency: usize,
    /// Rows without event id.
    pub without_id: usize,
    /// Rows that will happen in two days.
    pub in_future: usize,
}

impl Invented {
    /// How many events a sync sends, each once.
    pub fn deliverable(&self) -> usize {
        self.fresh + self.late + self.bad_email + self.impossible_phone
    }

    /// How many rows a sync rejects.
    pub fn rejected(&self) -> usize {
        self.keyless + self.without_value + self.unknown_currency + self.without_id + self.in_future
    }
}

/// What is special about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fresh,
    Late,
    Expired,
    Copy,
    Keyless,
    BadEmail,
    ImpossiblePhone,
    WithoutValue,
    UnknownCurrency,
    WithoutId,
    InFuture,
}

/// How many of a thousand rows are of a kind; the others are fresh.
const SHARES: [(Kind, usize); 10] = [
    (Kind::Late, 60),
    (Kind::Expired, 20),
    (Kind::Copy, 15),
    (Kind::Keyless, 10),
    (Kind::BadEmail, 8),
    (Kind::ImpossiblePhone, 6),
    (Kind::WithoutValue, 5),
    (Kind::UnknownCurrency, 4),
    (Kind::WithoutId, 3),
    (Kind::InFuture, 3),
];

/// A row, with the table's columns in the table's order.
#[derive(Debug, Clone, Serialize)]
struct Row {
    event_id: Option<String>,
    occurred_at: String,
    event_name: &'static str,
    event_description: &'static str,
    source: &'static str,
    value: Option<Box<RawValue>>,
    value_unit: Option<&'static str>,
    person_id: Option<String>,
    email: Option<String>,
    full_name: Option<String>,
    phone: Option<String>,
    first_name: Option<&'static str>,
    last_name: Option<&'static str>,
    external_id: Option<String>,
    date_of_birth: Option<NaiveDate>,
    fbclid: Option<String>,
    fbclid_occurred_at: Option<String>,
    attribution_model_name: Option<&'static str>,
    facebook_event_type: &'static str,
    facebook_content_type: Option<&'static str>,
    currency: &'static str,
    processed_at: String,
}

/// Writes so many rows to a new file of JSON Lines, as the table would hold them at a moment.
pub fn write_rows(path: &Path, now: DateTime<Utc>, count: usize) -> io::Result<Invented> {
    let (rows, invented) = invent(now, count);
    let mut file = BufWriter::new(File::create(path)?);
    for row in &rows {
        serde_json::to_writer(&mut file, row)?;
        file.write_all(b"\n")?;
    }
    file.flush()?;
    Ok(invented)
}

/// Makes the rows and counts them.
fn invent(now: DateTime<Utc>, count: usize) -> (Vec<Row>, Invented) {
    let mut dice = Dice::new(SEED);
    let mut invented = Invented { rows: count, ..Invented::default() };
    let mut rows: Vec<Row> = Vec::with_capacity(count);
    let mut original = None;
    for kind in kinds(&mut dice, count) {
        let row = match (kind, &original) {
            // A copy follows its original at some distance, and each original is repeated once.
            (Kind::Copy, Some(original)) => {
                invented.copies += 1;
                let mut copy = Row::clone(original);
                if invented.differing_copies == 0 {
                    invented.differing_copies = 1;
                    copy.email = Some(format!("second.{}", address(&mut dice, "person")));
                }
                copy
            }
            (Kind::Copy, None) => {
                invented.count(Kind::Fresh);
                make(&mut dice, Kind::Fresh, now)
            }
            (kind, _) => {
                invented.count(kind);
                make(&mut dice, kind, now)
            }
        };
        original = match kind {
            Kind::Copy => None,
            Kind::Fresh if original.is_none() => Some(row.clone()),
            _ => original,
        };
        rows.push(row);
    }
    (rows, invented)
}

/// Deals the kinds of rows, shuffled.
fn kinds(dice: &mut Dice, count: usize) -> Vec<Kind> {
    let mut kinds = Vec::with_capacity(count);
    for (kind, share) in SHARES {
        let wanted = count.saturating_mul(share).div_ceil(1000);
        kinds.extend(std::iter::repeat_n(kind, wanted.min(count - kinds.len())));
    }
    kinds.resize(count, Kind::Fresh);
    for place in (1..count).rev() {
        kinds.swap(place, dice.index(place + 1));
    }
    kinds
}

/// Makes a row of a kind.
fn make(dice: &mut Dice, kind: Kind, now: DateTime<Utc>) -> Row {
    let occurred_at = now - age(dice, kind);
    let mut row = good(dice, occurred_at, now);
    match kind {
        Kind::Fresh | Kind::Late | Kind::Expired | Kind::InFuture | Kind::Copy => {}
        Kind::Keyless => forget_person(&mut row),
        Kind::BadEmail => {
            row.email = Some((*dice.pick(&["none", "ada@", "@example.com", "ada at example.com"])).to_owned());
        }
        Kind::ImpossiblePhone => {
            row.phone = Some((*dice.pick(&["12", "+1 212", "+999 123456789", "ask the office"])).to_owned());
        }
        Kind::WithoutValue => {
            sell(dice, &mut row);
            row.value = None;
        }
        Kind::UnknownCurrency => {
            sell(dice, &mut row);
            row.currency = "QQQ";
        }
        Kind::WithoutId => row.event_id = dice.one_in(2).then(String::new),
    }
    row
}

/// How long ago a row of a kind happened.
fn age(dice: &mut Dice, kind: Kind) -> TimeDelta {
    let hour = 3_600_000;
    let (least, most) = match kind {
        Kind::Late => (25 * hour, 164 * hour),
        Kind::Expired => (192 * hour, 720 * hour),
        Kind::InFuture => return -TimeDelta::hours(48),
        Kind::Fresh
        | Kind::Copy
        | Kind::Keyless
        | Kind::BadEmail
        | Kind::ImpossiblePhone
        | Kind::WithoutValue
        | Kind::UnknownCurrency
        | Kind::WithoutId => (hour / 60, 23 * hour),
    };
    TimeDelta::milliseconds(least + dice.below(most - least))
}

/// Makes a row with which nothing is wrong.
fn good(dice: &mut Dice, occurred_at: DateTime<Utc>, now: DateTime<Utc>) -> Row {
    let place = dice.pick(PLACES);
    let (first_name, first_spelling) = *dice.pick(place.first);
    let (last_name, last_spelling) = *dice.pick(place.last);
    let has_email = !dice.one_in(10);
    let is_named_whole = dice.one_in(12);
    let mut row = Row {
        event_id: Some(format!("evt_{:016x}{:016x}", dice.next(), dice.next())),
        occurred_at: timestamp(occurred_at),
        event_name: "lead generated",
        event_description: "asked for an offer",
        source: "website",
        value: None,
        value_unit: None,
        person_id: Some(format!("per_{:016x}", dice.next())),
        email: has_email.then(|| address(dice, &format!("{first_spelling}.{last_spelling}"))),
        full_name: Some(format!("{first_name} {last_name}")),
        phone: place.phones.as_ref().filter(|_| !dice.one_in(8)).map(|phones| phone(dice, phones)),
        first_name: (!is_named_whole).then_some(first_name),
        last_name: (!is_named_whole).then_some(last_name),
        external_id: dice.one_in(2).then(|| format!("crm-{}", 10_000 + dice.below(90_000))),
        date_of_birth: dice.one_in(3).then(|| birthday(dice)),
        fbclid: None,
        fbclid_occurred_at: None,
        attribution_model_name: None,
        facebook_event_type: "Lead",
        facebook_content_type: None,
        currency: "USD",
        processed_at: timestamp(now),
    };
    if dice.one_in(3) {
        row.fbclid = Some(format!("IwAR0{:016x}_aem_{:016X}-Zq", dice.next(), dice.next()));
        row.fbclid_occurred_at =
            Some(timestamp(occurred_at - TimeDelta::milliseconds(60_000 + dice.below(86_400_000))));
        row.attribution_model_name = Some("last_fbclid");
    }
    match dice.below(20) {
        0..9 => sell(dice, &mut row),
        9..12 => {
            row.event_name = "sign up";
            row.event_description = "made an account";
            row.facebook_event_type = "CompleteRegistration";
        }
        _ => {}
    }
    row
}

/// Makes a row a purchase.
fn sell(dice: &mut Dice, row: &mut Row) {
    row.event_name = "purchase completed";
    row.event_description = "paid an order";
    row.source = "shop";
    // Zero is a value, and so is an amount that no float can hold.
    let cents = if dice.one_in(50) { 0 } else { 199 + dice.below(90_000) };
    row.value = RawValue::from_string(format!("{}.{:02}", cents / 100, cents % 100)).ok();
    row.facebook_event_type = "Purchase";
    row.facebook_content_type = Some("product");
    row.currency = *dice.pick(&["USD", "USD", "EUR", "GBP", "CAD"]);
    row.value_unit = Some(row.currency);
}

/// Takes away everything by which a person can be recognised; a date of birth alone is not enough for that.
fn forget_person(row: &mut Row) {
    row.person_id = None;
    row.email = None;
    row.full_name = None;
    row.phone = None;
    row.first_name = None;
    row.last_name = None;
    row.external_id = None;
    row.fbclid = None;
    row.fbclid_occurred_at = None;
    row.attribution_model_name = None;
}

/// Makes an e-mail address, now and then as carelessly typed as in life.
fn address(dice: &mut Dice, local: &str) -> String {
    let address = format!("{local}{}@{}", dice.below(1000), dice.pick(&DOMAINS));
    match dice.below(12) {
        0 => address.to_uppercase(),
        1 => format!(" {address} "),
        _ => address,
    }
}

/// Makes a phone number, written in one of the ways in which people write them.
fn phone(dice: &mut Dice, phones: &Phones) -> String {
    let width = phones.to.to_string().len();
    let number = phones.from + dice.next() % (phones.to - phones.from + 1);
    let number = format!("{}{number:0width$}", phones.prefix);
    match dice.below(4) {
        0 => number.replace([' ', '-'], ""),
        1 => number.replacen('+', "00", 1),
        2 => number.replace(' ', "-"),
        _ => number,
    }
}

/// Makes a date of birth.
fn birthday(dice: &mut Dice) -> NaiveDate {
    NaiveDate::from_epoch_days(i32::try_from(dice.below(13_000)).unwrap_or_default()).unwrap_or_default()
}

/// Writes a moment as a time column has it.
fn timestamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Invented {
    /// Counts a row that is no copy.
    fn count(&mut self, kind: Kind) {
        *match kind {
            Kind::Fresh => &mut self.fresh,
            Kind::Late => &mut self.late,
            Kind::Expired => &mut self.expired,
            Kind::Copy => &mut self.copies,
            Kind::Keyless => &mut self.keyless,
            Kind::BadEmail => &mut self.bad_email,
            Kind::ImpossiblePhone => &mut self.impossible_phone,
            Kind::WithoutValue => &mut self.without_value,
            Kind::UnknownCurrency => &mut self.unknown_currency,
            Kind::WithoutId => &mut self.without_id,
            Kind::InFuture => &mut self.in_future,
        } += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use serde_json::Value;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();

    /// Writes rows and reads them back.
    fn read_back(count: usize) -> (Vec<Value>, Invented) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.ndjson");
        let invented = write_rows(&path, NOW, count).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), invented)
    }

    fn days_ago(row: &Value) -> f64 {
        let occurred_at: DateTime<Utc> = row["occurred_at"].as_str().unwrap().parse().unwrap();
        (NOW - occurred_at).as_seconds_f64() / 86_400.0
    }

    /// Whether a member is absent or blank.
    fn is_blank(row: &Value, column: &str) -> bool {
        row[column].as_str().is_none_or(|text| text.trim().is_empty())
    }

    #[test]
    fn the_counts_are_those_of_the_file() {
        let (rows, invented) = read_back(1000);
        let count = |wanted: &dyn Fn(&Value) -> bool| rows.iter().filter(|row| wanted(row)).count();
        assert_eq!(rows.len(), invented.rows);
        assert_eq!(count(&|row| days_ago(row) > 7.0), invented.expired);
        assert_eq!(count(&|row| days_ago(row) > 1.0 && days_ago(row) < 7.0), invented.late);
        assert_eq!(count(&|row| days_ago(row) < 0.0), invented.in_future);
        assert_eq!(count(&|row| is_blank(row, "event_id")), invented.without_id);
        assert_eq!(count(&|row| is_blank(row, "person_id")), invented.keyless);
        assert_eq!(count(&|row| row["currency"] == "QQQ"), invented.unknown_currency);
        assert_eq!(
            count(&|row| row["facebook_event_type"] == "Purchase" && row["value"].is_null()),
            invented.without_value
        );
        let has_bad_email = |row: &Value| {
            row["email"].as_str().is_some_and(|email| {
                email.split_once('@').is_none_or(|(local, domain)| local.is_empty() || domain.is_empty())
            })
        };
        assert_eq!(count(&has_bad_email), invented.bad_email);
        let has_bad_phone = |row: &Value| {
            row["phone"].as_str().is_some_and(|phone| {
                phone.chars().filter(char::is_ascii_digit).count() < 10 || phone.starts_with("+999")
            })
        };
        assert_eq!(count(&has_bad_phone), invented.impossible_phone);

        let mut by_id: HashMap<&str, Vec<&Value>> = HashMap::new();
        for row in rows.iter().filter(|row| !is_blank(row, "event_id")) {
            by_id.entry(row["event_id"].as_str().unwrap()).or_default().push(row);
        }
        let copied: Vec<_> = by_id.values().filter(|rows| rows.len() > 1).collect();
        assert_eq!(copied.iter().map(|rows| rows.len() - 1).sum::<usize>(), invented.copies);
        assert_eq!(copied.iter().filter(|rows| rows[0] != rows[1]).count(), invented.differing_copies);

        assert_eq!(invented.deliverable() + invented.rejected() + invented.expired + invented.copies, invented.rows);
        let expected = Invented {
            rows: 1000,
            fresh: 866,
            late: 60,
            expired: 20,
            copies: 15,
            differing_copies: 1,
            keyless: 10,
            bad_email: 8,
            impossible_phone: 6,
            without_value: 5,
            unknown_currency: 4,
            without_id: 3,
            in_future: 3,
        };
        assert_eq!(invented, expected);
    }

    #[test]
    fn rows_are_of_many_kinds_and_of_nobody() {
        let (rows, _) = read_back(1000);
        let types: HashSet<_> = rows.iter().map(|row| row["facebook_event_type"].as_str().unwrap()).collect();
        assert_eq!(types, HashSet::from(["Purchase", "Lead", "CompleteRegistration"]));
        let names: HashSet<_> = rows.iter().filter_map(|row| row["full_name"].as_str()).collect();
        assert!(names.len() > 150, "{}", names.len());
        for row in &rows {
            let Some((_, domain)) = row["email"].as_str().and_then(|email| email.split_once('@')) else { continue };
            let domain = domain.trim().to_lowercase();
            assert!(domain.is_empty() || DOMAINS.contains(&domain.as_str()), "{domain}");
        }
        for place in PLACES {
            for (_, spelling) in place.first.iter().chain(place.last) {
                assert!(spelling.bytes().all(|byte| byte.is_ascii_lowercase()), "{spelling}");
            }
        }
    }

    #[test]
    fn no_row_is_on_the_edge_of_the_window() {
        let (rows, _) = read_back(4000);
        for days in rows.iter().map(days_ago) {
            assert!(!(6.9..8.0).contains(&days) && !(-1.9..0.0).contains(&days), "{days}");
        }
    }

    #[test]
    fn the_same_moment_gives_the_same_rows() {
        assert_eq!(read_back(300), read_back(300));
        for count in [0, 1, 2, 11, 50] {
            let (rows, invented) = read_back(count);
            assert_eq!((rows.len(), invented.rows), (count, count));
            assert_eq!(
                invented.deliverable() + invented.rejected() + invented.expired + invented.copies,
                count,
                "{invented:?}"
            );
        }
    }
}
