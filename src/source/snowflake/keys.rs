//! The key of an event in SQL: so that what was sent does not leave Snowflake, and each shard gets its part.
//!
//! The key is handed out beside each row. Whoever reads the row makes its own, and takes the row for unsent only where
//! the two are equal: what SQL reads in another way than this program is looked up here.

use std::fmt::Write as _;

use super::columns::{Column, find};
use super::identifier::literal;
use super::query::{as_text, text, trimmed};
use crate::source::{KEY_COLUMN, NameSource, Selection, Shard, Unsent};

/// How rows that were sent are left out.
pub(super) struct LeftOut {
    /// The events that were sent, as a table expression for the head of the statement.
    pub(super) head: String,
    /// The name of an event as it is sent.
    pub(super) name: String,
    /// The key of an event.
    pub(super) key: String,
}

/// The name of the column of keys, for the list of what is selected.
pub(super) fn key_output(left_out: &LeftOut) -> String {
    format!("{} AS \"{KEY_COLUMN}\"", left_out.key)
}

impl LeftOut {
    /// Reads from a selection what was sent and how keys are made; none where it does not ask for it.
    pub(super) fn new(columns: &[Column], selection: &Selection) -> Option<Self> {
        let unsent = selection.unsent.as_ref()?;
        let id = text(find(&selection.id_column, columns)?);
        let name = sent_name(unsent, columns);
        let dataset = literal(&unsent.dataset_id);
        let key = format!("LEFT(SHA2({dataset} || CHR(31) || {name} || CHR(31) || {id}, 256), 32)");
        let Unsent { log, since, .. } = unsent;
        let head = format!(
            "fbcapi_sent AS (\nSELECT DISTINCT i.EVENT_KEY FROM {log} i\n\
             JOIN {log} o ON o.DATASET_ID = i.DATASET_ID AND o.RUN_ID = i.RUN_ID AND o.BATCH_NO = i.BATCH_NO\n\
             WHERE i.DATASET_ID = {dataset} AND i.STATUS = 'sending' AND i.EVENT_TIME >= {since}\n\
             AND o.STATUS IN ('sent', 'dropped')\n)"
        );
        Some(Self { head, name, key })
    }
}

/// Builds the name under which an event is sent, as the rules of the configuration make it; see `Rules::call`.
fn sent_name(unsent: &Unsent, columns: &[Column]) -> String {
    let read = |source: &NameSource| match source {
        NameSource::None => None,
        NameSource::Constant(name) => Some(literal(name.trim())),
        NameSource::Column(name) => {
            let column = find(name, columns)?;
            Some(format!("NULLIF({}, '')", trimmed(&text(column))))
        }
    };
    let name = read(&unsent.name);
    let at_source = read(&unsent.source_name);
    let plain = name.clone().unwrap_or_else(|| "NULL".to_owned());
    let known: Vec<String> = unsent.renames.iter().map(|(name, _)| literal(name)).collect();
    let mut branches = String::new();
    for source in [&at_source, &name].into_iter().flatten() {
        if known.is_empty() {
            break;
        }
        let renamed: Vec<String> = unsent
            .renames
            .iter()
            .filter_map(|(name, rename)| Some(format!("WHEN {} THEN {}", literal(name), literal(rename.as_ref()?))))
            .collect();
        let renamed = if renamed.is_empty() {
            plain.clone()
        } else {
            format!("CASE {source} {} ELSE {plain} END", renamed.join(" "))
        };
        write!(branches, " WHEN {source} IN ({}) THEN {renamed}", known.join(", ")).unwrap_or_default();
    }
    let called = if branches.is_empty() { plain } else { format!("CASE{branches} ELSE {plain} END") };
    match (&unsent.fallback, at_source) {
        (Some(fallback), Some(source)) => {
            format!("COALESCE({called}, IFF({source} IS NULL, NULL, {}))", literal(fallback))
        }
        (Some(_) | None, _) => called,
    }
}

