//! The short way for plain numbers of common countries that are written with `+`, many times faster than the library.

use std::ops::RangeInclusive;

/// Characters of the longest number that is looked at.
const MAX_CHARACTERS: usize = 40;

/// The most digits of a number with its country code. Source: ITU-T E.164.
const MAX_DIGITS: usize = 15;

/// Numbers of a country that the library takes as they stand.
struct Plan {
    /// The country code.
    code: &'static [u8],
    /// The first digit after it. Where a country has a trunk prefix, a number that may start with one is not here.
    first: RangeInclusive<u8>,
    /// How many digits follow the country code.
    lengths: RangeInclusive<usize>,
}

/// The plans, those of one code only; what they leave out is the library's to judge.
///
/// Source: the metadata of Google's libphonenumber, possible lengths and national prefixes.
const PLANS: [Plan; 26] = [
    plan(b"20", b'1'..=b'9', 10..=10),
    plan(b"27", b'1'..=b'9', 9..=9),
    plan(b"30", b'2'..=b'9', 10..=10),
    plan(b"31", b'1'..=b'9', 9..=9),
    plan(b"32", b'1'..=b'9', 8..=9),
    plan(b"33", b'1'..=b'9', 9..=9),
    plan(b"34", b'5'..=b'9', 9..=9),
    plan(b"351", b'2'..=b'9', 9..=9),
    plan(b"353", b'1'..=b'9', 9..=9),
    plan(b"358", b'1'..=b'9', 9..=9),
    plan(b"380", b'1'..=b'9', 9..=9),
    plan(b"39", b'3'..=b'3', 9..=10),
    plan(b"41", b'1'..=b'9', 9..=9),
    plan(b"43", b'1'..=b'9', 10..=11),
    plan(b"44", b'1'..=b'9', 10..=10),
    plan(b"45", b'2'..=b'9', 8..=8),
    plan(b"46", b'1'..=b'9', 9..=9),
    plan(b"47", b'2'..=b'9', 8..=8),
    plan(b"48", b'1'..=b'9', 9..=9),
    plan(b"49", b'1'..=b'9', 10..=11),
    plan(b"52", b'2'..=b'9', 10..=10),
    plan(b"55", b'1'..=b'8', 10..=11),
    plan(b"61", b'2'..=b'9', 9..=9),
    plan(b"81", b'1'..=b'9', 9..=10),
    plan(b"91", b'1'..=b'9', 10..=10),
    plan(b"972", b'2'..=b'9', 9..=9),
];

/// Makes a plan.
const fn plan(code: &'static [u8], first: RangeInclusive<u8>, lengths: RangeInclusive<usize>) -> Plan {
    Plan { code, first, lengths }
}

/// Gives a regular expression of each plan's digits, which any database knows.
pub(super) fn patterns() -> impl Iterator<Item = String> {
    PLANS.iter().map(|Plan { code, first, lengths }| {
        let (from, to) = (char::from(*first.start()), char::from(*first.end()));
        let digits: String = code.iter().copied().map(char::from).collect();
        format!("{digits}[{from}-{to}][0-9]{{{},{}}}", lengths.start() - 1, lengths.end() - 1)
    })
}

/// Writes the number and says so, if it is one that the library would read the same way; else writes nothing.
///
/// Such are numbers of a plan with `+` before them, written with spaces, dots, dashes and brackets only.
pub(super) fn write(text: &str, out: &mut String) -> bool {
    let Some(number) = text.strip_prefix('+').filter(|number| number.len() < MAX_CHARACTERS) else { return false };
    let mut digits = [0; MAX_DIGITS];
    let mut count = 0;
    for byte in number.bytes() {
        match byte {
            b'0'..=b'9' => {
                let Some(digit) = digits.get_mut(count) else { return false };
                *digit = byte;
                count += 1;
            }
            b' ' | b'-' | b'.' | b'(' | b')' => {}
            _ => return false,
        }
    }
    let digits = digits.get(..count).unwrap_or_default();
    let is_planned = PLANS.iter().any(|plan| {
        digits.strip_prefix(plan.code).is_some_and(|national| {
            plan.lengths.contains(&national.len()) && national.first().is_some_and(|first| plan.first.contains(first))
        })
    });
    if is_planned {
        out.extend(digits.iter().copied().map(char::from));
    }
    is_planned
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::meta::normalize::phone;

    /// Whether the short way was taken; if so, the library must have come to the same.
    fn check(text: &str) -> bool {
        let mut short = String::new();
        let is_short = write(text, &mut short);
        let mut long = String::new();
        if is_short {
            assert_eq!(phone::write_by_library(text, None, false, &mut long), Ok(()), "{text}");
        }
        assert_eq!(short, long, "{text}");
        is_short
    }

    #[test]
    fn every_plan_agrees_with_the_library_whatever_a_number_starts_with() {
        for Plan { code, first, lengths } in &PLANS {
            let code = std::str::from_utf8(code).unwrap();
            for start in 0..10_000 {
                let start = format!("{start:04}");
                for length in 6..=12 {
                    let number = format!("+{code}{start}{}", "70529816".get(..length - 4).unwrap());
                    let is_planned =
                        lengths.contains(&length) && start.bytes().next().is_some_and(|digit| first.contains(&digit));
                    if is_planned {
                        assert!(check(&number), "{number}");
                    } else if start.ends_with("00") {
                        check(&number);
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn every_way_of_writing_agrees_with_the_library(
            code in prop::sample::select(PLANS.iter().map(|plan| std::str::from_utf8(plan.code).unwrap()).collect::<Vec<_>>()),
            text in "[ (.-]{0,2}[)]?[0-9][0-9 ().-]{7,12}[0-9][ ).-]{0,2}|[(]0[)][0-9]{8,11}|[0-9]{8,11}|[0-9+ ().x-]{9,16}",
        ) {
            check(format!("+{code}{text}").trim());
        }
    }

    #[test]
    fn other_numbers_are_left_to_the_library() {
        let check = |text: &str, expected: bool| assert_eq!(check(text), expected, "{text}");
        check("+49 151 23456789", true);
        check("+44 (20) 7946-0958", true);
        check("+33.6.39.98.12.34", true);
        check("+49 (0)151 23456789", false);
        check("0049 151 23456789", false);
        check("49 151 23456789", false);
        check("++49 151 23456789", false);
        check("+49 151 23456789 x1", false);
        check("+1 212 555 0123", false);
        check("+４９ 151 23456789", false);
    }
}
