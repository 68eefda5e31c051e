//! What the statement says, rule by rule. What it comes to is proved where it runs, in `tests/it/fakesnow/hashing`.

use chrono::NaiveDate;

use super::*;
use crate::meta::normalize::{Country, Settings};
use crate::source::snowflake::columns::{Kind, match_columns};
use crate::source::{ColumnRequest, Hashing, Need};

/// Selects columns as digests.
fn selection(hashed: &[(&str, HashedField)]) -> Selection {
    let request = |(name, field): &(&str, HashedField)| ColumnRequest {
        name: (*name).to_owned(),
        reading: Reading::Hashed(*field),
        need: Need::Required,
    };
    let since = "2026-11-16T12:00:00Z".parse().unwrap();
    let settings = Settings::standard(NaiveDate::from_ymd_opt(2026, 11, 23).unwrap());
    Selection {
        match_columns: vec!["email".into(), "phone".into()],
        hashing: Hashing { settings, country: None },
        ..Selection::new(hashed.iter().map(request).collect(), "event_id", "occurred_at", since)
    }
}

/// The table, with a column for each field and those that every table has.
fn table(selection: &Selection, wire: &str) -> Vec<Column> {
    let column = |name: &str, wire: &str| Column { name: Identifier::exact(name), kind: Kind::of(wire) };
    let mut columns = vec![column("EVENT_ID", "text"), column("OCCURRED_AT", "timestamp_ntz")];
    for request in &selection.columns {
        let name = request.name.to_uppercase();
        if !columns.iter().any(|known| known.name.spelling() == name) {
            columns.push(column(&name, wire));
        }
    }
    columns
}

/// The whole statement, with long lists of characters and places cut short.
fn statement(selection: &Selection, wire: &str) -> String {
    let columns = table(selection, wire);
    let matched = match_columns(&selection.columns, &columns).unwrap();
    let table = [Identifier::exact("T")];
    let sql = crate::source::snowflake::query::rows_query(&table, &columns, &matched.present, selection, None).sql;
    shortened(&sql)
}

/// Cuts literals with many characters short, of which another test knows.
fn shortened(sql: &str) -> String {
    let parts = sql.split('\'').enumerate().map(|(at, part)| {
        let is_long = at % 2 == 1 && part.chars().count() > 30 && !part.starts_with(['=', '^']);
        if is_long { part.chars().take(1).chain(['…']).collect() } else { part.to_owned() }
    });
    parts.collect::<Vec<String>>().join("'")
}

#[test]
fn the_whole_statement() {
    let fields = [
        ("email", HashedField::Key(MatchKey::Em)),
        ("phone", HashedField::Key(MatchKey::Ph)),
        ("first_name", HashedField::Key(MatchKey::Fn)),
        ("initial", HashedField::Key(MatchKey::Fi)),
        ("city", HashedField::Key(MatchKey::Ct)),
        ("zip", HashedField::Key(MatchKey::Zp)),
        ("gender", HashedField::Key(MatchKey::Ge)),
        ("birth", HashedField::Key(MatchKey::Db)),
        ("year", HashedField::Key(MatchKey::Doby)),
        ("person_id", HashedField::PersonId),
        ("full_name", HashedField::FirstOfFullName),
        ("full_name", HashedField::LastOfFullName),
    ];
    assert_eq!(statement(&selection(&fields), "text") + "\n", include_str!("statement.sql"));
}

#[test]
fn only_digests_leave_and_each_column_is_read_once() {
    let fields = [("email", HashedField::Key(MatchKey::Em)), ("email", HashedField::PersonId)];
    let sql = statement(&selection(&fields), "text");
    assert!(sql.contains("SELECT \"EMAIL\", \"EVENT_ID\"\nFROM \"T\"\n"), "{sql}");
    let (_, output) = sql.rsplit_once(")\nSELECT ").unwrap();
    let (output, _) = output.split_once("\nFROM fbcapi_rows\n").unwrap();
    let names: Vec<&str> =
        output.lines().filter_map(|line| Some(line.trim_end_matches(',').rsplit_once(" AS ")?.1)).collect();
    let copies = ["\"_FBCAPI_COPIES\"", "\"_FBCAPI_COPIES_DIFFER\""];
    assert_eq!(names, [&["\"_FBCAPI_HASHED_em\"", "\"_FBCAPI_HASHED_person_id\""][..], &copies].concat());
    // Copies are told apart by their clear values, of which a number leaves and nothing else.
    for line in output.lines() {
        assert!(
            !line.contains("\"EMAIL\"") || line.starts_with("IFF(COALESCE(TRIM(fbcapi_rows.\"EVENT_ID\""),
            "{line}"
        );
    }
}

