//! Tables of statements, whole and in parts.

use super::*;
use crate::source::snowflake::columns::match_columns;
use crate::source::snowflake::identifier::parse_path;
use crate::source::{ColumnRequest, Need, StoreWindow};

const SINCE: &str = "2026-11-16T12:00:00Z";

fn column(name: &str, wire: &str) -> Column {
    Column { name: Identifier::exact(name), kind: Kind::of(wire) }
}

fn request(name: &str, reading: Reading) -> ColumnRequest {
    ColumnRequest { name: name.to_owned(), reading, need: Need::Required }
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn selection(columns: Vec<ColumnRequest>) -> Selection {
    Selection {
        name_columns: vec!["event_name".into()],
        ..Selection::new(columns, "event_id", "occurred_at", instant(SINCE))
    }
}

fn build(columns: &[Column], selection: &Selection, owner_condition: Option<&str>) -> Query {
    let table = parse_path("ANALYTICS.MARTS.FACEBOOK_EVENTS", 3).unwrap();
    let matched = match_columns(&selection.columns, columns).unwrap();
    rows_query(&table, columns, &matched.present, selection, owner_condition)
}

#[test]
fn the_columns_are_looked_at_without_reading_a_row() {
    let table = parse_path(r#"db."My Schema".events"#, 3).unwrap();
    assert_eq!(columns_query(&table), r#"SELECT * FROM "DB"."My Schema"."EVENTS" LIMIT 0"#);
}

#[test]
fn the_whole_statement() {
    let columns = [
        column("EVENT_ID", "text"),
        column("OCCURRED_AT", "timestamp_ntz"),
        column("EVENT_NAME", "text"),
        column("email", "text"),
        column("VALUE", "fixed"),
        column("SECRET_NOTE", "text"),
        column("ACTION_SOURCE", "text"),
    ];
    let mut selection = selection(vec![
        request("event_id", Reading::Text),
        request("Occurred_At", Reading::Time),
        request("event_name", Reading::Text),
        request("email", Reading::Text),
        request("value", Reading::Text),
    ]);
    selection.match_columns = vec!["EMAIL".into(), "phone".into()];
    selection.until = Some(instant("2026-11-23T12:00:00.5Z"));
    selection.store = Some(StoreWindow { column: "action_source".into(), since: instant("2026-09-22T12:00:00Z") });
    selection.names = vec!["Purchase".into(), "it's \\ odd".into()];
    let query = build(&columns, &selection, Some(" source = 'shop' OR 1=1 -- the shop "));
    let expected = r#"WITH fbcapi_rows AS (
SELECT "EVENT_ID", "OCCURRED_AT", "EVENT_NAME", "email", "VALUE"
FROM "ANALYTICS"."MARTS"."FACEBOOK_EVENTS"
WHERE ("OCCURRED_AT" IS NULL OR (("OCCURRED_AT" >= '2026-11-16 12:00:00.000000'::TIMESTAMP_NTZ OR (LOWER(TRIM("ACTION_SOURCE")) = 'physical_store' AND "OCCURRED_AT" >= '2026-09-22 12:00:00.000000'::TIMESTAMP_NTZ)) AND "OCCURRED_AT" < '2026-11-23 12:00:00.500000'::TIMESTAMP_NTZ))
AND (TRIM("EVENT_NAME", WS) IN ('Purchase', 'it''s \\ odd') OR COALESCE(TRIM("EVENT_NAME", WS), '') = '')
AND (
source = 'shop' OR 1=1 -- the shop
)
)
SELECT fbcapi_rows."EVENT_ID" AS "event_id",
DATE_PART(EPOCH_MICROSECOND, fbcapi_rows."OCCURRED_AT") AS "Occurred_At",
fbcapi_rows."EVENT_NAME" AS "event_name",
fbcapi_rows."email" AS "email",
TO_VARCHAR(fbcapi_rows."VALUE") AS "value",
IFF(COALESCE(TRIM(fbcapi_rows."EVENT_ID", WS), '') = '', 1, COUNT(*) OVER (PARTITION BY fbcapi_rows."EVENT_ID", TRIM(fbcapi_rows."EVENT_NAME", WS))) AS "_FBCAPI_COPIES",
IFF(COALESCE(TRIM(fbcapi_rows."EVENT_ID", WS), '') = '', 0, IFF(MIN(HASH(fbcapi_rows."EVENT_ID", fbcapi_rows."OCCURRED_AT", fbcapi_rows."EVENT_NAME", fbcapi_rows."email", fbcapi_rows."VALUE")) OVER (PARTITION BY fbcapi_rows."EVENT_ID", TRIM(fbcapi_rows."EVENT_NAME", WS)) <> MAX(HASH(fbcapi_rows."EVENT_ID", fbcapi_rows."OCCURRED_AT", fbcapi_rows."EVENT_NAME", fbcapi_rows."email", fbcapi_rows."VALUE")) OVER (PARTITION BY fbcapi_rows."EVENT_ID", TRIM(fbcapi_rows."EVENT_NAME", WS)), 1, 0)) AS "_FBCAPI_COPIES_DIFFER"
FROM fbcapi_rows
QUALIFY COALESCE(TRIM(fbcapi_rows."EVENT_ID", WS), '') = '' OR ROW_NUMBER() OVER (PARTITION BY fbcapi_rows."EVENT_ID", TRIM(fbcapi_rows."EVENT_NAME", WS) ORDER BY IFF(fbcapi_rows."email" IS NULL, 0, 1) DESC, HASH(fbcapi_rows."EVENT_ID", fbcapi_rows."OCCURRED_AT", fbcapi_rows."EVENT_NAME", fbcapi_rows."email", fbcapi_rows."VALUE")) = 1"#;
    assert_eq!(query.sql.replace(WHITE_SPACE, "WS"), expected);
    let names: Vec<_> = query.outputs.iter().map(|output| (output.name.as_str(), output.form)).collect();
    assert_eq!(
        names,
        [
            ("event_id", Form::Text),
            ("Occurred_At", Form::Microseconds),
            ("event_name", Form::Text),
            ("email", Form::Text),
            ("value", Form::Text),
            (COPIES_COLUMN, Form::Integer),
            (COPIES_DIFFER_COLUMN, Form::Integer),
        ]
    );
}

#[test]
fn each_type_is_read_in_the_form_that_is_asked_for() {
    use Form::{Json, Microseconds, Text};
    use Reading as R;
    let berlin: Zone = "Europe/Berlin".parse().unwrap();
    for (wire, reading, zone, expected, form) in [
        ("text", R::Text, Zone::UTC, "C", Text),
        ("text", R::Time, berlin, "C", Text),
        ("text", R::Date, Zone::UTC, "C", Text),
        ("fixed", R::Text, Zone::UTC, "TO_VARCHAR(C)", Text),
        ("fixed", R::Time, Zone::UTC, "TO_VARCHAR(C)", Text),
        ("decfloat", R::Text, Zone::UTC, "TO_VARCHAR(C)", Text),
        ("real", R::Text, Zone::UTC, "C", Text),
        ("boolean", R::Text, Zone::UTC, "TO_VARCHAR(C)", Text),
        ("variant", R::Text, Zone::UTC, "TO_JSON(C)", Json),
        ("array", R::Text, Zone::UTC, "TO_JSON(C)", Json),
        ("object", R::Date, Zone::UTC, "TO_JSON(C)", Json),
        ("binary", R::Text, Zone::UTC, "HEX_ENCODE(C)", Text),
        ("time", R::Text, Zone::UTC, "TO_VARCHAR(C)", Text),
        ("date", R::Text, Zone::UTC, "TO_VARCHAR(TO_DATE(C), 'YYYY-MM-DD')", Text),
        ("date", R::Date, Zone::UTC, "TO_VARCHAR(TO_DATE(C), 'YYYY-MM-DD')", Text),
        ("date", R::Time, Zone::UTC, "DATE_PART(EPOCH_MICROSECOND, C::TIMESTAMP_NTZ)", Microseconds),
        (
            "date",
            R::Time,
            berlin,
            "DATE_PART(EPOCH_MICROSECOND, CONVERT_TIMEZONE('Europe/Berlin', 'UTC', C::TIMESTAMP_NTZ))",
            Microseconds,
        ),
        ("timestamp_ntz", R::Time, Zone::UTC, "DATE_PART(EPOCH_MICROSECOND, C)", Microseconds),
        (
            "timestamp_ntz",
            R::Time,
            berlin,
            "DATE_PART(EPOCH_MICROSECOND, CONVERT_TIMEZONE('Europe/Berlin', 'UTC', C))",
            Microseconds,
        ),
        ("timestamp_ltz", R::Time, berlin, "DATE_PART(EPOCH_MICROSECOND, C)", Microseconds),
        ("timestamp_tz", R::Time, berlin, "DATE_PART(EPOCH_MICROSECOND, C)", Microseconds),
        ("timestamp_tz", R::Date, berlin, "TO_VARCHAR(TO_DATE(C), 'YYYY-MM-DD')", Text),
        (
            "timestamp_ntz",
            R::Text,
            berlin,
            "DATE_PART(EPOCH_MICROSECOND, CONVERT_TIMEZONE('Europe/Berlin', 'UTC', C))",
            Microseconds,
        ),
        ("timestamp_tz", R::Text, berlin, "DATE_PART(EPOCH_MICROSECOND, C)", Microseconds),
    ] {
        let (expression, found) = read(&column("C", wire), "C", reading, zone);
        assert_eq!((expression.as_str(), found), (expected, form), "{wire} {reading:?}");
    }
}

#[test]
fn the_window_never_fails_and_never_hides_a_bad_time() {
    let berlin: Zone = "Europe/Berlin".parse().unwrap();
    for (wire, zone, expected) in [
        ("timestamp_tz", berlin, "(T IS NULL OR (T >= '2026-11-16 12:00:00.000000 +00:00'::TIMESTAMP_TZ))"),
        ("timestamp_ntz", Zone::UTC, "(T IS NULL OR (T >= '2026-11-16 12:00:00.000000'::TIMESTAMP_NTZ))"),
        (
            "timestamp_ntz",
            berlin,
            "(CONVERT_TIMEZONE('Europe/Berlin', 'UTC', T) IS NULL OR \
             ((T >= '2026-11-14 12:00:00.000000'::TIMESTAMP_NTZ AND \
             CONVERT_TIMEZONE('Europe/Berlin', 'UTC', T) >= '2026-11-16 12:00:00.000000'::TIMESTAMP_NTZ)))",
        ),
        (
            "text",
            Zone::UTC,
            "(TRY_CAST(T AS TIMESTAMP_TZ) IS NULL OR \
             (TRY_CAST(T AS TIMESTAMP_TZ) >= '2026-11-16 12:00:00.000000 +00:00'::TIMESTAMP_TZ))",
        ),
        (
            "fixed",
            berlin,
            "(TRY_CAST(T::VARCHAR AS TIMESTAMP_TZ) IS NULL OR \
             (TRY_CAST(T::VARCHAR AS TIMESTAMP_TZ) >= '2026-11-15 12:00:00.000000 +00:00'::TIMESTAMP_TZ))",
        ),
    ] {
        let columns = [column("OCCURRED_AT", wire)];
        let mut selection = selection(Vec::new());
        selection.zone = zone;
        let [condition] = conditions(&columns, &selection, None).try_into().unwrap();
        assert_eq!(condition.replace("\"OCCURRED_AT\"", "T"), expected, "{wire}");
    }
}

#[test]
fn a_table_without_event_name_counts_copies_by_id_alone() {
    let columns = [column("EVENT_ID", "fixed"), column("OCCURRED_AT", "timestamp_ntz")];
    let mut selection = selection(vec![request("event_id", Reading::Text)]);
    selection.name_columns.clear();
    let sql = build(&columns, &selection, Some("  ")).sql;
    assert!(
        sql.contains("PARTITION BY fbcapi_rows.\"EVENT_ID\"::VARCHAR ORDER BY HASH(fbcapi_rows.\"EVENT_ID\"))"),
        "{sql}"
    );
    assert!(!sql.contains("AND (\n"), "{sql}");
}

#[test]
fn the_rows_of_one_event_alone_can_be_asked_for() {
    let check = |wire: &str, condition: &str| {
        let columns = [column("EVENT_ID", wire), column("OCCURRED_AT", "timestamp_ntz")];
        let mut selection = selection(vec![request("event_id", Reading::Text)]);
        assert!(!build(&columns, &selection, None).sql.contains(condition));
        selection.event_id = Some("it's \\ odd".into());
        let sql = build(&columns, &selection, Some("source = 'shop'")).sql;
        assert!(sql.contains(&format!("\nAND {condition}\nAND (\nsource = 'shop'\n)")), "{sql}");
    };
    check("text", r#""EVENT_ID" = 'it''s \\ odd'"#);
    check("fixed", r#""EVENT_ID"::VARCHAR = 'it''s \\ odd'"#);
}

#[test]
fn rows_whose_names_at_the_source_differ_are_no_copies() {
    // The configuration may give them different names, which this statement does not know.
    let names = ["EVENT_TYPE", "EVENT_NAME"];
    let mut columns = vec![column("EVENT_ID", "text"), column("OCCURRED_AT", "timestamp_ntz")];
    columns.extend(names.map(|name| column(name, "text")));
    let mut selection = selection(vec![request("event_id", Reading::Text)]);
    selection.name_columns = names.map(str::to_lowercase).to_vec();
    selection.names = vec!["Lead".into()];
    let sql = build(&columns, &selection, None).sql.replace(WHITE_SPACE, "WS");
    let key = r#"fbcapi_rows."EVENT_ID", TRIM(fbcapi_rows."EVENT_TYPE", WS), TRIM(fbcapi_rows."EVENT_NAME", WS)"#;
    assert_eq!(sql.matches(&format!("PARTITION BY {key}")).count(), 4, "{sql}");
    assert!(sql.contains(r#"(TRIM("EVENT_TYPE", WS) IN ('Lead')"#), "{sql}");
}

#[test]
fn what_a_column_holds_is_handed_on_whatever_it_is_read_as() {
    use crate::source::Nature;
    let check = |wire: &str, expected: Nature| {
        let columns = [column("A", wire), column("OCCURRED_AT", "timestamp_ntz")];
        let query = build(&columns, &selection(vec![request("a", Reading::Text)]), None);
        assert_eq!(query.outputs[0].nature, expected, "{wire}");
    };
    check("text", Nature::Text);
    check("fixed", Nature::Number);
    check("real", Nature::Number);
    check("boolean", Nature::Flag);
    check("variant", Nature::Json);
    check("array", Nature::Json);
    check("date", Nature::Text);
    check("timestamp_ltz", Nature::Text);
}

#[test]
fn a_purchase_and_a_lead_of_one_id_are_different_partitions() {
    let columns = [column("EVENT_ID", "text"), column("OCCURRED_AT", "timestamp_ntz"), column("EVENT_NAME", "variant")];
    let sql =
        build(&columns, &selection(vec![request("event_id", Reading::Text)]), None).sql.replace(WHITE_SPACE, "WS");
    let partitions: Vec<_> = sql.split("PARTITION BY ").skip(1).collect();
    assert_eq!(partitions.len(), 4, "{sql}");
    let key = r#"fbcapi_rows."EVENT_ID", TRIM(fbcapi_rows."EVENT_NAME"::VARCHAR, WS)"#;
    for partition in partitions {
        assert!(partition.strip_prefix(key).is_some_and(|rest| rest.starts_with([')', ' '])), "{partition}");
    }
    assert!(!sql.contains(" IN ("), "no name is asked for: {sql}");
}

#[test]
fn white_space_is_all_that_rust_trims() {
    let escaped = WHITE_SPACE.strip_prefix("' ").and_then(|rest| rest.strip_suffix('\'')).unwrap();
    let codes = escaped.split("\\u").skip(1).map(|code| u32::from_str_radix(code, 16).unwrap());
    let trimmed: Vec<char> = std::iter::once(' ').chain(codes.map(|code| char::from_u32(code).unwrap())).collect();
    let mut expected: Vec<char> = ('\0'..=char::MAX).filter(|c| c.is_whitespace()).collect();
    expected.sort_by_key(|c| *c != ' ');
    assert_eq!(trimmed, expected);
}

#[test]
fn names_from_the_configuration_cannot_leave_their_quotes() {
    let name = "x\" FROM t; DROP TABLE t --";
    let columns = [column(name, "text"), column("EVENT_ID", "text"), column("OCCURRED_AT", "date")];
    let sql = build(&columns, &selection(vec![request(name, Reading::Text)]), None).sql;
    assert!(
        sql.contains("fbcapi_rows.\"x\"\" FROM t; DROP TABLE t --\" AS \"x\"\" FROM t; DROP TABLE t --\""),
        "{sql}"
    );
}

#[test]
fn what_was_sent_is_left_out_by_its_key_and_counted_by_itself() {
    let columns = [column("EVENT_ID", "text"), column("OCCURRED_AT", "timestamp_tz")];
    let mut wanted = selection(vec![request("event_id", Reading::Text)]);
    wanted.shard = Some(crate::source::Shard { number: 1, of: 2 });
    assert!(build(&columns, &wanted, None).left_out.is_none());
    wanted.unsent = Some(crate::source::Unsent {
        log: "\"A\".\"B\".\"FBCAPI_SEND_LOG\"".into(),
        dataset_id: "12".into(),
        since: 7,
        name: crate::source::NameSource::Constant("Lead".into()),
        source_name: crate::source::NameSource::None,
        renames: Vec::new(),
        fallback: None,
        names: vec!["it's".into()],
    });
    let query = build(&columns, &wanted, None);
    let key = "LEFT(SHA2('12' || CHR(31) || 'Lead' || CHR(31) || fbcapi_rows.\"EVENT_ID\", 256), 32)";
    let sent = "fbcapi_sent AS (\nSELECT DISTINCT i.EVENT_KEY FROM \"A\".\"B\".\"FBCAPI_SEND_LOG\" i\n\
                JOIN \"A\".\"B\".\"FBCAPI_SEND_LOG\" o ON o.DATASET_ID = i.DATASET_ID AND o.RUN_ID = i.RUN_ID \
                AND o.BATCH_NO = i.BATCH_NO\n\
                WHERE i.DATASET_ID = '12' AND i.STATUS = 'sending' AND i.EVENT_TIME >= 7\n\
                AND o.STATUS IN ('sent', 'dropped')\n)";
    assert!(query.sql.contains(&format!(")\n, {sent}\nSELECT ")), "{}", query.sql);
    assert!(query.sql.contains(&format!("{key} AS \"_FBCAPI_KEY\"")), "{}", query.sql);
    let joined = format!(
        "LEFT JOIN fbcapi_sent ON fbcapi_sent.EVENT_KEY = {key}\nWHERE fbcapi_sent.EVENT_KEY IS NULL\nQUALIFY "
    );
    assert!(query.sql.contains(&joined), "{}", query.sql);
    assert_eq!(query.outputs.last().map(|output| output.name.as_str()), Some("_FBCAPI_KEY"));
    let counted = query.left_out.unwrap();
    let end = format!(
        "SELECT 'Lead' AS NAME, TO_VARCHAR(COUNT(*)) AS LEFT_OUT, TO_VARCHAR(COUNT(DISTINCT {key})) AS EVENTS\n\
         FROM fbcapi_rows JOIN fbcapi_sent ON fbcapi_sent.EVENT_KEY = {key}\nWHERE 'Lead' IN ('it''s')\nGROUP BY 1"
    );
    assert!(counted.ends_with(&end), "{counted}");
    // Both statements are about the same rows.
    let rows = |sql: &str| sql.split(")\n, fbcapi_sent").next().map(str::to_owned);
    assert_eq!(rows(&counted), rows(&query.sql));
    assert!(counted.contains("MOD("), "{counted}");
}
