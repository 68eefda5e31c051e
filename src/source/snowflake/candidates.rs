//! Tables that look like one of events, for whoever does not know the name by heart.

use arrow_array::cast::AsArray;

use super::desk::Desk;
use super::fault::grants_of;
use super::identifier::{Identifier, parse_path};
use super::{Connection, Surroundings};
use crate::source::{SourceError, Trouble};

/// More would not be read.
const MOST: usize = 15;

/// Gives the tables and views of the connection's database that have an event id and a time, as a person writes them;
/// those that are named after Facebook or Meta first.
pub async fn candidates(connection: &Connection, surroundings: Surroundings) -> Result<Vec<String>, SourceError> {
    let Some(database) = connection.database.as_deref().and_then(|name| parse_path(name, 1).ok()) else {
        return Err(SourceError {
            trouble: Trouble::Configuration,
            what: "the connection names no database to look in".into(),
            remedy: None,
        });
    };
    let mut desk = Desk::new(connection, connection.database.as_deref().unwrap_or_default(), surroundings)?;
    let mut tables = Vec::new();
    let sql = query(&database);
    let found = desk.select(&sql, |batch| {
        let parts: Vec<_> = batch.columns().iter().take(3).map(AsArray::as_string::<i32>).collect();
        for row in 0..batch.num_rows() {
            let names: Vec<String> = parts.iter().map(|part| Identifier::exact(part.value(row)).shortest()).collect();
            tables.push(names.join("."));
        }
    });
    let found = found.await;
    desk.close().await;
    found.map_err(|failed| failed.error)?;
    Ok(tables)
}

/// Builds the statement. It needs no warehouse to run long: the names of columns are looked at, and no row.
/// Source: Snowflake SQL reference, "Information Schema", `COLUMNS`: it shows what the role may see.
fn query(database: &[Identifier]) -> String {
    let database: String = database.iter().map(ToString::to_string).collect();
    format!(
        "SELECT TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME\nFROM {database}.INFORMATION_SCHEMA.COLUMNS\n\
         WHERE UPPER(COLUMN_NAME) IN ('EVENT_ID', 'OCCURRED_AT', 'EVENT_TIME')\n\
         GROUP BY TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME\nHAVING COUNT(*) >= 2\n\
         ORDER BY IFF(UPPER(TABLE_NAME) LIKE '%FACEBOOK%' OR UPPER(TABLE_NAME) LIKE '%META%', 0, 1), \
         TABLE_SCHEMA, TABLE_NAME\nLIMIT {MOST}"
    )
}

/// Gives the statements that let a role read a table, and use a warehouse.
pub fn grants_on(table: &str, role: Option<&str>, warehouse: Option<&str>) -> Vec<String> {
    grants_of(&parse_path(table, 3).unwrap_or_default(), role, warehouse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_looked_for_in_the_database_that_is_named() {
        let sql = query(&parse_path("analytics", 1).unwrap());
        assert!(sql.contains("FROM \"ANALYTICS\".INFORMATION_SCHEMA.COLUMNS\n"), "{sql}");
    }

    #[test]
    fn grants_name_what_is_known() {
        assert_eq!(
            grants_on("a.b.\"Events\"", Some("FBCAPI"), Some("wh")),
            [
                "GRANT USAGE ON WAREHOUSE wh TO ROLE FBCAPI;",
                "GRANT USAGE ON DATABASE A TO ROLE FBCAPI;",
                "GRANT USAGE ON SCHEMA A.B TO ROLE FBCAPI;",
                "GRANT SELECT ON TABLE A.B.\"Events\" TO ROLE FBCAPI;",
            ]
        );
        assert_eq!(grants_on("t", None, None), ["GRANT SELECT ON TABLE T TO ROLE <your role>;"]);
    }
}
