//! Records as rows of the log, and the statements that write them: pure text.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::schema::Schema;
use crate::ledger::{Answer, BatchId, Entry, EventKey, EventLabel, Outcome, Record, RunId};
use crate::source::snowflake::literal;

/// So many rows go into one statement at most. Snowflake takes 16,384 in a list of values.
/// Source: Snowflake SQL reference, "VALUES", usage notes.
const MOST_ROWS: usize = 4_000;

/// So many bytes of values go into one statement at most: its text may have 1 MB.
/// Source: Snowflake, "Query size limits", 1 MB per SQL statement.
const MOST_BYTES: usize = 900_000;

/// A report longer than this is written in several rows.
const REPORT_PART: usize = 100_000;

/// The word of an intent's rows.
pub(super) const SENDING: &str = "sending";

/// The words of the rows of runs, refusals and refusals that were taken back.
pub(super) const RUN_STARTED: &str = "run_started";
pub(super) const RUN_FINISHED: &str = "run_finished";
pub(super) const REJECTED: &str = "rejected";
pub(super) const PARDONED: &str = "pardoned";

/// The columns that a list of values gives, and their types.
const COLUMNS: [(&str, &str); 20] = [
    ("LINE", "NUMBER(19, 0)"),
    ("WRITTEN_AT", "NUMBER(19, 0)"),
    ("STATUS", "VARCHAR"),
    ("RUN_ID", "VARCHAR"),
    ("BATCH_NO", "NUMBER(19, 0)"),
    ("EVENTS", "NUMBER(19, 0)"),
    ("EVENT_KEY", "VARCHAR"),
    ("FINGERPRINT", "NUMBER(19, 0)"),
    ("EVENT_TIME", "NUMBER(19, 0)"),
    ("EVENT_NAME", "VARCHAR"),
    ("EVENT_ID", "VARCHAR"),
    ("REQUESTS", "NUMBER(19, 0)"),
    ("HTTP_STATUS", "NUMBER(19, 0)"),
    ("CODE", "NUMBER(19, 0)"),
    ("SUBCODE", "NUMBER(19, 0)"),
    ("FBTRACE_ID", "VARCHAR"),
    ("REASON", "VARCHAR"),
    ("EXIT_CODE", "NUMBER(19, 0)"),
    ("REPORT", "VARCHAR"),
    ("GATED", "VARCHAR"),
];

/// The word in the log for what became of a batch.
pub(super) const fn word_of(outcome: &Outcome) -> &'static str {
    match outcome {
        // As the models of dbt-nexus look for it.
        Outcome::Accepted => "sent",
        Outcome::Cleared | Outcome::Unknown | Outcome::Released | Outcome::Dropped => outcome.word(),
    }
}

/// The outcome that a word of the log stands for.
pub(super) fn outcome_of(word: &str) -> Option<Outcome> {
    Outcome::ALL.into_iter().find(|outcome| word_of(outcome) == word)
}

/// A list of the words of some outcomes, as SQL.
pub(super) fn words(outcomes: &[Outcome]) -> String {
    outcomes.iter().map(|outcome| literal(word_of(outcome))).collect::<Vec<_>>().join(", ")
}

/// A writer of the log: the lease that it holds, and which of its statements comes next.
#[derive(Debug, Clone)]
pub(super) struct Author {
    /// Its id, which sorts after those of all who wrote before.
    pub(super) writer: String,
    /// Who holds the lease.
    pub(super) holder: String,
    /// The lease's name.
    pub(super) lease: String,
    /// The lease's epoch.
    pub(super) epoch: i64,
    /// Whose events they are.
    pub(super) dataset_id: String,
}

/// A statement that writes rows.
#[derive(Debug)]
pub(super) struct Insertion {
    /// Its text.
    pub(super) sql: String,
    /// How many rows it writes while the lease is held.
    pub(super) rows: u64,
    /// How many of them it writes in any case.
    pub(super) ungated: u64,
}

