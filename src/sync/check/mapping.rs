//! Whether the table's columns can feed what they are to feed, by their types alone.

use crate::commands::exit::Exit;
use crate::event::Want;
use crate::event::columns::Columns;
use crate::report::checks::Check;
use crate::report::human::counted;
use crate::source::snowflake::{Fed, Kind, Mapped};

/// The name of the check of the columns.
pub(super) const COLUMNS: &str = "columns";

/// The name of the check of times without zone.
pub(super) const TIMES: &str = "times";

/// A field or key with the column that feeds it.
struct Pair<'a> {
    field: String,
    want: Want,
    fed: &'a Fed,
}

impl Pair<'_> {
    /// Names the field, and the column where it is called otherwise.
    fn name(&self) -> String {
        let Self { field, fed, .. } = self;
        if field.eq_ignore_ascii_case(&fed.name) { field.clone() } else { format!("{field} ({})", fed.name) }
    }
}

/// Pairs what is fed with the columns that feed it.
fn pairs<'a>(columns: &Columns, mapped: &'a Mapped) -> Vec<Pair<'a>> {
    let slots = columns.slot_names().into_iter().zip(columns.slot_origins()).zip(columns.slot_wants());
    let pairs = slots.filter_map(|((field, origin), want)| {
        let column = origin.column()?;
        let fed = mapped.present.iter().find(|fed| fed.request.eq_ignore_ascii_case(column))?;
        Some(Pair { field, want, fed })
    });
    pairs.collect()
}

/// Judges the types of the columns.
pub(super) fn judge_columns(columns: &Columns, mapped: &Mapped) -> Check {
    let pairs = pairs(columns, mapped);
    let unsuited: Vec<String> = pairs
        .iter()
        .filter(|pair| !is_suited(pair.want, &pair.fed.kind))
        .map(|pair| format!("{} is {}", pair.name(), pair.fed.kind.name()))
        .collect();
    if !unsuited.is_empty() {
        let what = format!("of a type that cannot feed what it is to feed: {}", unsuited.join(", "));
        let remedy = "cast the column in the model, or map another one in [columns]";
        return Check::failed(COLUMNS, what, remedy, Exit::Configuration);
    }
    let mut types: Vec<(&str, Vec<String>)> = Vec::new();
    for pair in &pairs {
        let kind = pair.fed.kind.name();
        match types.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, names)) => names.push(pair.name()),
            None => types.push((kind, vec![pair.name()])),
        }
    }
    let types: Vec<String> = types.iter().map(|(kind, names)| format!("{kind} {}", names.join(", "))).collect();
    let absent = match mapped.absent.as_slice() {
        [] => String::new(),
        absent => format!("; not there, and not needed: {}", absent.join(", ")),
    };
    let fields = counted(pairs.len() as u64, "field");
    Check::ok(COLUMNS, format!("{fields} fed: {}{absent}", types.join("; ")))
}

/// Whether a column of a type can ever feed what takes this.
fn is_suited(want: Want, kind: &Kind) -> bool {
    match kind {
        // Of these the text decides, row by row.
        Kind::Text | Kind::Semistructured | Kind::Number => true,
        Kind::Real => !matches!(want, Want::Day | Want::Flag),
        Kind::Boolean => matches!(want, Want::Flag | Want::Anything),
        Kind::Date | Kind::TimestampWithoutZone | Kind::Instant => {
            matches!(want, Want::Instant | Want::Day | Want::Words | Want::Anything)
        }
        // A hash may be kept in bytes.
        Kind::Binary => matches!(want, Want::Person | Want::Words | Want::Anything),
        Kind::Time | Kind::Other(_) => want == Want::Anything,
    }
}

