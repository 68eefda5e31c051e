//! The objects within an event: which keys they have and how the value of each is written.
//!
//! Meta refuses a request for a key that it does not know on the event's level ("Unexpected key"), so these lists are
//! complete, and nothing else is written there.

use super::value::Kind;

/// An object within an event, fed key by key or at once from a column that holds it as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// The event that this one follows. Source: Conversions API, original event data parameters.
    OriginalEventData,
    /// How an ad was credited. Source: Meta Business SDK 26.0.3, `AttributionData`.
    AttributionData,
    /// The app in which the conversion took place. Source: Meta Business SDK 26.0.3, `AppData`.
    AppData,
    /// The shop. Source: Conversions API for offline events, `store_data`.
    StoreData,
    /// The products. Source: Conversions API, custom data parameters; Meta Business SDK 26.0.3, `Content`.
    Contents,
}

/// The ways in which a purchase is handed over. Source: Conversions API, custom data parameters.
pub(super) const DELIVERY_CATEGORIES: &[&str] = &["in_store", "curbside", "home_delivery"];

impl Object {
    /// Every object.
    pub const ALL: [Self; 5] =
        [Self::OriginalEventData, Self::AttributionData, Self::AppData, Self::StoreData, Self::Contents];

    /// The object's name on the wire and in `[columns]`.
    pub const fn wire(self) -> &'static str {
        match self {
            Self::OriginalEventData => "original_event_data",
            Self::AttributionData => "attribution_data",
            Self::AppData => "app_data",
            Self::StoreData => "store_data",
            Self::Contents => "contents",
        }
    }

    /// Finds an object by its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|object| object.wire() == name)
    }

    /// Whether it stands in `custom_data`, not beside it.
    pub const fn is_custom(self) -> bool {
        matches!(self, Self::StoreData | Self::Contents)
    }

    /// Its keys, each with how its value is written.
    pub const fn keys(self) -> &'static [(&'static str, Kind)] {
        match self {
            Self::OriginalEventData => &[
                ("event_name", Kind::Text),
                ("event_time", Kind::Time),
                ("order_id", Kind::Text),
                ("event_id", Kind::Text),
            ],
            Self::AttributionData => &[
                ("scope", Kind::Text),
                ("visit_time", Kind::Time),
                ("ad_id", Kind::Text),
                ("adset_id", Kind::Text),
                ("campaign_id", Kind::Text),
                ("attribution_share", Kind::Number),
                ("attribution_model", Kind::Text),
                ("attr_window", Kind::Whole),
                ("attribution_value", Kind::Number),
                ("attribution_source", Kind::Text),
                ("touchpoint_type", Kind::Text),
                ("touchpoint_ts", Kind::Time),
                ("attribution_method", Kind::Text),
                ("decline_reason", Kind::Text),
                ("auditing_token", Kind::Text),
                ("linkage_key", Kind::Text),
                ("touchpoint_id", Kind::Text),
                ("attribution_setting", Kind::Json),
                ("total_credit", Kind::Number),
                ("partner_client_id", Kind::Text),
            ],
            Self::AppData => &[
                ("application_tracking_enabled", Kind::Flag),
                ("advertiser_tracking_enabled", Kind::Flag),
                ("campaign_ids", Kind::Text),
                ("consider_views", Kind::Flag),
                ("extinfo", Kind::Extinfo),
                ("include_dwell_data", Kind::Flag),
                ("include_video_data", Kind::Flag),
                ("install_referrer", Kind::Text),
                ("installer_package", Kind::Text),
                ("receipt_data", Kind::Text),
                ("url_schemes", Kind::Texts),
                ("windows_attribution_id", Kind::Text),
            ],
            Self::StoreData => {
                &[("store_page_id", Kind::Text), ("brand_page_id", Kind::Text), ("store_code", Kind::Text)]
            }
            Self::Contents => &[
                ("id", Kind::Text),
                ("quantity", Kind::Whole),
                ("item_price", Kind::Number),
                ("delivery_category", Kind::Choice(DELIVERY_CATEGORIES)),
                ("title", Kind::Text),
                ("description", Kind::Text),
                ("brand", Kind::Text),
                ("category", Kind::Text),
                ("price", Kind::Number),
            ],
        }
    }

    /// How the value of one of its keys is written.
    pub fn kind(self, key: &str) -> Option<(&'static str, Kind)> {
        self.keys().iter().copied().find(|(known, _)| *known == key)
    }
}