/// One row, but for the columns that all rows of a statement share.
#[derive(Debug, Default)]
struct Row<'a> {
    at: Option<DateTime<Utc>>,
    status: &'static str,
    run: Option<&'a str>,
    batch: Option<u32>,
    events: Option<usize>,
    key: Option<EventKey>,
    fingerprint: Option<u32>,
    event_time: Option<i64>,
    label: Option<(&'a str, &'a str)>,
    requests: Option<u32>,
    answer: Option<&'a Answer>,
    reason: Option<&'a str>,
    exit_code: Option<u8>,
    report: Option<&'a str>,
}

/// Gathers rows into statements that are not too long.
#[derive(Debug, Default)]
pub(super) struct Rows {
    lists: Vec<List>,
    line: u64,
}

/// The values of one statement.
#[derive(Debug, Default)]
struct List {
    values: String,
    rows: usize,
    ungated: usize,
}

impl Rows {
    /// Adds the rows of a record.
    pub(super) fn record(&mut self, record: &Record) {
        match record {
            Record::RunStarted { run, at } => self.run_started(run, *at),
            Record::Intent { batch, at, entries, labels } => self.intent(batch, *at, entries, labels),
            Record::Outcome { batch, at, outcome, requests, answer } => {
                self.outcome(batch, *at, outcome, *requests, answer);
            }
            Record::Rejected { entry, event_name, event_id, reason, answer, at } => {
                self.rejected(entry, [event_name, event_id, reason], answer, *at);
            }
            Record::Pardoned { keys, at } => self.pardoned(keys, *at),
            Record::RunFinished { run, at, report, exit_code } => self.run_finished(run, *at, report, *exit_code),
        }
    }

    /// Adds that a run begins.
    pub(super) fn run_started(&mut self, run: &RunId, at: DateTime<Utc>) {
        self.add(&Row { at: Some(at), status: RUN_STARTED, run: Some(&run.0), ..Row::default() });
    }

    /// Adds an intent: a row for each event.
    pub(super) fn intent(&mut self, batch: &BatchId, at: DateTime<Utc>, entries: &[Entry], labels: &[EventLabel]) {
        for (place, Entry { key, fingerprint, event_time }) in entries.iter().enumerate() {
            let label = labels.get(place).map(|label| (label.name.as_str(), label.id.as_str()));
            self.add(&Row {
                at: Some(at),
                status: SENDING,
                run: Some(&batch.run.0),
                batch: Some(batch.number),
                events: Some(entries.len()),
                key: Some(*key),
                fingerprint: Some(fingerprint.0),
                event_time: Some(*event_time),
                label,
                ..Row::default()
            });
        }
    }

    /// Adds what became of a batch.
    pub(super) fn outcome(
        &mut self,
        batch: &BatchId,
        at: DateTime<Utc>,
        outcome: &Outcome,
        requests: u32,
        answer: &Answer,
    ) {
        self.add(&Row {
            at: Some(at),
            status: word_of(outcome),
            run: Some(&batch.run.0),
            batch: Some(batch.number),
            requests: Some(requests),
            answer: Some(answer),
            ..Row::default()
        });
    }

    /// Adds a refusal; the words are the event's name and id and the code of the reason.
    pub(super) fn rejected(&mut self, entry: &Entry, words: [&str; 3], answer: &Answer, at: DateTime<Utc>) {
        let [name, id, reason] = words;
        self.add(&Row {
            at: Some(at),
            status: REJECTED,
            key: Some(entry.key),
            fingerprint: Some(entry.fingerprint.0),
            event_time: Some(entry.event_time),
            label: Some((name, id)),
            answer: Some(answer),
            reason: Some(reason),
            ..Row::default()
        });
    }

    /// Adds that refusals are taken back.
    pub(super) fn pardoned(&mut self, keys: &[EventKey], at: DateTime<Utc>) {
        for key in keys {
            self.add(&Row { at: Some(at), status: PARDONED, key: Some(*key), ..Row::default() });
        }
    }

    /// Adds that a run ends: a row for each part of its report.
    pub(super) fn run_finished(&mut self, run: &RunId, at: DateTime<Utc>, report: &str, exit_code: u8) {
        let parts = parts(report);
        for part in &parts {
            self.add(&Row {
                at: Some(at),
                status: RUN_FINISHED,
                run: Some(&run.0),
                events: Some(parts.len()),
                exit_code: Some(exit_code),
                report: Some(part),
                ..Row::default()
            });
        }
    }

