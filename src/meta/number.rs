//! Decimal numbers as text, so that they stay exact on their way to JSON.

use std::borrow::Cow;

/// Reads a decimal number and gives it as a JSON number with the very digits it had.
///
/// A sign, leading zeros and a bare decimal point are allowed and set right (`+007.50` becomes `7.50`); group
/// separators, currency signs, `NaN` and infinities are not numbers.
pub fn json_number(raw: &str) -> Option<Cow<'_, str>> {
    let text = raw.trim();
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (rest.get(..at)?, Some(rest.get(at + 1..)?)),
        None => (rest, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let fraction = fraction.filter(|digits| !digits.is_empty());
    if (whole.is_empty() && fraction.is_none()) || !is_digits(whole) || !fraction.is_none_or(is_digits) {
        return None;
    }
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        // Three digits hold every exponent of a double; a longer one would make readers overflow.
        if digits.is_empty() || digits.len() > 3 || !is_digits(digits) {
            return None;
        }
    }
    // A reader that keeps numbers as doubles must find one.
    if (exponent.is_some() || whole.len() > 300) && !text.parse::<f64>().is_ok_and(f64::is_finite) {
        return None;
    }
    let significant = whole.trim_start_matches('0');
    let is_json_already = !text.starts_with('+')
        && (significant.len() == whole.len() && !whole.is_empty() || whole == "0")
        && mantissa.ends_with(|c: char| c.is_ascii_digit());
    if is_json_already {
        return Some(Cow::Borrowed(text));
    }
    let mut number = String::with_capacity(text.len() + 1);
    if negative {
        number.push('-');
    }
    number.push_str(if significant.is_empty() { "0" } else { significant });
    if let Some(fraction) = fraction {
        number.push('.');
        number.push_str(fraction);
    }
    if let Some(exponent) = exponent {
        number.push('e');
        number.push_str(exponent);
    }
    Some(Cow::Owned(number))
}

/// Reads a whole number that is not negative.
pub fn json_whole(raw: &str) -> Option<Cow<'_, str>> {
    let number = json_number(raw)?;
    let whole = match number.split_once('.') {
        // `2.00` is how a NUMBER(38,2) column says 2.
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte == b'0') => Cow::Owned(whole.to_owned()),
        Some(_) => return None,
        None => number,
    };
    whole.bytes().all(|byte| byte.is_ascii_digit()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: Option<&str>) {
        assert_eq!(json_number(raw).as_deref(), expected, "{raw:?}");
        if let Some(number) = expected {
            assert!(serde_json::from_str::<f64>(number).is_ok(), "{number:?} is JSON");
        }
    }

    #[test]
    fn numbers_keep_their_digits() {
        check("129.90", Some("129.90"));
        check("0", Some("0"));
        check("0.00", Some("0.00"));
        check("-12.5", Some("-12.5"));
        check(" 7 ", Some("7"));
        check("+007.50", Some("7.50"));
        check("-007", Some("-7"));
        check("000", Some("0"));
        check(".5", Some("0.5"));
        check("5.", Some("5"));
        check("1e3", Some("1e3"));
        check("1.5E-7", Some("1.5E-7"));
        check("01e+3", Some("1e+3"));
        check("123456789012345678901234567890.12", Some("123456789012345678901234567890.12"));
    }

    #[test]
    fn what_is_no_number() {
        for raw in [
            "", " ", ".", "1e400", "-", "1,234.50", "$5", "NaN", "inf", "1e", "1e+", "1e9999", "0x1f", "1.2.3", "--1",
            "١", "1 2",
        ] {
            check(raw, None);
        }
    }

    #[test]
    fn whole_numbers() {
        let check = |raw: &str, expected: Option<&str>| assert_eq!(json_whole(raw).as_deref(), expected, "{raw:?}");
        check("3", Some("3"));
        check("3.00", Some("3"));
        check("3.5", None);
        check("-3", None);
        check("1e3", None);
    }
}
