//! Questions to the log as SQL, and the rows of its answers. Every column is asked for as text.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, RecordBatch, StringArray};
use chrono::{DateTime, Utc};

use super::row::{PARDONED, REJECTED, RUN_FINISHED, RUN_STARTED, SENDING, outcome_of, word_of, words};
use super::schema::Schema;
use crate::ledger::exchange::{AnswerForm, Line, OutcomeForm, weight};
use crate::ledger::{EventKey, Outcome};
use crate::source::snowflake::literal;

/// Outcomes after which a batch counts as sent.
pub(super) const SENT: [Outcome; 2] = [Outcome::Accepted, Outcome::Dropped];

/// Outcomes after which nothing of a batch is in doubt.
const SETTLED: [Outcome; 4] = [Outcome::Accepted, Outcome::Cleared, Outcome::Released, Outcome::Dropped];

/// The order in which rows were written.
const WRITTEN: &str = "WRITER, SEQ, LINE";

/// Microseconds since 1970 of when a row was written.
const MICROS: &str = "DATE_PART(EPOCH_MICROSECOND, WRITTEN_AT)";

/// A part of the log: what belongs to one dataset.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) schema: Schema,
    pub(super) dataset_id: String,
}

impl Log {
    /// The rows of this dataset that fulfil a condition.
    pub(super) fn rows_where(&self, condition: &str) -> String {
        format!("FROM {} WHERE DATASET_ID = {} AND {condition}", self.schema.log(), literal(&self.dataset_id))
    }

    /// Whether a run was ever recorded: a row if so.
    pub(super) fn any_run(&self) -> String {
        format!("SELECT '1' AS FOUND {} LIMIT 1", self.rows_where(&format!("STATUS = '{RUN_STARTED}'")))
    }

    /// Key and fingerprint of every event since an instant that was sent; in the order of writing if it matters.
    pub(super) fn sent(&self, since: i64, order: Order) -> String {
        let settled = self.rows_where(&format!("STATUS IN ({})", words(&SENT)));
        let order = match order {
            Order::Any => String::new(),
            Order::Written => format!(" ORDER BY {WRITTEN}"),
        };
        format!(
            "SELECT EVENT_KEY, TO_VARCHAR(FINGERPRINT) AS FINGERPRINT {} AND EXISTS (SELECT 1 FROM (\
             SELECT DISTINCT RUN_ID AS R, BATCH_NO AS N {settled}) AS s WHERE s.R = RUN_ID AND s.N = BATCH_NO){order}",
            self.rows_where(&format!("STATUS = '{SENDING}' AND EVENT_TIME >= {since}"))
        )
    }

    /// Key, fingerprint and time of writing of every event since an instant of whose attempt nobody knows the end.
    ///
    /// An intent that is not whole was never posted.
    pub(super) fn in_doubt(&self, since: i64) -> String {
        let settled = self.rows_where(&format!("STATUS IN ({})", words(&SETTLED)));
        let open = self.rows_where(&format!(
            "STATUS = '{SENDING}' AND NOT EXISTS (SELECT 1 FROM (SELECT DISTINCT RUN_ID AS R, BATCH_NO AS N {settled}) \
             AS s WHERE s.R = RUN_ID AND s.N = BATCH_NO)"
        ));
        format!(
            "SELECT EVENT_KEY, TO_VARCHAR(FINGERPRINT) AS FINGERPRINT, TO_VARCHAR({MICROS}) AS MICROS FROM (\
             SELECT WRITER, SEQ, LINE, EVENT_KEY, FINGERPRINT, EVENT_TIME, WRITTEN_AT {open} \
             QUALIFY COUNT(DISTINCT EVENT_KEY) OVER (PARTITION BY RUN_ID, BATCH_NO) = EVENTS) AS o \
             WHERE EVENT_TIME >= {since} ORDER BY {WRITTEN}"
        )
    }

    /// Key, fingerprint and word of every refusal since an instant and of every one taken back, in the order of writing.
    pub(super) fn refusals(&self, since: i64) -> String {
        let condition = format!("(STATUS = '{PARDONED}' OR STATUS = '{REJECTED}' AND EVENT_TIME >= {since})");
        format!(
            "SELECT EVENT_KEY, TO_VARCHAR(FINGERPRINT) AS FINGERPRINT, STATUS {} ORDER BY {WRITTEN}",
            self.rows_where(&condition)
        )
    }

