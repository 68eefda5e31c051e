//! The tables and views of the state in Snowflake: their names, how they are made, and who may do what with them.

use std::fmt::Write as _;

use crate::source::snowflake::{Identifier, dotted, parse_path};

/// Version of the tables. Tables of a newer version are refused.
pub const VERSION: i32 = 1;

/// The row of the lease table that holds the version; no dataset has such a name.
pub(super) const VERSION_ROW: &str = "fbcapi schema version";

/// The schema in which the state is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    database: Identifier,
    schema: Identifier,
}

impl Schema {
    /// Reads a name as a person writes it; says what is wrong with one that cannot be used.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        let mut parts = parse_path(name, 2)?.into_iter();
        match (parts.next(), parts.next()) {
            (Some(database), Some(schema)) => Ok(Self { database, schema }),
            _ => Err("names no schema of a database"),
        }
    }

    /// The name as people write it.
    pub fn name(&self) -> String {
        format!("{}.{}", self.database.shortest(), self.schema.shortest())
    }

    /// The append-only log of everything that was tried.
    pub(crate) fn log(&self) -> String {
        self.object("FBCAPI_SEND_LOG")
    }

    /// The table that says who may write.
    pub(super) fn lease(&self) -> String {
        self.object("FBCAPI_LEASE")
    }

    fn object(&self, name: &str) -> String {
        dotted(&[self.database.clone(), self.schema.clone(), Identifier::exact(name)])
    }

    /// The statements that make tables and views where they are missing, and change none that is there.
    pub fn statements(&self) -> Vec<String> {
        let (log, lease) = (self.log(), self.lease());
        let versions = format!(
            "INSERT INTO {lease} (NAME, EPOCH) SELECT '{VERSION_ROW}', {VERSION}\n\
             WHERE NOT EXISTS (SELECT 1 FROM {lease} WHERE NAME = '{VERSION_ROW}')"
        );
        let mut statements = vec![format!("CREATE TABLE IF NOT EXISTS {log} {LOG}")];
        statements.push(format!("CREATE TABLE IF NOT EXISTS {lease} {LEASE}"));
        statements.push(versions);
        for (name, text) in VIEWS {
            let body = text.replace("{log}", &log);
            statements.push(format!("CREATE VIEW IF NOT EXISTS {} AS\n{body}", self.object(name)));
        }
        statements
    }

    /// The statements as text to be read, changed and run by whoever may make tables, with the grants that are enough.
    pub fn script(&self, role: Option<&str>, warehouse: Option<&str>, table: Option<&str>) -> String {
        let role = role.unwrap_or("FBCAPI_ROLE");
        let warehouse = warehouse.unwrap_or("FBCAPI_WAREHOUSE");
        let mut script =
            format!("-- The state of fbcapi in {}: run once, by a role that may make tables there.\n", self.name());
        let schema = dotted(&[self.database.clone(), self.schema.clone()]);
        writeln!(script, "-- Where the schema is not there yet: CREATE SCHEMA IF NOT EXISTS {schema};")
            .unwrap_or_default();
        for statement in self.statements() {
            script.push_str(&statement);
            script.push_str(";\n\n");
        }
        script.push_str("-- What the role of fbcapi needs, and no more.\n");
        let mut grants = vec![
            format!("USAGE ON WAREHOUSE {warehouse}"),
            format!("USAGE ON DATABASE {}", self.database),
            format!("USAGE ON SCHEMA {schema}"),
            format!("SELECT, INSERT ON TABLE {}", self.log()),
            format!("SELECT, INSERT, UPDATE ON TABLE {}", self.lease()),
        ];
        grants.extend(VIEWS.iter().map(|(name, _)| format!("SELECT ON VIEW {}", self.object(name))));
        if let Some(table) = table {
            grants.push(format!("SELECT ON TABLE {table}"));
        }
        for grant in grants {
            writeln!(script, "GRANT {grant} TO ROLE {role};").unwrap_or_default();
        }
        script.push_str(
            "-- For a view as the source: GRANT SELECT ON VIEW instead; and USAGE on its database and schema.\n",
        );
        script.push_str("-- Only for fbcapi state prune:\n");
        writeln!(script, "-- GRANT DELETE ON TABLE {} TO ROLE {role};", self.log()).unwrap_or_default();
        script
    }
}

