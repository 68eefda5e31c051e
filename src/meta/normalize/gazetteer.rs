//! Names of places, each with the code that stands for it.

use std::collections::HashMap;

/// Codes by name. Names are spelt as [`super::text::fold`] leaves letters.
#[derive(Debug)]
pub(super) struct Gazetteer(HashMap<&'static str, &'static str>);

impl Gazetteer {
    /// Reads one place a line: its code, then its other names.
    pub(super) fn read(places: &'static str) -> Self {
        let mut codes = HashMap::new();
        for (code, names) in Self::places(places) {
            codes.insert(code, code);
            for name in names {
                codes.insert(name, code);
            }
        }
        Self(codes)
    }

    /// Gives each place of such a list: its code and its other names.
    pub(super) fn places(
        places: &'static str,
    ) -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
        places.lines().filter_map(|place| {
            let mut names = place.split(' ');
            Some((names.next()?, names))
        })
    }

    /// Gives the code that a name stands for.
    pub(super) fn code(&self, name: &str) -> Option<&'static str> {
        self.0.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::normalize::text::{fold, is_letter};

    #[test]
    fn names_lead_to_their_code() {
        let places = Gazetteer::read("ca california calif\nny newyork");
        assert_eq!(places.code("ca"), Some("ca"));
        assert_eq!(places.code("calif"), Some("ca"));
        assert_eq!(places.code("newyork"), Some("ny"));
        assert_eq!(places.code("york"), None);
        assert_eq!(places.code(""), None);
    }

    #[test]
    fn the_lists_hold_each_name_once_and_as_folding_leaves_it() {
        for places in [include_str!("countries.txt"), include_str!("states.txt")] {
            let names: Vec<&str> = places.split_whitespace().collect();
            assert_eq!(Gazetteer::read(places).0.len(), names.len());
            for name in names {
                let mut folded = String::new();
                fold(name, is_letter, &mut folded);
                assert_eq!(folded, name);
            }
        }
    }
}