    /// What is recorded of a run and its batches: word, batch, rows that there are and rows that there should be.
    pub(super) fn of_run(&self, run: &str) -> String {
        format!(
            "SELECT STATUS, TO_VARCHAR(BATCH_NO) AS BATCH_NO, \
             TO_VARCHAR(COUNT(DISTINCT COALESCE(EVENT_KEY, TO_VARCHAR(LINE)))) AS ROWS_THERE, TO_VARCHAR(MAX(EVENTS)) AS ROWS_MEANT {} GROUP BY STATUS, BATCH_NO",
            self.rows_where(&format!("RUN_ID = {}", literal(run)))
        )
    }

    /// Everything, in the order of writing; see [`Story`].
    pub(super) fn everything(&self) -> String {
        format!(
            "SELECT STATUS, RUN_ID, TO_VARCHAR(BATCH_NO) AS BATCH_NO, TO_VARCHAR({MICROS}) AS MICROS, \
             TO_VARCHAR(EVENTS) AS EVENTS, EVENT_KEY, TO_VARCHAR(FINGERPRINT) AS FINGERPRINT, \
             TO_VARCHAR(EVENT_TIME) AS EVENT_TIME, EVENT_NAME, EVENT_ID, TO_VARCHAR(REQUESTS) AS REQUESTS, \
             TO_VARCHAR(HTTP_STATUS) AS HTTP_STATUS, TO_VARCHAR(CODE) AS CODE, TO_VARCHAR(SUBCODE) AS SUBCODE, \
             FBTRACE_ID, REASON, TO_VARCHAR(EXIT_CODE) AS EXIT_CODE, REPORT, IFF(LATE, '1', '0') AS LATE, \
             TO_VARCHAR(LINE) AS LINE_NO {} ORDER BY {WRITTEN}",
            self.rows_where("TRUE")
        )
    }

    /// Deletes every batch whose youngest event is older than an instant, with what became of it.
    pub(super) fn prune_batches(&self, before: i64) -> String {
        let old = self.rows_where(&format!("STATUS = '{SENDING}'"));
        format!(
            "DELETE {} AND (RUN_ID, BATCH_NO) IN (SELECT RUN_ID, BATCH_NO {old} \
             GROUP BY RUN_ID, BATCH_NO HAVING MAX(EVENT_TIME) < {before})",
            self.rows_where("BATCH_NO IS NOT NULL")
        )
    }

    /// Deletes every refusal of events that were last refused with a time before an instant.
    pub(super) fn prune_refusals(&self, before: i64) -> String {
        let young = self.rows_where(&format!("STATUS = '{REJECTED}' AND EVENT_TIME >= {before}"));
        format!(
            "DELETE {}",
            self.rows_where(&format!(
                "STATUS IN ('{REJECTED}', '{PARDONED}') AND EVENT_KEY NOT IN (SELECT EVENT_KEY {young})"
            ))
        )
    }

    /// Deletes every run that began before an instant and of which no batch is left, but for one.
    pub(super) fn prune_runs(&self, before: i64, kept: &str) -> String {
        let old =
            self.rows_where(&format!("STATUS = '{RUN_STARTED}' AND DATE_PART(EPOCH_SECOND, WRITTEN_AT) < {before}"));
        let held = self.rows_where("BATCH_NO IS NOT NULL");
        format!(
            "DELETE {} AND RUN_ID IN (SELECT RUN_ID {old}) AND RUN_ID NOT IN (SELECT RUN_ID {held})",
            self.rows_where(&format!("STATUS IN ('{RUN_STARTED}', '{RUN_FINISHED}') AND RUN_ID <> {}", literal(kept)))
        )
    }

    /// The run that was recorded last.
    pub(super) fn last_run(&self) -> String {
        format!(
            "SELECT RUN_ID {} ORDER BY WRITER DESC, SEQ DESC, LINE DESC LIMIT 1",
            self.rows_where(&format!("STATUS = '{RUN_STARTED}'"))
        )
    }