    fn add(&mut self, row: &Row<'_>) {
        self.line += 1;
        let mut values = String::with_capacity(200);
        row.write(self.line, &mut values);
        let has_room = |list: &List| list.rows < MOST_ROWS && list.values.len() + values.len() < MOST_BYTES;
        if !self.lists.last().is_some_and(has_room) {
            self.lists.push(List::default());
        }
        let Some(list) = self.lists.last_mut() else { return };
        if list.rows > 0 {
            list.values.push_str(",\n");
        }
        list.values.push_str(&values);
        list.rows += 1;
        list.ungated += usize::from(row.status != SENDING);
    }

    /// Makes the statements, the first with this number.
    ///
    /// An intent goes in only while its writer holds the lease, everything else always. A statement that was handed in
    /// before and is found in the log changes nothing.
    pub(super) fn statements(self, schema: &Schema, author: &Author, first: u64) -> Vec<Insertion> {
        (first..).zip(self.lists).map(|(number, list)| insertion(schema, author, number, list)).collect()
    }
}

fn insertion(schema: &Schema, author: &Author, number: u64, list: List) -> Insertion {
    let (log, lease) = (schema.log(), schema.lease());
    let Author { writer, holder, lease: name, epoch, dataset_id } = author;
    let [writer, holder, name, dataset_id] = [writer, holder, name, dataset_id].map(|text| literal(text));
    let kept = || COLUMNS.iter().filter(|(column, _)| *column != "GATED");
    let columns = kept().map(|(column, _)| *column).collect::<Vec<_>>().join(", ");
    let selected = kept().map(|(column, kind)| match *column {
        "WRITTEN_AT" => format!("TO_TIMESTAMP_NTZ(v.{column}::{kind}, 6)"),
        _ => format!("v.{column}::{kind}"),
    });
    let selected = selected.collect::<Vec<_>>().join(", ");
    let given = COLUMNS.iter().map(|(column, _)| *column).collect::<Vec<_>>().join(", ");
    let List { values, rows, ungated } = list;
    let sql = format!(
        "INSERT INTO {log} (WRITER, SEQ, EPOCH, LATE, DATASET_ID, {columns})\n\
         SELECT {writer}, {number}, {epoch}, l.HELD = 0, {dataset_id}, {selected}\n\
         FROM (VALUES\n{values}\n) AS v ({given})\n\
         CROSS JOIN (SELECT COUNT(*) AS HELD FROM {lease} WHERE NAME = {name} AND HOLDER = {holder} \
         AND EPOCH = {epoch}) AS l\n\
         CROSS JOIN (SELECT COUNT(*) AS MADE FROM {log} WHERE WRITER = {writer} AND SEQ = {number}) AS m\n\
         WHERE m.MADE = 0 AND (v.GATED = '0' OR l.HELD > 0)"
    );
    Insertion { sql, rows: rows as u64, ungated: ungated as u64 }
}

impl Row<'_> {
    /// Writes the row as a list of values.
    fn write(&self, line: u64, out: &mut String) {
        let Self { at, status, run, batch, events, key, fingerprint, event_time, label, .. } = self;
        let Self { requests, answer, reason, exit_code, report, .. } = self;
        let (name, id) = label.unzip();
        out.push('(');
        number(out, Some(line));
        number(out, at.map(|at| at.timestamp_micros()));
        text(out, Some(status));
        text(out, *run);
        number(out, *batch);
        number(out, *events);
        text(out, key.map(|key| hex::encode(key.0)).as_deref());
        number(out, *fingerprint);
        number(out, *event_time);
        text(out, name);
        text(out, id);
        number(out, *requests);
        number(out, answer.and_then(|answer| answer.status));
        number(out, answer.and_then(|answer| answer.code));
        number(out, answer.and_then(|answer| answer.subcode));
        text(out, answer.and_then(|answer| answer.trace.as_deref()));
        text(out, *reason);
        number(out, *exit_code);
        text(out, *report);
        out.push_str(if *status == SENDING { "'1')" } else { "'0')" });
    }
}

