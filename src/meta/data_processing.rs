//! Limited Data Use: how Meta may process what it is told of people in some states of the USA.
//!
//! Source: Data processing options for users in the United States; server event parameters,
//! `data_processing_options`.

/// How Meta may process an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataProcessing {
    /// Without limits: an empty list of options.
    Unlimited,
    /// With Limited Data Use.
    Limited {
        /// `1` for the USA; `0` lets Meta find the place by the IP address.
        country: u16,
        /// The state's number; `0` lets Meta find it.
        state: u16,
    },
}

/// The states with Limited Data Use, by the numbers that Meta gives them.
const STATES: [(u16, &str); 14] = [
    (1000, "CA"),
    (1001, "CO"),
    (1002, "CT"),
    (1003, "FL"),
    (1004, "OR"),
    (1005, "TX"),
    (1006, "MT"),
    (1007, "DE"),
    (1008, "NE"),
    (1009, "NH"),
    (1010, "NJ"),
    (1011, "MN"),
    (1012, "MD"),
    (1013, "RI"),
];

impl DataProcessing {
    /// Limited Data Use where Meta finds the place itself.
    pub const ANYWHERE: Self = Self::Limited { country: 0, state: 0 };

    /// Limited Data Use in a place; `None` where Meta has no number for it.
    ///
    /// The country is `1`, `0` or `US`, the state a number or two letters.
    pub fn limited(country: Option<&str>, state: Option<&str>) -> Option<Self> {
        let country = match country.map(str::trim) {
            None | Some("0") => 0,
            Some("1") => 1,
            Some(text) if text.eq_ignore_ascii_case("us") || text.eq_ignore_ascii_case("usa") => 1,
            Some(_) => return None,
        };
        let state = match state.map(str::trim) {
            None | Some("0") => 0,
            Some(text) => {
                STATES
                    .iter()
                    .find(|(number, letters)| letters.eq_ignore_ascii_case(text) || text.parse() == Ok(*number))?
                    .0
            }
        };
        // A country without its state is refused, and so is the reverse.
        ((country == 0) == (state == 0)).then_some(Self::Limited { country, state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let check = |country: &str, state: &str, expected: Option<(u16, u16)>| {
            let some = |text: &'static str| (!text.is_empty()).then_some(text);
            let (country, state) = (country.to_owned().leak(), state.to_owned().leak());
            let expected = expected.map(|(country, state)| DataProcessing::Limited { country, state });
            assert_eq!(DataProcessing::limited(some(country), some(state)), expected, "{country} {state}");
        };
        check("", "", Some((0, 0)));
        check("0", "0", Some((0, 0)));
        check("1", "1000", Some((1, 1000)));
        check("US", "ca", Some((1, 1000)));
        check(" usa ", " RI ", Some((1, 1013)));
        check("1", "", None);
        check("0", "1000", None);
        check("1", "999", None);
        check("1", "1014", None);
        check("DE", "1000", None);
        check("1", "WY", None);
    }
}
