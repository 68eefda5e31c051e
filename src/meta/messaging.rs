//! Conversions in a messaging app: which one, and what Meta must know of it.
//!
//! Source: Conversions API for business messaging; the subcodes are those with which Meta refuses a request.

use super::{KeySet, MatchKey};

/// The names that such events can have; another has the request refused (2804066).
const NAMES: [&str; 14] = [
    "Purchase",
    "LeadSubmitted",
    "InitiateCheckout",
    "AddToCart",
    "ViewContent",
    "OrderCreated",
    "OrderShipped",
    "OrderDelivered",
    "OrderCanceled",
    "OrderReturned",
    "CartAbandoned",
    "QualifiedLead",
    "RatingProvided",
    "ReviewProvided",
];

/// Whether an event of this name can take place in a messaging app.
pub fn is_event_name(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The app in which a conversation led to a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// `WhatsApp`.
    Whatsapp,
    /// Messenger.
    Messenger,
    /// Instagram.
    Instagram,
}

impl Channel {
    const ALL: [Self; 3] = [Self::Whatsapp, Self::Messenger, Self::Instagram];

    /// The value on the wire.
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::Messenger => "messenger",
            Self::Instagram => "instagram",
        }
    }

    /// Reads a value as it stands on the wire, without regard to case and surrounding white space.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.wire().eq_ignore_ascii_case(text.trim()))
    }

    /// Whether an event in this app carries the ids without which Meta refuses it.
    pub fn is_identified(self, keys: KeySet) -> bool {
        match self {
            // 2804087, 2804116
            Self::Whatsapp => {
                let has_account = keys.contains(MatchKey::PageId) || keys.contains(MatchKey::WhatsappBusinessAccountId);
                keys.contains(MatchKey::CtwaClid) && has_account
            }
            // 2804069
            Self::Messenger => keys.contains(MatchKey::PageId),
            // 2804079
            Self::Instagram => keys.contains(MatchKey::IgAccountId),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_messaging() {
        for (name, expected) in [("Purchase", true), ("LeadSubmitted", true), ("Lead", false), ("purchase", false)] {
            assert_eq!(is_event_name(name), expected, "{name}");
        }
    }

    #[test]
    fn each_app_has_its_ids() {
        use MatchKey as K;
        let check = |channel: &str, keys: &[K], expected| {
            let channel = Channel::parse(channel).unwrap();
            assert_eq!(channel.is_identified(KeySet::of(keys)), expected, "{channel:?} {keys:?}");
        };
        check("WhatsApp", &[K::CtwaClid, K::PageId], true);
        check("whatsapp", &[K::CtwaClid, K::WhatsappBusinessAccountId], true);
        check("whatsapp", &[K::CtwaClid], false);
        check("whatsapp", &[K::PageId], false);
        check("messenger", &[K::PageId, K::PageScopedUserId], true);
        check("messenger", &[K::PageScopedUserId], false);
        check(" instagram ", &[K::IgAccountId, K::IgSid], true);
        check("instagram", &[K::IgSid], false);
        assert_eq!(Channel::parse("telegram"), None);
    }
}