    /// How many rows of a statement are in the log.
    pub(super) fn made(&self, writer: &str, number: u64) -> String {
        format!(
            "SELECT TO_VARCHAR(COUNT(DISTINCT LINE)) AS MADE FROM {} WHERE WRITER = {} AND SEQ = {number}",
            self.schema.log(),
            literal(writer)
        )
    }
}

/// In which order rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Whichever is quickest.
    Any,
    /// That in which they were written.
    Written,
}

/// The rows of an answer whose columns are all text.
pub(super) struct Texts<'b> {
    columns: Vec<&'b StringArray>,
    rows: usize,
}

impl<'b> Texts<'b> {
    /// Takes a batch apart.
    pub(super) fn of(batch: &'b RecordBatch) -> Self {
        let columns = batch.columns().iter().filter_map(|column| column.as_string_opt()).collect();
        Self { columns, rows: batch.num_rows() }
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// A cell; none where it is null or not there.
    pub(super) fn text(&self, row: usize, column: usize) -> Option<&'b str> {
        let array = self.columns.get(column)?;
        (row < array.len() && !array.is_null(row)).then(|| array.value(row))
    }

    /// A cell as a number.
    pub(super) fn number<N: std::str::FromStr>(&self, row: usize, column: usize) -> Option<N> {
        self.text(row, column)?.parse().ok()
    }

    /// A cell as the key of an event.
    pub(super) fn key(&self, row: usize, column: usize) -> Option<EventKey> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(self.text(row, column)?, &mut bytes).ok()?;
        Some(EventKey(bytes))
    }

    /// A cell that holds microseconds since 1970.
    pub(super) fn time(&self, row: usize, column: usize) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.number(row, column)?)
    }
}

/// The whole log, gathered into the records of an export.
///
/// The log may hold a row twice, and records that are not whole; of several outcomes of a batch, the one counts that
/// keeps its events from being sent twice.
#[derive(Debug, Default)]
pub(super) struct Story {
    runs: Vec<Told>,
    run_places: HashMap<String, usize>,
    batches: Vec<Try>,
    batch_places: HashMap<(String, u32), usize>,
    refusals: Vec<Line>,
    last_refusals: HashMap<String, usize>,
    /// Outcomes that were written after their writer had lost the lease.
    pub(super) late: u64,
}

/// A run as it is being gathered.
#[derive(Debug, Default)]
struct Told {
    run: String,
    started: Option<DateTime<Utc>>,
    finished: Option<(DateTime<Utc>, u8)>,
    meant: usize,
    parts: BTreeMap<u64, String>,
}

/// A batch as it is being gathered.
#[derive(Debug)]
struct Try {
    run: String,
    number: u32,
    at: DateTime<Utc>,
    meant: usize,
    events: Vec<(String, u32, i64)>,
    /// The keys of these: a copy that was cut off and made again has some of them twice, under other lines.
    keys: HashSet<String>,
    outcome: Option<(Outcome, OutcomeForm)>,
}