/// Says that a row belongs to a shard, as [`Shard::holds`] does: by the first 32 bits of the SHA-256 of its id.
pub(super) fn in_shard(id: &Column, shard: Shard) -> String {
    let hash = format!("SHA2({}, 256)", as_text(id, &id.name.to_string()));
    let digits = (1..=8).map(|place| {
        let weight = 1_u64 << (4 * (8 - place));
        format!("(POSITION(SUBSTR({hash}, {place}, 1) IN '0123456789abcdef') - 1) * {weight}")
    });
    let number = digits.collect::<Vec<_>>().join(" + ");
    let Shard { number: which, of } = shard;
    format!("COALESCE(MOD({number}, {of}), 0) = {}", which.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::snowflake::columns::Kind;
    use crate::source::snowflake::identifier::Identifier;

    fn column(name: &str) -> Column {
        Column { name: Identifier::exact(name), kind: Kind::Text }
    }

    /// A name as it is read from a column.
    fn read(name: &str) -> String {
        format!("NULLIF({}, '')", trimmed(&format!("fbcapi_rows.\"{name}\"")))
    }

    #[track_caller]
    fn check(name: NameSource, at_source: NameSource, renames: &[(&str, Option<&str>)], expected: &str) {
        let fallback = renames.iter().any(|(_, rename)| rename.is_some()).then(|| "Other".to_owned());
        let renames = renames.iter().map(|(name, rename)| ((*name).to_owned(), rename.map(str::to_owned)));
        let unsent = Unsent {
            log: "L".into(),
            dataset_id: "12".into(),
            since: 0,
            name,
            source_name: at_source,
            renames: renames.collect(),
            fallback,
            names: Vec::new(),
        };
        assert_eq!(sent_name(&unsent, &[column("N"), column("S")]), expected);
    }

    #[test]
    fn names_are_made_as_the_rules_make_them() {
        let column = |name: &str| NameSource::Column(name.into());
        let (n, s) = (read("N"), read("S"));
        check(NameSource::Constant(" it's ".into()), NameSource::None, &[], "'it''s'");
        check(column("n"), NameSource::None, &[], &n);
        check(column("missing"), NameSource::None, &[], "NULL");
        // A name without another one is known all the same, and stays.
        check(
            column("n"),
            NameSource::None,
            &[("a", Some("A")), ("b", None)],
            &format!("CASE WHEN {n} IN ('a', 'b') THEN CASE {n} WHEN 'a' THEN 'A' ELSE {n} END ELSE {n} END"),
        );
        // The name at the source comes first, and one that is not known there is not mapped either.
        check(
            column("n"),
            column("s"),
            &[("a", Some("A"))],
            &format!(
                "COALESCE(CASE WHEN {s} IN ('a') THEN CASE {s} WHEN 'a' THEN 'A' ELSE {n} END \
                 WHEN {n} IN ('a') THEN CASE {n} WHEN 'a' THEN 'A' ELSE {n} END ELSE {n} END, \
                 IFF({s} IS NULL, NULL, 'Other'))"
            ),
        );
    }

    #[test]
    fn a_shard_is_chosen_by_the_first_digits_of_the_hash() {
        let sql = in_shard(&column("ID"), Shard { number: 2, of: 5 });
        assert!(sql.starts_with("COALESCE(MOD((POSITION(SUBSTR(SHA2(\"ID\", 256), 1, 1) IN '0123456789abcdef') - 1)"));
        assert!(sql.contains("* 268435456 + ") && sql.ends_with("* 1, 5), 0) = 1"), "{sql}");
        // What is told of the rule in the documents, once more by hand: SHA-256 of `e-1` begins with these digits.
        let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest("e-1"));
        let digits = u32::from_str_radix(digest.get(..8).unwrap(), 16).unwrap();
        for of in [1, 2, 3, 7] {
            let holding: Vec<u32> =
                (1..=of).filter(|number| Shard { number: *number, of }.holds(Some("e-1"))).collect();
            assert_eq!(holding, [digits % of + 1]);
            assert!(Shard { number: 1, of }.holds(None) && (of == 1 || !Shard { number: 2, of }.holds(None)));
        }
    }
}
