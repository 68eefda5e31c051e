//! A dataset as the Graph API shows it to whoever asks without sending anything.

use serde_json::{Map, Value, json};

use super::refusal::Refusal;

/// Shows the id and the fields that were asked for; without any, the id and the name.
///
/// Source: Graph API, reading, field expansion: the id always comes, other fields only when they are asked for;
/// `AdsPixel` of Meta's SDKs for the fields. That the name comes unasked is lenient: it is not documented.
pub(super) fn show<'a>(id: &str, fields: impl Iterator<Item = &'a str>) -> Result<Map<String, Value>, Refusal> {
    let mut fields: Vec<&str> = fields.filter(|field| !field.is_empty()).collect();
    if fields.is_empty() {
        fields.push("name");
    }
    let mut dataset = Map::new();
    dataset.insert("id".to_owned(), json!(id));
    for field in fields {
        let value = match field {
            "id" => json!(id),
            "name" => json!("Sandbox dataset"),
            "is_consolidated_container" => json!(true),
            "is_unavailable" => json!(false),
            _ => return Err(Refusal::FieldUnknown { field: field.to_owned() }),
        };
        dataset.insert(field.to_owned(), value);
    }
    Ok(dataset)
}