/// The columns of the log. A row is never changed.
///
/// A writer's id begins with the time, by Snowflake's clock, at which it took the lease, so that ids sort in the order
/// in which their holders wrote; `SEQ` counts a writer's statements, and `LINE` the rows of one append. `EVENTS` is how
/// many rows the record has that a row belongs to: a record that is not whole counts as never written.
const LOG: &str = "(
    WRITER VARCHAR NOT NULL,
    SEQ NUMBER(19, 0) NOT NULL,
    LINE NUMBER(19, 0) NOT NULL,
    EPOCH NUMBER(19, 0) NOT NULL,
    LATE BOOLEAN NOT NULL,
    WRITTEN_AT TIMESTAMP_NTZ(6) NOT NULL,
    STATUS VARCHAR NOT NULL,
    DATASET_ID VARCHAR NOT NULL,
    RUN_ID VARCHAR,
    BATCH_NO NUMBER(19, 0),
    EVENTS NUMBER(19, 0),
    EVENT_KEY VARCHAR(32),
    FINGERPRINT NUMBER(19, 0),
    EVENT_TIME NUMBER(19, 0),
    EVENT_NAME VARCHAR,
    EVENT_ID VARCHAR,
    REQUESTS NUMBER(19, 0),
    HTTP_STATUS NUMBER(19, 0),
    CODE NUMBER(19, 0),
    SUBCODE NUMBER(19, 0),
    FBTRACE_ID VARCHAR,
    REASON VARCHAR,
    EXIT_CODE NUMBER(19, 0),
    REPORT VARCHAR
) COMMENT = 'fbcapi: everything that was tried, append-only'";

/// The columns of the lease table: a row for each dataset, or for each shard of one.
const LEASE: &str = "(
    NAME VARCHAR NOT NULL,
    EPOCH NUMBER(19, 0) NOT NULL,
    HOLDER VARCHAR,
    WHO VARCHAR,
    TAKEN_AT TIMESTAMP_NTZ(6),
    EXPIRES_AT TIMESTAMP_NTZ(6)
) COMMENT = 'fbcapi: who may send now'";

/// The views.
const VIEWS: [(&str, &str); 3] = [
    ("FBCAPI_SEND_STATE", SEND_STATE),
    ("FBCAPI_RUNS", RUNS),
    // The shape against which the models of dbt-nexus leave out what was sent.
    ("NEXUS_FACEBOOK_CAPI_SEND_LOG", NEXUS),
];

/// What is known of each event: sent wins over in doubt, in doubt over rejected.
const SEND_STATE: &str = "WITH outcomes AS (
    SELECT DATASET_ID, RUN_ID, BATCH_NO, STATUS, HTTP_STATUS, CODE, SUBCODE, FBTRACE_ID, WRITTEN_AT, LATE,
        CASE STATUS WHEN 'sent' THEN 5 WHEN 'dropped' THEN 4 WHEN 'cleared' THEN 3 WHEN 'released' THEN 2 ELSE 1 END AS SAYS
    FROM {log} WHERE STATUS IN ('sent', 'dropped', 'cleared', 'released', 'unknown')
    QUALIFY ROW_NUMBER() OVER (PARTITION BY DATASET_ID, RUN_ID, BATCH_NO ORDER BY SAYS DESC, WRITTEN_AT DESC) = 1
), tries AS (
    SELECT WRITER, SEQ, LINE, DATASET_ID, RUN_ID, BATCH_NO, EVENT_KEY, EVENT_NAME, EVENT_ID, EVENT_TIME, WRITTEN_AT
    FROM {log} WHERE STATUS = 'sending'
    QUALIFY COUNT(DISTINCT EVENT_KEY) OVER (PARTITION BY DATASET_ID, RUN_ID, BATCH_NO) = EVENTS
), refusals AS (
    SELECT WRITER, SEQ, LINE, DATASET_ID, EVENT_KEY, EVENT_NAME, EVENT_ID, EVENT_TIME, STATUS, REASON, CODE, SUBCODE,
        HTTP_STATUS, FBTRACE_ID, WRITTEN_AT, LATE
    FROM {log} WHERE STATUS IN ('rejected', 'pardoned')
    QUALIFY ROW_NUMBER() OVER (PARTITION BY DATASET_ID, EVENT_KEY ORDER BY WRITER DESC, SEQ DESC, LINE DESC) = 1
), facts AS (
    SELECT t.DATASET_ID, t.EVENT_KEY, t.EVENT_NAME, t.EVENT_ID, t.EVENT_TIME, t.RUN_ID, t.BATCH_NO,
        CASE WHEN o.SAYS >= 4 THEN 'sent' WHEN o.SAYS >= 2 THEN 'open' ELSE 'in_doubt' END AS STATE,
        CASE WHEN o.SAYS >= 4 THEN 3 WHEN o.SAYS >= 2 THEN 0 ELSE 2 END AS WEIGHT,
        NULL AS REASON, o.HTTP_STATUS, o.CODE, o.SUBCODE, o.FBTRACE_ID, t.WRITTEN_AT AS TRIED_AT,
        o.WRITTEN_AT AS DECIDED_AT, COALESCE(o.LATE, FALSE) AS LATE, t.WRITER, t.SEQ, t.LINE
    FROM tries t LEFT JOIN outcomes o
        ON o.DATASET_ID = t.DATASET_ID AND o.RUN_ID = t.RUN_ID AND o.BATCH_NO = t.BATCH_NO
    UNION ALL
    SELECT DATASET_ID, EVENT_KEY, EVENT_NAME, EVENT_ID, EVENT_TIME, NULL, NULL, 'rejected', 1,
        REASON, HTTP_STATUS, CODE, SUBCODE, FBTRACE_ID, WRITTEN_AT, WRITTEN_AT, LATE, WRITER, SEQ, LINE
    FROM refusals WHERE STATUS = 'rejected'
)
SELECT DATASET_ID, EVENT_NAME, EVENT_ID, EVENT_KEY, STATE, EVENT_TIME, RUN_ID, BATCH_NO, REASON, HTTP_STATUS, CODE,
    SUBCODE, FBTRACE_ID, TRIED_AT, DECIDED_AT, LATE
