//! Which of the names that are there was meant by one that is not.

/// The name that differs least from a missing one, whatever the case, if the difference is a slip of the pen.
pub(super) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let at_most = (wanted.chars().count() / 3).max(1);
    let measured = names.map(|name| (strsim::levenshtein(&wanted, &name.to_lowercase()), name));
    let (_, name) = measured.filter(|(distance, _)| *distance <= at_most).min_by_key(|(distance, _)| *distance)?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_is_alike_is_offered() {
        let check = |wanted: &str, names: &[&str], expected: Option<&str>| {
            assert_eq!(nearest(wanted, names.iter().copied()), expected, "{wanted} {names:?}");
        };
        check("event_id", &["id", "EventId", "event_ids"], Some("EventId"));
        check("event_id", &["EVENT_ID", "event_id"], Some("EVENT_ID"));
        check("occurred_at", &["OCCURED_AT"], Some("OCCURED_AT"));
        check("email", &["e_mail", "main"], Some("e_mail"));
        check("event_id", &["order", "created"], None);
        check("state", &["Kate"], None);
        check("id", &["ID2", "user_id"], Some("ID2"));
        check("größe", &["GRÖSE"], Some("GRÖSE"));
        check("id", &[], None);
    }
}
