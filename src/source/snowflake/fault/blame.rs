//! Whether a refusal is about the table, and what then lets a role read it.

use super::super::SnowflakeSettings;
use super::super::identifier::Identifier;

/// The role that every user has. What is granted to it is granted to everybody, so it is never proposed.
/// Source: Snowflake, "Overview of access control", system-defined roles.
const EVERYBODY: &str = "PUBLIC";

/// Stands in a statement for a role that only the reader can name.
const SOME_ROLE: &str = "<your role>";

/// Kinds of objects other than tables and views, as Snowflake's messages name them before the name.
/// Source: Snowflake SQL reference, "SHOW `<objects>`".
const OTHER_KINDS: [&str; 12] = [
    "column",
    "database",
    "file format",
    "function",
    "integration",
    "policy",
    "procedure",
    "role",
    "schema",
    "stage",
    "tag",
    "warehouse",
];

/// Whether Snowflake's message says that the table is missing or not readable: it names the table by the last part of
/// its name, or an object without telling which.
pub(super) fn is_about_table(settings: &SnowflakeSettings, message: &str) -> bool {
    let message = message.to_lowercase();
    let names_other_kind = OTHER_KINDS
        .iter()
        .any(|kind| message.contains(&format!("{kind} '")) || message.contains(&format!("unknown {kind} ")));
    if names_other_kind {
        return false;
    }
    let path = settings.table_path().unwrap_or_default();
    let name = path.last().map(|name| name.spelling().to_lowercase()).unwrap_or_default();
    holds_name(&message, &name) || (holds_name(&message, "object") && !message.contains(['\'', '"']))
}

/// Whether a name stands in a text as a whole, not as a part of a longer name.
fn holds_name(text: &str, name: &str) -> bool {
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let mut pieces = text.split(name);
    let mut before = pieces.next().unwrap_or_default();
    for after in pieces {
        if !name.is_empty() && !before.ends_with(is_of_name) && !after.starts_with(is_of_name) {
            return true;
        }
        before = after;
    }
    false
}

/// Gives the role to which a privilege can be granted by name.
pub(super) fn grantee(role: Option<&str>) -> String {
    match role {
        Some(role) if !role.eq_ignore_ascii_case(EVERYBODY) => Identifier::exact(role).shortest(),
        Some(_) | None => SOME_ROLE.to_owned(),
    }
}

/// Says that nobody chose a role, where that is so; what follows is told then for a role of the reader's.
pub(super) fn no_choice(settings: &SnowflakeSettings, role: Option<&str>) -> String {
    let is_everybodys = role.is_none_or(|role| role.eq_ignore_ascii_case(EVERYBODY));
    match (is_everybodys, &settings.connection.role) {
        (true, None) => "no role was chosen: set `role` under [snowflake], or the user's DEFAULT_ROLE; ".into(),
        (true, Some(_)) => "choose a `role` that is not everybody's; ".into(),
        (false, _) => String::new(),
    }
}

/// Gives the statements that let a role read the table.
pub(super) fn grants(settings: &SnowflakeSettings, role: Option<&str>) -> String {
    let choice = no_choice(settings, role);
    let statements = grants_of(&settings.table_path().unwrap_or_default(), role, None);
    format!("{choice}check the name; else {} (ON VIEW for a view)", statements.join(" "))
}

/// Gives the statements that let a role read a table, and use a warehouse if one is named.
/// Source: Snowflake, "Access control privileges", table privileges.
pub(in super::super) fn grants_of(path: &[Identifier], role: Option<&str>, warehouse: Option<&str>) -> Vec<String> {
    let role = grantee(role);
    let names: Vec<String> = path.iter().map(Identifier::shortest).collect();
    let mut statements = Vec::new();
    statements.extend(warehouse.map(|warehouse| format!("GRANT USAGE ON WAREHOUSE {warehouse} TO ROLE {role};")));
    match names.as_slice() {
        [database, schema, _] => {
            statements.push(format!("GRANT USAGE ON DATABASE {database} TO ROLE {role};"));
            statements.push(format!("GRANT USAGE ON SCHEMA {database}.{schema} TO ROLE {role};"));
        }
        [schema, _] => statements.push(format!("GRANT USAGE ON SCHEMA {schema} TO ROLE {role};")),
        _ => {}
    }
    statements.push(format!("GRANT SELECT ON TABLE {} TO ROLE {role};", names.join(".")));
    statements
}

#[cfg(test)]
mod tests {
    use super::super::tests::settings_without_role;
    use super::*;

    #[test]
    fn only_a_message_that_names_the_table_or_nothing_is_about_the_table() {
        let settings = settings_without_role();
        for (message, expected) in [
            ("SQL compilation error:\nObject 'ANALYTICS.MARTS.\"Events\"' does not exist or not authorized.", true),
            ("Object 'EVENTS' does not exist or not authorized.", true),
            ("Table 'events' does not exist or not authorized.", true),
            ("Insufficient privileges to operate on view 'Events'", true),
            ("SQL compilation error:\nObject does not exist, or operation cannot be performed.", true),
            ("Object 'EVENTS_OLD' does not exist or not authorized.", false),
            ("Object 'MY_EVENTS' does not exist or not authorized.", false),
            ("Object 'ORDERS' does not exist or not authorized.", false),
            ("Schema 'ANALYTICS.EVENTS' does not exist or not authorized.", false),
            ("Database 'ANALYTICS' does not exist or not authorized.", false),
            ("Warehouse 'WH' does not exist or not authorized.", false),
            ("SQL compilation error: Unknown function EVENTS", false),
            ("something went wrong", false),
            ("", false),
        ] {
            assert_eq!(is_about_table(&settings, message), expected, "{message}");
        }
    }

    #[test]
    fn nothing_is_granted_to_everybody() {
        let mut settings = settings_without_role();
        for (chosen, in_effect, beginning) in [
            (
                None,
                Some("PUBLIC"),
                "no role was chosen: set `role` under [snowflake], or the user's DEFAULT_ROLE; check",
            ),
            (None, None, "no role was chosen: set `role` under [snowflake], or the user's DEFAULT_ROLE; check"),
            (Some("public"), Some("PUBLIC"), "choose a `role` that is not everybody's; check"),
        ] {
            settings.connection.role = chosen.map(str::to_owned);
            let found = grants(&settings, in_effect);
            assert!(found.starts_with(beginning), "{found}");
            assert!(found.contains("TO ROLE <your role>;") && !found.contains("PUBLIC"), "{found}");
        }
        assert!(grants(&settings, Some("Mixed Role")).contains("TO ROLE \"Mixed Role\";"));
    }
}