FROM facts
QUALIFY ROW_NUMBER() OVER
    (PARTITION BY DATASET_ID, EVENT_KEY ORDER BY WEIGHT DESC, WRITER DESC, SEQ DESC, LINE DESC) = 1";

/// Every run, with its report as JSON text.
const RUNS: &str = "SELECT DATASET_ID, RUN_ID,
    MIN(CASE WHEN STATUS = 'run_started' THEN WRITTEN_AT END) AS STARTED_AT,
    MAX(CASE WHEN STATUS = 'run_finished' THEN WRITTEN_AT END) AS FINISHED_AT,
    MAX(CASE WHEN STATUS = 'run_finished' THEN EXIT_CODE END) AS EXIT_CODE,
    LISTAGG(REPORT, '') WITHIN GROUP (ORDER BY SEQ, LINE) AS REPORT
FROM (
    SELECT DISTINCT DATASET_ID, RUN_ID, STATUS, WRITTEN_AT, EXIT_CODE, REPORT, SEQ, LINE
    FROM {log} WHERE STATUS IN ('run_started', 'run_finished')
)
GROUP BY DATASET_ID, RUN_ID";

/// What was sent, in the words of dbt-nexus.
const NEXUS: &str = "SELECT i.EVENT_ID AS FACEBOOK_EVENT_SYNC_ID, 'sent' AS STATUS, MIN(o.WRITTEN_AT) AS SENT_AT,
    i.EVENT_NAME, i.DATASET_ID, MIN(i.RUN_ID) AS RUN_ID
FROM {log} i JOIN {log} o
    ON o.DATASET_ID = i.DATASET_ID AND o.RUN_ID = i.RUN_ID AND o.BATCH_NO = i.BATCH_NO
WHERE i.STATUS = 'sending' AND o.STATUS IN ('sent', 'dropped') AND i.EVENT_ID IS NOT NULL
GROUP BY i.EVENT_ID, i.EVENT_NAME, i.DATASET_ID";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_named_in_two_parts() {
        let check = |name: &str, expected: Result<&str, &str>| {
            let parsed = Schema::parse(name).map(|schema| schema.name());
            assert_eq!(parsed.as_deref().map_err(|why| *why), expected, "{name}");
        };
        check("analytics.ops", Ok("ANALYTICS.OPS"));
        check(r#"db."My Schema""#, Ok(r#"DB."My Schema""#));
        check("ops", Err("names no schema of a database"));
        check("a.b.c", Err("has too many parts"));
        check("a.b; DROP TABLE x", Err("holds a character that needs double quotes"));
    }

    #[test]
    fn the_script_grants_no_more_than_is_needed() {
        let schema = Schema::parse("analytics.ops").unwrap();
        let script = schema.script(Some("SENDER"), None, Some("ANALYTICS.MARTS.FACEBOOK_EVENTS"));
        let grants: Vec<&str> = script.lines().filter(|line| line.starts_with("GRANT")).collect();
        assert_eq!(
            grants,
            [
                "GRANT USAGE ON WAREHOUSE FBCAPI_WAREHOUSE TO ROLE SENDER;",
                r#"GRANT USAGE ON DATABASE "ANALYTICS" TO ROLE SENDER;"#,
                r#"GRANT USAGE ON SCHEMA "ANALYTICS"."OPS" TO ROLE SENDER;"#,
                r#"GRANT SELECT, INSERT ON TABLE "ANALYTICS"."OPS"."FBCAPI_SEND_LOG" TO ROLE SENDER;"#,
                r#"GRANT SELECT, INSERT, UPDATE ON TABLE "ANALYTICS"."OPS"."FBCAPI_LEASE" TO ROLE SENDER;"#,
                r#"GRANT SELECT ON VIEW "ANALYTICS"."OPS"."FBCAPI_SEND_STATE" TO ROLE SENDER;"#,
                r#"GRANT SELECT ON VIEW "ANALYTICS"."OPS"."FBCAPI_RUNS" TO ROLE SENDER;"#,
                r#"GRANT SELECT ON VIEW "ANALYTICS"."OPS"."NEXUS_FACEBOOK_CAPI_SEND_LOG" TO ROLE SENDER;"#,
                "GRANT SELECT ON TABLE ANALYTICS.MARTS.FACEBOOK_EVENTS TO ROLE SENDER;",
            ]
        );
        assert!(script.contains("-- GRANT DELETE"));
    }
}
