//! Where a conversion took place.

/// Where a conversion took place, as the `action_source` of an event says.
///
/// Source: Conversions API, server event parameters, `action_source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionSource {
    /// By e-mail.
    Email,
    /// On a website.
    Website,
    /// In a mobile app.
    App,
    /// Over the phone.
    PhoneCall,
    /// By chat or text message.
    Chat,
    /// In person, in a shop.
    PhysicalStore,
    /// By itself, for instance a renewal that is paid automatically.
    SystemGenerated,
    /// From an ad that opens a business messaging app.
    BusinessMessaging,
    /// In a way that is not listed.
    Other,
}

impl ActionSource {
    /// Every action source, in the order of Meta's page.
    pub const ALL: [Self; 9] = [
        Self::Email,
        Self::Website,
        Self::App,
        Self::PhoneCall,
        Self::Chat,
        Self::PhysicalStore,
        Self::SystemGenerated,
        Self::BusinessMessaging,
        Self::Other,
    ];

    /// The value on the wire.
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Website => "website",
            Self::App => "app",
            Self::PhoneCall => "phone_call",
            Self::Chat => "chat",
            Self::PhysicalStore => "physical_store",
            Self::SystemGenerated => "system_generated",
            Self::BusinessMessaging => "business_messaging",
            Self::Other => "other",
        }
    }

    /// Reads a value as it stands on the wire, without regard to case and surrounding white space.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Self::ALL.into_iter().find(|source| source.wire().eq_ignore_ascii_case(text))
    }
}
