//! What a path means, and which versions of the Graph API are served.

use axum::http::HeaderValue;

/// The newest version of the Graph API and the oldest that is still served. Source: Graph API changelog.
const VERSIONS: std::ops::RangeInclusive<u32> = 21..=26;

/// What a path means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// The events edge of a dataset.
    Events { version: &'a str, id: &'a str },
    /// A dataset.
    Dataset { version: &'a str, id: &'a str },
    /// Either of them, without version.
    Unversioned,
    /// Nothing.
    Nowhere,
}

/// Says what a path means.
pub(super) fn target(path: &str) -> Target<'_> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [version, id, "events"] if is_version(version) => Target::Events { version, id },
        [version, id] if is_version(version) => Target::Dataset { version, id },
        [id, "events"] | [id] if id.bytes().all(|byte| byte.is_ascii_digit()) => Target::Unversioned,
        _ => Target::Nowhere,
    }
}

/// Whether a part of a path is a version, as `v26.0`.
fn is_version(part: &str) -> bool {
    major(part).is_some()
}

/// The first number of a version.
fn major(version: &str) -> Option<u32> {
    let (major, minor) = version.strip_prefix('v')?.split_once('.')?;
    minor.parse::<u32>().ok()?;
    major.parse().ok()
}

/// What Meta says of a version that it serves no longer. Source: Marketing API, versioning.
pub(super) fn version_warning(version: &str) -> Option<HeaderValue> {
    let (oldest, newest) = (*VERSIONS.start(), *VERSIONS.end());
    let old = major(version).filter(|major| *major < oldest)?;
    let text = format!("The call has been auto-upgraded to v{newest}.0 as v{old}.0 has been deprecated");
    HeaderValue::try_from(text).ok()
}
