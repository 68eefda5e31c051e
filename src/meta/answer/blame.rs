//! Which event of a request Meta blames, when it does.

use serde_json::Value;

/// Which event of `sent` is blamed first, as `blame_field_specs: [["data", "3", …]]` or `[["data[3]", …]]` say it.
///
/// `error_data` is an object, or a text that holds one: both were seen. A blame is a hint and no proof.
/// Source: Marketing API, error reference.
pub(super) fn blamed(error_data: Option<&Value>, sent: usize) -> Option<usize> {
    let data = error_data?;
    let inner: Option<Value> = data.as_str().and_then(|text| serde_json::from_str(text).ok());
    let specs = inner.as_ref().unwrap_or(data).get("blame_field_specs")?.as_array()?;
    specs.iter().filter_map(|path| index(path.as_array()?)).find(|index| *index < sent)
}

/// The index that follows `data` in the path of a field.
fn index(path: &[Value]) -> Option<usize> {
    let mut parts = path.iter().flat_map(|part| match part {
        // `data[3][user_data]` and `data.3` are paths within a part.
        Value::String(text) => text.split(['[', ']', '.']).map(str::to_owned).collect(),
        Value::Number(number) => vec![number.to_string()],
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Vec::new(),
    });
    parts.find(|part| part == "data")?;
    parts.find(|part| !part.is_empty())?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blame_in_every_form() {
        let check = |data: &str, expected: Option<usize>| {
            let data: Value = serde_json::from_str(data).unwrap();
            assert_eq!(blamed(Some(&data), 5), expected, "{data}");
            let text = Value::String(data.to_string());
            assert_eq!(blamed(Some(&text), 5), expected, "as text: {data}");
        };
        check(r#"{"blame_field_specs":[["data","2","user_data"]]}"#, Some(2));
        check(r#"{"blame_field_specs":[["data",3,"event_time"]]}"#, Some(3));
        check(r#"{"blame_field_specs":[["data[4]"]]}"#, Some(4));
        check(r#"{"blame_field_specs":[["data[1][user_data][em]"]]}"#, Some(1));
        check(r#"{"blame_field_specs":[["data","[0]","user_data"]]}"#, Some(0));
        check(r#"{"blame_field_specs":[["data.2.custom_data"]]}"#, Some(2));
        check(r#"{"blame_field_specs":[["account_id"],["data","1"]]}"#, Some(1));
        check(r#"{"blame_field_specs":[["data","9"],["data","3"]]}"#, Some(3));
        for nothing in [
            r#"{"blame_field_specs":[["data","5"]]}"#,
            r#"{"blame_field_specs":[["data","-1"]]}"#,
            r#"{"blame_field_specs":[["data","99999999999999999999"]]}"#,
            r#"{"blame_field_specs":[["data","user_data"]]}"#,
            r#"{"blame_field_specs":[["data"]]}"#,
            r#"{"blame_field_specs":[["account_id"]]}"#,
            r#"{"blame_field_specs":[[null,["data"],true]]}"#,
            r#"{"blame_field_specs":["data[1]"]}"#,
            r#"{"blame_field_specs":[]}"#,
            r#"{"blame_field_specs":"data"}"#,
            r#"{"blame_fields":[["data","1"]]}"#,
            r#""null""#,
            "null",
            "7",
        ] {
            check(nothing, None);
        }
        assert_eq!(blamed(None, 5), None);
    }
}
