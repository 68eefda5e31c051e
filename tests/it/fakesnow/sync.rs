//! Runs of the program from a table to the sandbox.

use crate::support::fakesnow::Database;
use crate::support::run::Sandboxed;

#[test]
fn each_row_of_a_table_is_sent_once() {
    let Some(database) = Database::new() else { return };
    database.script(
        "CREATE TABLE facebook_events (event_id VARCHAR, occurred_at TIMESTAMP_NTZ, facebook_event_type VARCHAR,
            email VARCHAR, value NUMBER(18,2), currency VARCHAR);
        INSERT INTO facebook_events SELECT 'e-1', DATEADD(hour, -1, CURRENT_TIMESTAMP())::TIMESTAMP_NTZ, 'Purchase',
            'ada@example.com', 129.90, 'EUR';",
    );
    let it = Sandboxed::new().on(|stage| database.feed(stage, "facebook_events"));
    let ran = it.stage.sync(&[]);
    assert_eq!(ran.told(), "exit 0: sent 1", "{}", ran.stderr);
    let ran = it.stage.sync(&[]);
    assert_eq!(ran.told(), "exit 0: already_sent 1", "{}", ran.stderr);
    assert_eq!(it.stats().received, 1);
}
