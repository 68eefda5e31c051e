//! The server itself: it answers statements as Snowflake does, to several sessions at once.

use std::thread;

use crate::support::fakesnow::Database;

#[test]
fn statements_are_answered_as_snowflake_answers_them() {
    let Some(database) = Database::new() else { return };
    let check = |statement: &str, expected: &[&str]| {
        let write = |cells: Vec<Option<String>>| {
            cells.into_iter().map(|cell| cell.unwrap_or_else(|| "NULL".into())).collect::<Vec<_>>().join(" | ")
        };
        let rows: Vec<String> = database.sql(statement).into_iter().map(write).collect();
        assert_eq!(rows, expected, "{statement}");
    };
    check("CREATE TABLE sent (id VARCHAR, seen TIMESTAMP_NTZ)", &["Table SENT successfully created."]);
    check("INSERT INTO sent (id) SELECT column1 FROM VALUES ('a'), ('b')", &["2"]);
    check("UPDATE sent SET seen = '2026-11-20 10:00:00.5'::TIMESTAMP_NTZ WHERE id = 'a'", &["1 | 0"]);
    check("SELECT id, seen FROM sent ORDER BY id", &["a | 1795168800.500000000", "b | NULL"]);
    check("SELECT TRIM('\t a \u{a0}', ' \\u0009\\u00A0')", &["a"]);
    let refusal = database.try_sql("SELECT * FROM nowhere").unwrap_err();
    assert!(refusal.contains("002003"), "{refusal}");
}

#[test]
fn writers_wait_for_each_other_and_databases_are_apart() {
    let (Some(database), Some(other)) = (Database::new(), Database::new()) else { return };
    for database in [&database, &other] {
        database.sql("CREATE TABLE counter (n INTEGER)");
        database.sql("INSERT INTO counter VALUES (0)");
    }
    let second = database.again();
    database.sql("BEGIN");
    database.sql("UPDATE counter SET n = n + 1");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| second.sql("UPDATE counter SET n = n * 10"));
        // Neither readers nor another database wait for the transaction.
        assert_eq!(database.again().cell("SELECT n FROM counter").unwrap(), "0");
        other.sql("UPDATE counter SET n = 7");
        database.sql("UPDATE counter SET n = n + 1");
        database.sql("COMMIT");
        waiting.join().unwrap();
    });
    assert_eq!(database.cell("SELECT n FROM counter").unwrap(), "20");
    assert_eq!(other.cell("SELECT n FROM counter").unwrap(), "7");
}
