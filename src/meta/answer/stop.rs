//! Why nothing more can be sent, and what to do about it.

/// Why nothing more can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The access token is wrong, expired or withdrawn.
    Token,
    /// The proof that the sender knows the app's secret is wrong or missing.
    Proof,
    /// The token may not send events to the dataset.
    Permission,
    /// The dataset does not exist, or the token cannot see it.
    Dataset,
    /// Meta has blocked the sender for a time.
    Blocked,
    /// Meta asks to wait for longer than a run may take.
    LongWait,
    /// Another server answered: a redirect, or an error that is not the Graph API's.
    NotMeta,
    /// An error that this program does not know.
    Unexpected,
    /// Answers do not say what was taken, one after another.
    Unclear,
    /// Requests fail one after another, with every attempt.
    Unreachable,
    /// Most of what was tried was refused, so the configuration is wrong and not the events.
    MostRefused,
}

impl Stop {
    /// Every one, in the order in which a run meets them.
    pub const ALL: [Self; 11] = [
        Self::Token,
        Self::Proof,
        Self::Permission,
        Self::Dataset,
        Self::Blocked,
        Self::LongWait,
        Self::NotMeta,
        Self::Unexpected,
        Self::Unclear,
        Self::Unreachable,
        Self::MostRefused,
    ];

    /// What went wrong, in lower case without full stop.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Token => "Meta refused the access token",
            Self::Proof => "Meta refused the request because of the app's secret",
            Self::Permission => "the access token may not send events to this dataset",
            Self::Dataset => "the dataset does not exist or the access token cannot see it",
            Self::Blocked => "Meta has blocked this sender for a time",
            Self::LongWait => "Meta asks to wait for longer than a run may take",
            Self::NotMeta => "the answer did not come from the Graph API",
            Self::Unexpected => "Meta answered with an error that fbcapi does not know",
            Self::Unclear => "one answer after another does not say what Meta took",
            Self::Unreachable => "requests to Meta fail one after another",
            Self::MostRefused => "Meta refused most of the events that were tried",
        }
    }

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Token => {
                "make a new one (Events Manager > Settings > Conversions API > Generate access token) and put it where [meta] access_token points"
            }
            Self::Proof => {
                "set [meta] app_secret to the secret of the app that the token belongs to (App settings > Basic), or remove it if the app does not require it"
            }
            Self::Permission => {
                "give the system user \"Manage\" on the dataset (Business settings > Data sources > Datasets > Assign people)"
            }
            Self::Dataset => {
                "compare [meta] dataset_id with Events Manager and assign the dataset to the token's system user"
            }
            Self::Blocked => {
                "look in Events Manager and Business Support Home for the reason; the next run tries again"
            }
            Self::LongWait => {
                "nothing was lost, the next run tries again; send less at once, or ask Meta for a higher limit"
            }
            Self::NotMeta => "check [meta] api_base and any proxy between this machine and graph.facebook.com",
            Self::Unexpected => {
                "look the code up in Meta's error reference; nothing was lost, the next run tries again"
            }
            Self::Unclear => {
                "check [meta] api_base and any proxy between this machine and graph.facebook.com; what was posted is counted as unknown"
            }
            Self::Unreachable => "check the network between this machine and [meta] api_base; the next run tries again",
            Self::MostRefused => {
                "the configuration is likelier wrong than the events: look at `fbcapi sync --dry-run`, [meta] action_source and app_secret"
            }
        }
    }
}