/// Writes a number and a comma.
fn number(out: &mut String, number: Option<impl std::fmt::Display>) {
    match number {
        // Writing to a string cannot fail.
        Some(number) => write!(out, "{number}, ").unwrap_or_default(),
        None => out.push_str("NULL, "),
    }
}

/// Writes a text and a comma.
fn text(out: &mut String, text: Option<&str>) {
    match text {
        Some(text) => out.push_str(&literal(text)),
        None => out.push_str("NULL"),
    }
    out.push_str(", ");
}

/// Cuts a text where it may be cut; an empty text is one part.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        // The part ends where a character does, three bytes earlier at most.
        let ends = (0..4).map(|less| rest.len().min(REPORT_PART).saturating_sub(less));
        let cut = ends.into_iter().find_map(|end| rest.split_at_checked(end));
        let (part, after) = cut.unwrap_or((rest, ""));
        parts.push(part);
        if after.is_empty() {
            return parts;
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Fingerprint;

    fn author() -> Author {
        Author { writer: "w'1".into(), holder: "h'1".into(), lease: "12".into(), epoch: 3, dataset_id: "12".into() }
    }

    fn statements(records: &[Record]) -> Vec<Insertion> {
        let mut rows = Rows::default();
        for record in records {
            rows.record(record);
        }
        rows.statements(&Schema::parse("A.B").unwrap(), &author(), 7)
    }

    fn intent(events: usize, id: &str) -> Record {
        let entry = |n: usize| Entry {
            key: EventKey::new("12", "Lead", &n.to_string()),
            fingerprint: Fingerprint(1),
            event_time: 5,
        };
        Record::Intent {
            batch: BatchId { run: RunId("r".into()), number: 1 },
            at: DateTime::UNIX_EPOCH,
            entries: (0..events).map(entry).collect(),
            labels: (0..events).map(|_| EventLabel { name: "Lead".into(), id: id.into() }).collect(),
        }
    }

    #[test]
    fn an_intent_goes_in_only_while_the_lease_is_held_and_an_outcome_always() {
        let outcome = Record::Outcome {
            batch: BatchId { run: RunId("r".into()), number: 1 },
            at: DateTime::UNIX_EPOCH,
            outcome: Outcome::Accepted,
            requests: 1,
            answer: Answer::default(),
        };
        let made = statements(&[intent(2, "it's"), outcome]);
        let [Insertion { sql, rows: 3, ungated: 1 }] = made.as_slice() else { panic!("{made:?}") };
        assert!(sql.contains("'Lead', 'it''s'"), "{sql}");
        assert!(sql.contains("'sent', 'r', 1"), "{sql}");
        assert!(sql.contains("WHERE NAME = '12' AND HOLDER = 'h''1' AND EPOCH = 3"), "{sql}");
        assert!(sql.ends_with("WHERE m.MADE = 0 AND (v.GATED = '0' OR l.HELD > 0)"), "{sql}");
    }

    #[test]
    fn statements_are_neither_too_long_nor_too_many() {
        for (events, id, expected) in
            [(1_000, "e", 1), (4_000, "e", 1), (4_001, "e", 2), (1_000, &"e".repeat(2_000), 3)]
        {
            let made = statements(&[intent(events, id)]);
            assert_eq!(made.len(), expected, "{events} events");
            assert_eq!(made.iter().map(|made| made.rows).sum::<u64>(), events as u64);
            assert!(made.iter().all(|made| made.sql.len() < 1_000_000 && made.ungated == 0));
            // Every row of a record says how many there are, and lines count on.
            let last = &made[made.len() - 1].sql;
            assert!(last.contains(&format!("({events}, 0, 'sending', 'r', 1, {events}, ")), "{events}");
        }
    }

    #[test]
    fn a_long_report_is_written_in_parts() {
        let report = "é".repeat(REPORT_PART);
        assert_eq!(parts(&report).concat(), report);
        assert_eq!(parts(&report).len(), 2);
        assert_eq!(parts(""), [""]);
    }

    #[test]
    fn every_outcome_has_a_word_of_its_own() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome_of(word_of(&outcome)), Some(outcome));
        }
        assert_eq!(outcome_of(SENDING), None);
    }
}