impl Story {
    /// Adds the rows of [`Log::everything`]; `None` if one is not as this program writes it.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Option<()> {
        let texts = Texts::of(batch);
        (0..texts.rows()).try_for_each(|row| self.row(&texts, row))
    }

    fn row(&mut self, texts: &Texts<'_>, row: usize) -> Option<()> {
        let at = texts.time(row, 3)?;
        let line: u64 = texts.number(row, 19)?;
        match texts.text(row, 0)? {
            RUN_STARTED => {
                let run = self.run(texts.text(row, 1)?)?;
                run.started.get_or_insert(at);
            }
            RUN_FINISHED => {
                let (meant, code) = (texts.number(row, 4)?, texts.number(row, 16)?);
                let part = texts.text(row, 17)?.to_owned();
                let run = self.run(texts.text(row, 1)?)?;
                run.finished = Some((at, code));
                run.meant = meant;
                run.parts.insert(line, part);
            }
            SENDING => {
                let key = texts.key(row, 5)?;
                let event = (hex::encode(key.0), texts.number(row, 6)?, texts.number(row, 7)?);
                let meant = texts.number(row, 4)?;
                let held = self.batch(texts, row, at)?;
                held.at = at;
                held.meant = meant;
                if held.keys.insert(event.0.clone()) {
                    held.events.push(event);
                }
            }
            REJECTED => self.refusal(texts, row, at)?,
            PARDONED => {
                let key = hex::encode(texts.key(row, 5)?.0);
                let last = self.last_refusals.get(&key).and_then(|place| self.refusals.get_mut(*place));
                if let Some(Line::Reject { pardoned_at, .. }) = last {
                    pardoned_at.get_or_insert(at);
                }
            }
            word => {
                let outcome = outcome_of(word)?;
                self.late += u64::from(texts.text(row, 18) == Some("1"));
                let form = OutcomeForm {
                    outcome: outcome.word().to_owned(),
                    at,
                    requests: texts.number(row, 10)?,
                    answer: answer(texts, row),
                };
                let held = self.batch(texts, row, at)?;
                if weight(Some(&outcome)) > weight(held.outcome.as_ref().map(|(outcome, _)| outcome)) {
                    held.outcome = Some((outcome, form));
                }
            }
        }
        Some(())
    }

    fn refusal(&mut self, texts: &Texts<'_>, row: usize, at: DateTime<Utc>) -> Option<()> {
        let key = hex::encode(texts.key(row, 5)?.0);
        self.last_refusals.insert(key.clone(), self.refusals.len());
        self.refusals.push(Line::Reject {
            key,
            fingerprint: texts.number(row, 6)?,
            event_time: texts.number(row, 7)?,
            event_name: texts.text(row, 8)?.to_owned(),
            event_id: texts.text(row, 9)?.to_owned(),
            reason: texts.text(row, 15)?.to_owned(),
            answer: answer(texts, row),
            at,
            pardoned_at: None,
        });
        Some(())
    }

    fn run(&mut self, name: &str) -> Option<&mut Told> {
        let place = *self.run_places.entry(name.to_owned()).or_insert_with(|| {
            self.runs.push(Told { run: name.to_owned(), ..Told::default() });
            self.runs.len() - 1
        });
        self.runs.get_mut(place)
    }

    fn batch(&mut self, texts: &Texts<'_>, row: usize, at: DateTime<Utc>) -> Option<&mut Try> {
        let (run, number) = (texts.text(row, 1)?.to_owned(), texts.number(row, 2)?);
        let place = *self.batch_places.entry((run.clone(), number)).or_insert_with(|| {
            self.batches.push(Try {
                run,
                number,
                at,
                meant: 0,
                events: Vec::new(),
                keys: HashSet::new(),
                outcome: None,
            });
            self.batches.len() - 1
        });
        self.batches.get_mut(place)
    }

    /// Gives the records, in the order of an export.
    pub(super) fn lines(self) -> Vec<Line> {
        let mut lines = Vec::new();
        for Told { run, started, finished, meant, parts } in self.runs {
            let Some(started_at) = started else { continue };
            let whole = finished.filter(|_| parts.len() == meant);
            let report: Option<String> = whole.map(|_| parts.into_values().collect());
            let (finished_at, exit_code) = whole.unzip();
            lines.push(Line::Run { run, started_at, finished_at, exit_code, report });
        }
        for Try { run, number, at, meant, events, keys: _, outcome } in self.batches {
            if events.len() == meant && meant > 0 {
                let outcome = outcome.map(|(_, form)| form);
                lines.push(Line::Batch { run, number, at, events, outcome });
            }
        }
        lines.extend(self.refusals);
        lines
    }
}

fn answer(texts: &Texts<'_>, row: usize) -> AnswerForm {
    AnswerForm {
        status: texts.number(row, 11),
        code: texts.number(row, 12),
        subcode: texts.number(row, 13),
        trace: texts.text(row, 14).map(str::to_owned),
    }
}

/// What a word of [`Log::of_run`] says of a batch: that its intent is there, or what became of it.
pub(super) fn settled_by(word: &str) -> Option<Outcome> {
    outcome_of(word).filter(|outcome| word_of(outcome) == word)
}
