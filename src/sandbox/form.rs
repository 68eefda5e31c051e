//! Forms: `application/x-www-form-urlencoded` and `multipart/form-data`.

/// A field of a form or of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
}

/// Reads a query or a form in the same encoding.
pub(crate) fn read_urlencoded(text: &[u8]) -> Vec<Field> {
    let pairs = text.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            let mut next = || decode(halves.next().unwrap_or_default());
            Field { name: next(), value: next() }
        })
        .collect()
}

/// Reads a form of several parts, as far as it is well formed.
///
/// Source: RFC 7578.
pub(crate) fn read_multipart(body: &[u8], boundary: &str) -> Vec<Field> {
    let first = format!("--{boundary}");
    let delimiter = format!("\r\n--{boundary}");
    let mut fields = Vec::new();
    let mut rest = body.strip_prefix(first.as_bytes());
    if rest.is_none() {
        // A preamble may stand before the first part.
        rest = split_at(body, delimiter.as_bytes()).map(|(_, after)| after);
    }
    while let Some(part) = rest.and_then(|rest| rest.strip_prefix(b"\r\n")) {
        let Some((part, after)) = split_at(part, delimiter.as_bytes()) else { break };
        if let Some((head, value)) = split_at(part, b"\r\n\r\n")
            && let Some(name) = part_name(head)
        {
            fields.push(Field { name, value: String::from_utf8_lossy(value).into_owned() });
        }
        rest = Some(after);
    }
    fields
}

/// Finds the boundary in a content type.
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty())
}

/// Finds the name in the head of a part.
fn part_name(head: &[u8]) -> Option<String> {
    let head = std::str::from_utf8(head).ok()?;
    let line = head.lines().find(|line| {
        line.split_once(':').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
    })?;
    parameter(line, "name").map(str::to_owned)
}

/// Finds a parameter of a header, with or without quotes.
fn parameter<'a>(header: &'a str, wanted: &str) -> Option<&'a str> {
    header.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim();
        let unquoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        name.trim().eq_ignore_ascii_case(wanted).then_some(unquoted)
    })
}

/// Splits at the first occurrence of a separator.
fn split_at<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let start = bytes.windows(separator.len()).position(|window| window == separator)?;
    Some((bytes.get(..start)?, bytes.get(start.checked_add(separator.len())?..)?))
}

/// Undoes percent-encoding.
fn decode(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) if let (Some(high), Some(low)) = (digit(*high), digit(*low)) => {
                bytes.push(high << 4 | low);
                rest = after;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The value of a hex digit.
fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_field_comes_through(name in any::<String>(), value in any::<String>()) {
            let encode = |text: &str| text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02x}"));
            let text = format!("a=1&{}={}&b=2", encode(&name), encode(&value));
            let fields = read_urlencoded(text.as_bytes());
            prop_assert_eq!(fields.get(1), Some(&Field { name, value }));
        }

        #[test]
        fn any_bytes_are_survived(bytes in any::<Vec<u8>>(), parts in "(--x|\r\n|name=|a|: ;|\"){0,24}") {
            read_urlencoded(&bytes);
            read_multipart(&bytes, "x");
            read_multipart(parts.as_bytes(), "x");
            read_multipart(parts.as_bytes(), "");
            boundary(&parts);
        }
    }

    #[track_caller]
    fn check(fields: &[Field], expected: &[(&str, &str)]) {
        let fields: Vec<_> = fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
        assert_eq!(fields, expected);
    }

    #[test]
    fn urlencoded_forms_are_read() {
        check(&read_urlencoded(b""), &[]);
        check(&read_urlencoded(b"a=1&b=2"), &[("a", "1"), ("b", "2")]);
        check(&read_urlencoded(b"data%5B%5D=%7B%22a%22%3A+1%7D&&x"), &[("data[]", r#"{"a": 1}"#), ("x", "")]);
        check(&read_urlencoded("n=%D0%90%d0%b1".as_bytes()), &[("n", "Аб")]);
        check(&read_urlencoded(b"a=b=c&p=100%&q=%zz&r=%4"), &[("a", "b=c"), ("p", "100%"), ("q", "%zz"), ("r", "%4")]);
        check(&read_urlencoded(b"a=%ff"), &[("a", "\u{fffd}")]);
    }

    #[track_caller]
    fn check_multipart(body: &str, expected: &[(&str, &str)]) {
        check(&read_multipart(body.replace('\n', "\r\n").as_bytes(), "xyz"), expected);
    }

    #[test]
    fn multipart_forms_are_read() {
        let token = "--xyz\nContent-Disposition: form-data; name=\"access_token\"\n\ntoken-1\n";
        check_multipart(&format!("{token}--xyz--\n"), &[("access_token", "token-1")]);
        check_multipart(&format!("preamble\n{token}--xyz--"), &[("access_token", "token-1")]);
        check_multipart(
            &format!(
                "{token}--xyz\ncontent-type: text/plain\ncontent-disposition: form-data; filename=\"a\"; name=data\n\n[]\n\n[]\n--xyz--\n"
            ),
            &[("access_token", "token-1"), ("data", "[]\r\n\r\n[]")],
        );
        check_multipart(
            &format!("{token}--xyz\nContent-Disposition: form-data; name=\"cut\"\n\nof"),
            &[("access_token", "token-1")],
        );
        check_multipart("--xyz\nno head\n--xyz--", &[]);
        check_multipart("", &[]);
        check_multipart("--xyz", &[]);
    }

    #[test]
    fn boundaries_are_found() {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=xyz", Some("xyz")),
            (r#"multipart/form-data; charset=utf-8; Boundary="x y""#, Some("x y")),
            ("multipart/form-data; boundary=", None),
            ("multipart/form-data", None),
        ] {
            assert_eq!(boundary(content_type), expected, "{content_type}");
        }
    }
}
