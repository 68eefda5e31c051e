//! A customer's datum in the form that Meta hashes. One file per family of fields.

/// How a value came out of normalising.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The normalised text was written; it is to be hashed.
    Clear,
    /// The cell held a SHA-256 digest already; it was written in lower case and is passed on.
    Hashed,
    /// The cell is empty once trimmed; nothing was written.
    Empty,
}
