//! What Meta's codes mean, in words, for people.
//!
//! What a run does with an answer is decided by [`super::judge`] alone.

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// Whether it is one that stands in the table.
    pub is_documented: bool,
    /// What it means, as a sentence.
    pub words: &'static str,
}

/// Every code that is known for this edge, with its subcode if it says more than the code.
///
/// Sources: Graph API, "Handle errors" and "Rate limits"; Marketing API, "Error codes" and "Rate limiting"; the bodies of
/// answers that users of Meta's SDKs have published, for the subcodes of 100.
const CODES: [(i64, Option<i64>, &str); 54] = [
    (-1, None, "Something went wrong inside Meta."),
    (1, None, "Something at Meta is down for the moment."),
    (2, None, "The service is not available for the moment."),
    (3, None, "The app lacks a capability or permission for this call."),
    (4, None, "The app has made too many calls."),
    (10, None, "The permission was never given or was taken away."),
    (17, None, "The user of the token has made too many calls."),
    (32, None, "Too many calls were made for the page."),
    (100, None, "A parameter is not what Meta wants it to be."),
    (100, Some(33), "The dataset does not exist, or the token cannot see it."),
    (100, Some(2_804_003), "The event time is older than Meta accepts."),
    (100, Some(2_804_004), "The event time is in the future."),
    (100, Some(2_804_008), "An item of contents has no id."),
    (100, Some(2_804_009), "A Purchase has no value."),
    (100, Some(2_804_010), "A Purchase has no currency."),
    (100, Some(2_804_016), "A field of the customer's that must be hashed is not."),
    (100, Some(2_804_023), "There is a value without a currency."),
    (100, Some(2_804_036), "The lead id is not one of Meta's."),
    (100, Some(2_804_043), "What is said of the device (extinfo) is not in its form."),
    (100, Some(2_804_050), "The customer information is too little to match anyone."),
    (100, Some(2_804_066), "The event is not one that business messaging takes."),
    (100, Some(2_804_069), "An event of business messaging has no page id."),
    (100, Some(2_804_079), "An event of business messaging has no Instagram account id."),
    (100, Some(2_804_087), "The click id of WhatsApp (ctwa_clid) is not one."),
    (100, Some(2_804_116), "An event of business messaging names neither page nor WhatsApp account."),
    (100, Some(2_804_131), "The dataset is not linked to the account of business messaging."),
    (102, None, "The session of the token has ended."),
    (104, None, "The signature of the request is wrong."),
    (190, None, "The access token is wrong, expired or withdrawn."),
    (190, Some(458), "The app of the token is not installed any more."),
    (190, Some(459), "The user of the token must log in to Facebook first, for a check."),
    (190, Some(460), "The password of the token's user was changed."),
    (190, Some(463), "The access token has expired."),
    (190, Some(467), "The access token was withdrawn."),
    (200, None, "A permission is missing."),
    (294, None, "The token lacks the permission ads_management."),
    (341, None, "The app has reached a limit, for the moment."),
    (368, None, "The sender is blocked for a time, because of Meta's rules."),
    (506, None, "The same was posted just before."),
    (613, None, "Too many calls were made in too short a time."),
    (613, Some(1_487_742), "Too many calls were made for the ad account."),
    (803, None, "What was asked for does not exist under this name."),
    (2500, None, "The access token is missing or unreadable."),
    (5000, None, "Something went wrong at Meta that it does not name."),
    (21_009, None, "The dataset cannot take events for the moment."),
    (80_000, None, "Too many calls were made for insights."),
    (80_002, None, "Too many calls were made for Instagram."),
    (80_003, None, "Too many calls were made for custom audiences."),
    (80_004, None, "Too many calls were made for the ad account."),
    (80_005, None, "Too many calls were made for leads."),
    (80_006, None, "Too many calls were made for Messenger."),
    (80_008, None, "Too many calls were made for WhatsApp."),
    (80_009, None, "Too many calls were made for catalogs."),
    (80_014, None, "Too many calls were made for batches of a catalog."),
];

/// Every code of the table, with its subcode.
pub fn known_codes() -> impl Iterator<Item = (i64, Option<i64>)> {
    CODES.iter().map(|(code, subcode, _)| (*code, *subcode))
}

/// What a code and its subcode mean; of a subcode that is unknown, what the code means.
pub fn meaning(code: i64, subcode: Option<i64>) -> Meaning {
    let find = |subcode: Option<i64>| CODES.iter().find(|(other, of, _)| *other == code && *of == subcode);
    let exact = find(subcode);
    let words =
        exact.or_else(|| find(None)).map_or("Meta gives this code, and does not say what it means.", |row| row.2);
    Meaning { is_documented: exact.is_some(), words }
}
