//! What Meta wants: names on the wire, normalising, hashing, payloads and the judging of answers. All of it is pure.

pub mod action_source;
pub mod answer;
pub mod click;
pub mod data_processing;
pub mod event_name;
pub mod hash;
pub mod matching;
pub mod messaging;
pub mod normalize;
pub mod number;
pub mod payload;
pub mod window;

pub use action_source::ActionSource;
pub use matching::KeySet;

/// A key of `user_data` by which Meta matches an event to a person.
///
/// Source: Conversions API, customer information parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MatchKey {
    /// E-mail address, hashed.
    Em,
    /// Phone number, hashed.
    Ph,
    /// First name, hashed.
    Fn,
    /// Last name, hashed.
    Ln,
    /// Date of birth, hashed.
    Db,
    /// Gender, hashed.
    Ge,
    /// City, hashed.
    Ct,
    /// State or province, hashed.
    St,
    /// Postal code, hashed.
    Zp,
    /// Country, hashed.
    Country,
    /// The advertiser's own id of the person; hashed unless configured otherwise.
    ExternalId,
    /// First five letters of the first name, hashed; known to Meta's SDKs only.
    F5first,
    /// First five letters of the last name, hashed; known to Meta's SDKs only.
    F5last,
    /// First initial, hashed; known to Meta's SDKs only.
    Fi,
    /// Day of birth, hashed; known to Meta's SDKs only.
    Dobd,
    /// Month of birth, hashed; known to Meta's SDKs only.
    Dobm,
    /// Year of birth, hashed; known to Meta's SDKs only.
    Doby,
    /// The app's own id of the person, hashed; known to Meta's SDK for Node only.
    AppUserId,
    /// IP address, in the clear.
    ClientIpAddress,
    /// User agent of the browser, in the clear.
    ClientUserAgent,
    /// Click id, in the clear.
    Fbc,
    /// Browser id, in the clear.
    Fbp,
    /// Subscription id, in the clear.
    SubscriptionId,
    /// Facebook login id, in the clear.
    FbLoginId,
    /// Lead ads id, in the clear.
    LeadId,
    /// App install id, in the clear.
    AnonId,
    /// Mobile advertiser id, in the clear.
    Madid,
    /// Page id, in the clear.
    PageId,
    /// Page-scoped user id, in the clear.
    PageScopedUserId,
    /// Click-to-`WhatsApp` click id, in the clear.
    CtwaClid,
    /// Instagram account id, in the clear.
    IgAccountId,
    /// Instagram-scoped user id, in the clear.
    IgSid,
    /// `WhatsApp` Business account id, in the clear.
    WhatsappBusinessAccountId,
}

impl MatchKey {
    /// Every key, in the order in which they stand in `user_data`.
    pub const ALL: [Self; 33] = [
        Self::Em,
        Self::Ph,
        Self::Fn,
        Self::Ln,
        Self::Db,
        Self::Ge,
        Self::Ct,
        Self::St,
        Self::Zp,
        Self::Country,
        Self::ExternalId,
        Self::F5first,
        Self::F5last,
        Self::Fi,
        Self::Dobd,
        Self::Dobm,
        Self::Doby,
        Self::AppUserId,
        Self::ClientIpAddress,
        Self::ClientUserAgent,
        Self::Fbc,
        Self::Fbp,
        Self::SubscriptionId,
        Self::FbLoginId,
        Self::LeadId,
        Self::AnonId,
        Self::Madid,
        Self::PageId,
        Self::PageScopedUserId,
        Self::CtwaClid,
        Self::IgAccountId,
        Self::IgSid,
        Self::WhatsappBusinessAccountId,
    ];

    /// Whether the key's values are hashed. Source: Conversions API, customer information parameters.
    pub const fn is_hashed(self) -> bool {
        matches!(
            self,
            Self::Em
                | Self::Ph
                | Self::Fn
                | Self::Ln
                | Self::Db
                | Self::Ge
                | Self::Ct
                | Self::St
                | Self::Zp
                | Self::Country
                | Self::ExternalId
                | Self::F5first
                | Self::F5last
                | Self::Fi
                | Self::Dobd
                | Self::Dobm
                | Self::Doby
                | Self::AppUserId
        )
    }

    /// The key's name on the wire.
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Em => "em",
            Self::Ph => "ph",
            Self::Fn => "fn",
            Self::Ln => "ln",
            Self::Db => "db",
            Self::Ge => "ge",
            Self::Ct => "ct",
            Self::St => "st",
            Self::Zp => "zp",
            Self::Country => "country",
            Self::ExternalId => "external_id",
            Self::F5first => "f5first",
            Self::F5last => "f5last",
            Self::Fi => "fi",
            Self::Dobd => "dobd",
            Self::Dobm => "dobm",
            Self::Doby => "doby",
            Self::AppUserId => "app_user_id",
            Self::ClientIpAddress => "client_ip_address",
            Self::ClientUserAgent => "client_user_agent",
            Self::Fbc => "fbc",
            Self::Fbp => "fbp",
            Self::SubscriptionId => "subscription_id",
            Self::FbLoginId => "fb_login_id",
            Self::LeadId => "lead_id",
            Self::AnonId => "anon_id",
            Self::Madid => "madid",
            Self::PageId => "page_id",
            Self::PageScopedUserId => "page_scoped_user_id",
            Self::CtwaClid => "ctwa_clid",
            Self::IgAccountId => "ig_account_id",
            Self::IgSid => "ig_sid",
            Self::WhatsappBusinessAccountId => "whatsapp_business_account_id",
        }
    }
}
