//! Cases of other people's tests, and of Google's libphonenumber: the same outcome, or a deviation with its reason.
//!
//! `vectors/README.md` says where the cases come from, `vectors/deviations.toml` holds every deviation.

mod deviations;
mod events;
mod values;
mod payloads;
mod answers;
mod phones;