#[test]
fn the_country_of_the_row_steers_phones_states_and_postal_codes() {
    let check = |fields: &[(&str, HashedField)], country: Option<&str>, home: Option<&str>, expected: &[&str]| {
        let mut selection = selection(fields);
        selection.hashing.country = country.and_then(Country::parse);
        selection.hashing.settings.phone_country = home.and_then(Country::parse);
        let sql = statement(&selection, "text");
        for expected in expected {
            assert!(sql.contains(expected), "{expected} is not in {sql}");
        }
    };
    let phone = [("phone", HashedField::Key(MatchKey::Ph))];
    let state = [("state", HashedField::Key(MatchKey::St))];
    let country = ("country", HashedField::Key(MatchKey::Country));
    check(&phone, None, None, &["WHEN '' IN ('us', 'ca') AND"]);
    check(&phone, Some("US"), None, &["WHEN 'us' IN ('us', 'ca') AND"]);
    check(&phone, None, Some("de"), &["WHEN IFF('' = '', 'de', '') IN ('us', 'ca') AND"]);
    check(
        &[phone[0], country],
        None,
        None,
        &[
            "WHEN \"_FBCAPI_COUNTRY\" IN ('us', 'ca') AND",
            ", fbcapi_places AS (\nSELECT fbcapi_folded.*,\nCASE WHEN COALESCE(\"_FBCAPI_CELL_1\", '') = '' THEN ''",
            "WHEN \"_FBCAPI_FOLDED_1\" IN ('deu', 'germany', 'federalrepublicofgermany') THEN 'de'",
            "REPLACE(REGEXP_REPLACE(TRANSLATE(\"_FBCAPI_CELL_1\", 'A…''(…', 'a…'), '^&+', ''), '&', 'and')",
        ],
    );
    check(
        &[state[0], country],
        None,
        None,
        &[
            "\"_FBCAPI_COUNTRY\" IN ('', 'us', 'ca') THEN '=' || CASE WHEN \"_FBCAPI_FOLDED_0\" IN ('alabama', 'ala', 'usal')",
            "\"_FBCAPI_COUNTRY\" = '?' AND \"_FBCAPI_FOLDED_0\" IN ('alabama', 'ala', 'usal', 'alaska'",
        ],
    );
}

#[test]
fn a_column_that_holds_no_text_is_read_as_where_it_is_not_hashed() {
    let check = |wire: &str, key: MatchKey, expected: &str| {
        let sql = statement(&selection(&[("c", HashedField::Key(key))]), wire);
        assert!(sql.contains(&format!("TRIM((({expected}))::VARCHAR, ")), "{expected} is not in {sql}");
    };
    let id = MatchKey::ExternalId;
    check("text", id, "fbcapi_clear.\"C\"");
    check("fixed", id, "TO_VARCHAR(fbcapi_clear.\"C\")");
    check("binary", id, "HEX_ENCODE(fbcapi_clear.\"C\")");
    check("date", id, "TO_VARCHAR(TO_DATE(fbcapi_clear.\"C\"), 'YYYY-MM-DD')");
    check("timestamp_tz", MatchKey::Db, "TO_VARCHAR(TO_DATE(fbcapi_clear.\"C\"), 'YYYY-MM-DD')");
    check("timestamp_tz", id, "IFF(fbcapi_clear.\"C\" IS NULL, NULL, '[')");
    check("real", id, "IFF(fbcapi_clear.\"C\" IS NULL, NULL, '[')");
    let json = "TO_JSON(fbcapi_clear.\"C\")";
    check(
        "variant",
        id,
        &format!(
            "CASE WHEN {json} IS NULL OR {json} = 'null' THEN NULL WHEN REGEXP_LIKE({json}, '^-?[0-9]+$') THEN {json} \
         WHEN LEFT({json}, 1) = '\"' AND NOT CONTAINS({json}, '\\\\') THEN SUBSTR({json}, 2, LENGTH({json}) - 2) ELSE '[' END"
        ),
    );
}

#[test]
fn the_settings_stand_in_the_statement() {
    let check = |settings: Settings, key: MatchKey, expected: &str| {
        let mut selection = selection(&[("c", HashedField::Key(key))]);
        selection.hashing.settings = settings;
        let sql = statement(&selection, "text");
        assert!(sql.contains(expected), "{expected} is not in {sql}");
    };
    let standard = selection(&[]).hashing.settings;
    check(
        standard.clone(),
        MatchKey::Db,
        "<= '20261123' THEN '=' || \"_FBCAPI_FOLDED_0\" ELSE '!invalid_date_of_birth'",
    );
    let dated = Settings { date_format: Some("%d/%m/%Y".into()), ..standard.clone() };
    check(dated, MatchKey::Db, "THEN '=' || \"_FBCAPI_FOLDED_0\" ELSE '!needs_client_hashing'");
    check(standard.clone(), MatchKey::Ph, "'^0?[1-9][0-9]*$') THEN '!phone_without_country'");
    let abroad = Settings { assume_international: true, ..standard };
    check(abroad, MatchKey::Ph, "'^0+', '') ELSE '!needs_client_hashing'");
}

#[test]
fn a_statement_stays_far_below_what_snowflake_takes() {
    let keys = MatchKey::ALL.into_iter().filter(|key| key.is_hashed());
    let names: Vec<String> = keys.clone().map(|key| key.wire().to_owned()).collect();
    let mut fields: Vec<(&str, HashedField)> =
        names.iter().map(String::as_str).zip(keys.map(HashedField::Key)).collect();
    fields.extend(
        [HashedField::PersonId, HashedField::FirstOfFullName, HashedField::LastOfFullName].map(|field| ("more", field)),
    );
    let selection = selection(&fields);
    let columns = table(&selection, "variant");
    let matched = match_columns(&selection.columns, &columns).unwrap();
    let hashed = Hashed::new(&matched.present, &selection).unwrap();
    let size: usize =
        hashed.tables.iter().map(String::len).chain(hashed.outputs.iter().map(|(sql, _)| sql.len())).sum();
    // Source: Snowflake documentation, "Query text size limits": 1 MB.
    assert!((50_000..300_000).contains(&size), "{size} bytes");
}