/// In which zone timestamps without one are read, and whether someone said so.
#[derive(Debug, Clone, Copy)]
pub(super) enum Zone<'a> {
    /// The configuration names it.
    Stated(&'a str),
    /// Nobody did.
    Default(&'a str),
}

/// Judges whether times without zone are read as they are meant.
pub(super) fn judge_times(columns: &Columns, mapped: &Mapped, zone: Zone<'_>) -> Check {
    let times = pairs(columns, mapped).into_iter().filter(|pair| pair.want == Want::Instant);
    let without: Vec<String> = times
        .filter(|pair| matches!(pair.fed.kind, Kind::TimestampWithoutZone | Kind::Date))
        .map(|pair| format!("{} ({})", pair.fed.name, pair.fed.kind.name()))
        .collect();
    match (without.join(" and "), zone) {
        (without, _) if without.is_empty() => Check::ok(TIMES, "no timestamp without zone"),
        (without, Zone::Stated(zone)) => Check::ok(TIMES, format!("without zone, {without} is read in {zone}")),
        (without, Zone::Default(zone)) => Check::warning(
            TIMES,
            format!("without zone, {without} is read in {zone}"),
            format!(
                "if that is right, say so: [source] timezone = \"{zone}\"; else name the zone there, or cast the \
                 column to TIMESTAMP_TZ in the model"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::columns::Origin;
    use crate::event::preset::Preset;
    use crate::report::checks::CheckResult;

    fn columns() -> Columns {
        let mut columns = Columns::new(Preset::FacebookEvents);
        assert!(columns.set("consent", Origin::Column("may_send".into())));
        assert!(columns.set("currency", Origin::Constant("EUR".into())));
        columns
    }

    fn mapped(columns: &[(&str, Kind)]) -> Mapped {
        let fed = |(name, kind): &(&str, Kind)| Fed {
            request: (*name).to_owned(),
            name: name.to_uppercase(),
            kind: kind.clone(),
        };
        Mapped { present: columns.iter().map(fed).collect(), absent: vec!["phone".to_owned()] }
    }

    #[test]
    fn columns_are_told_by_their_types() {
        let mapped = mapped(&[
            ("event_id", Kind::Text),
            ("occurred_at", Kind::Instant),
            ("email", Kind::Text),
            ("value", Kind::Number),
        ]);
        let check = judge_columns(&columns(), &mapped);
        assert_eq!(
            check.what,
            "4 fields fed: VARCHAR event_id, email; TIMESTAMP_TZ event_time (OCCURRED_AT); NUMBER value; not there, \
             and not needed: phone"
        );
        assert_eq!(check.result, CheckResult::Ok);
    }

    #[test]
    fn a_type_that_can_never_feed_a_field_fails() {
        let check = |column: &str, kind: Kind, expected: Option<&str>| {
            let check = judge_columns(&columns(), &mapped(&[(column, kind.clone())]));
            let failed = (check.result == CheckResult::Failed).then_some(check.what);
            let failed =
                failed.as_deref().and_then(|what| what.strip_prefix("of a type that cannot feed what it is to feed: "));
            assert_eq!(failed, expected, "{column} {kind:?}");
        };
        check("occurred_at", Kind::Boolean, Some("event_time (OCCURRED_AT) is BOOLEAN"));
        check("occurred_at", Kind::Time, Some("event_time (OCCURRED_AT) is TIME"));
        check("occurred_at", Kind::Number, None);
        check("occurred_at", Kind::Text, None);
        check("date_of_birth", Kind::Date, None);
        check("date_of_birth", Kind::Boolean, Some("date_of_birth is BOOLEAN"));
        check("value", Kind::Real, None);
        check("value", Kind::Date, Some("value is DATE"));
        check("value", Kind::Boolean, Some("value is BOOLEAN"));
        check("email", Kind::Binary, None);
        check("email", Kind::Boolean, Some("email is BOOLEAN"));
        check("external_id", Kind::Number, None);
        check("email", Kind::Semistructured, None);
        check("may_send", Kind::Boolean, None);
        check("may_send", Kind::Instant, Some("consent (MAY_SEND) is TIMESTAMP_TZ"));
        check("event_id", Kind::Number, None);
        check("event_id", Kind::Boolean, Some("event_id is BOOLEAN"));
    }

    #[test]
    fn a_time_without_zone_is_warned_of_until_someone_names_the_zone() {
        let check = |kind: Kind, zone: Zone<'_>, result: CheckResult, what: &str| {
            let check = judge_times(&columns(), &mapped(&[("occurred_at", kind)]), zone);
            assert_eq!((check.result, check.what.as_str()), (result, what), "{zone:?}");
        };
        let (usual, stated) = (Zone::Default("UTC"), Zone::Stated("Europe/Berlin"));
        check(Kind::Instant, usual, CheckResult::Ok, "no timestamp without zone");
        check(Kind::Number, usual, CheckResult::Ok, "no timestamp without zone");
        let expected = "without zone, OCCURRED_AT (TIMESTAMP_NTZ) is read in UTC";
        check(Kind::TimestampWithoutZone, usual, CheckResult::Warning, expected);
        let expected = "without zone, OCCURRED_AT (DATE) is read in Europe/Berlin";
        check(Kind::Date, stated, CheckResult::Ok, expected);
    }
}
