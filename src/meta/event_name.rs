//! Meta's names of standard events, and names that were probably meant to be one.

/// The standard events. Source: Meta Pixel reference, standard events; the name is compared with its case.
pub const STANDARD: [&str; 18] = [
    "AddPaymentInfo",
    "AddToCart",
    "AddToWishlist",
    "CompleteRegistration",
    "Contact",
    "CustomizeProduct",
    "Donate",
    "FindLocation",
    "InitiateCheckout",
    "Lead",
    "PageView",
    "Purchase",
    "Schedule",
    "Search",
    "StartTrial",
    "SubmitApplication",
    "Subscribe",
    "ViewContent",
];

/// The standard event that a name misses by case, by punctuation or, where it is long, by one letter.
///
/// Such a name is legal and makes a custom event, which is hardly ever what was meant.
pub fn near_miss(name: &str) -> Option<&'static str> {
    if STANDARD.contains(&name) {
        return None;
    }
    let fold =
        |name: &str| -> String { name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    let folded = fold(name);
    STANDARD.into_iter().find(|standard| {
        let standard = fold(standard);
        standard == folded || (folded.len() > 5 && strsim::damerau_levenshtein(&standard, &folded) == 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_miss_a_standard_event() {
        let check = |name: &str, expected: Option<&str>| assert_eq!(near_miss(name), expected, "{name}");
        check("purchase", Some("Purchase"));
        check("PURCHASE", Some("Purchase"));
        check("Add To Cart", Some("AddToCart"));
        check("add_to_cart", Some("AddToCart"));
        check("Purchased", Some("Purchase"));
        check("Pruchase", Some("Purchase"));
        check("lead", Some("Lead"));
        check("Purchase", None);
        check("Leads", None);
        check("Load", None);
        check("Other", None);
        check("purchase completed", None);
        check("QuoteRequested", None);
        check("", None);
    }
}
