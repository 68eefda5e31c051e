//! Telling a value that is a digest already from one in the clear.

/// SHA-256 of the empty text: what a warehouse makes of an empty cell.
pub(in crate::meta) const SHA256_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What kind of digest a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digested {
    /// SHA-256, as Meta wants it.
    Sha256,
    /// SHA-256 of the empty text, which stands for nobody.
    Sha256OfNothing,
    /// MD5, or something that looks like it.
    Md5,
}

impl Digested {
    /// Recognises a digest by its length and digits.
    ///
    /// Source: Meta's parameter builder takes 64 hexadecimal digits in either case for a SHA-256 digest.
    pub(super) fn of(text: &str) -> Option<Self> {
        let is_hex = || text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text.len() {
            64 if text.eq_ignore_ascii_case(SHA256_OF_NOTHING) => Some(Self::Sha256OfNothing),
            64 if is_hex() => Some(Self::Sha256),
            32 if is_hex() => Some(Self::Md5),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_recognised() {
        let check = |input: &str, expected: Option<Digested>| assert_eq!(Digested::of(input), expected, "{input:?}");
        let sha256 = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f";
        check(sha256, Some(Digested::Sha256));
        check(&sha256.to_uppercase(), Some(Digested::Sha256));
        check(&"0".repeat(64), Some(Digested::Sha256));
        check(SHA256_OF_NOTHING, Some(Digested::Sha256OfNothing));
        check(&SHA256_OF_NOTHING.to_uppercase(), Some(Digested::Sha256OfNothing));
        check("D41D8CD98F00B204E9800998ECF8427E", Some(Digested::Md5));
        check("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef", None);
        check(sha256.trim_end_matches('f'), None);
        check(&format!("g{}", "0".repeat(63)), None);
        check(&"é".repeat(32), None);
        check("", None);
    }
}
