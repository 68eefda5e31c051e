//! Digests as Meta wants them: SHA-256, in lower-case hexadecimal.

use std::fmt;

use sha2::Sha256;

use super::normalize::hashed::SHA256_OF_NOTHING;

/// The SHA-256 digest of a text that is not empty, as 64 lower-case hexadecimal digits.
///
/// A digest is personal data like the value it stands for, so `Debug` shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; Self::DIGITS]);

impl Digest {
    /// How many hexadecimal digits a digest has.
    pub const DIGITS: usize = 64;

    /// Hashes a text; nothing comes of an empty one.
    pub fn of(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let digest: [u8; 32] = <Sha256 as sha2::Digest>::digest(text).into();
        let mut digits = [0; Self::DIGITS];
        // Plain arithmetic, which the compiler does for many bytes at once. By the table of the hex crate this took a
        // tenth of the whole transform; a test holds that the digits are the same.
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(digest) {
            *pair = [hexadecimal(byte >> 4), hexadecimal(byte & 0xf)];
        }
        Some(Self(digits))
    }

    /// Takes a digest that was made elsewhere, in either case; the digest of the empty text is refused.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut digits = <[u8; Self::DIGITS]>::try_from(text.as_bytes()).ok()?;
        digits.make_ascii_lowercase();
        let is_digest = digits.iter().all(u8::is_ascii_hexdigit) && digits != SHA256_OF_NOTHING.as_bytes();
        is_digest.then_some(Self(digits))
    }

    /// Gives the digits as ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Gives the digits.
    #[expect(clippy::missing_panics_doc, reason = "both ways to make a digest write hexadecimal digits only")]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a digest holds hexadecimal digits only")
    }
}

/// Gives the lower-case digit of a number below sixteen.
const fn hexadecimal(number: u8) -> u8 {
    number + if number < 10 { b'0' } else { b'a' - 10 }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest of personal data]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_hashed() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Digest::of(text).as_ref().map(Digest::as_str), expected, "{text:?}");
        };
        check("us", Some("79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"));
        check("정", Some("8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"));
        check("", None);
    }

    #[test]
    fn digits_are_those_of_the_library() {
        for length in 1..=200 {
            let text: String = ('!'..='~').cycle().skip(length).take(length).collect();
            let expected = hex::encode(<Sha256 as sha2::Digest>::digest(&text));
            assert_eq!(Digest::of(&text).unwrap().as_str(), expected, "{length}");
        }
    }

    #[test]
    fn digests_made_elsewhere_are_taken_in_lower_case() {
        let digest = "79ADB2A2FCE5C6BA215FE5F27F532D4E7EDBAC4B6A5E09E1EF3A08084A904621";
        assert_eq!(Digest::from_hex(digest), Digest::of("us"));
        assert_eq!(Digest::from_hex(&digest.to_lowercase()), Digest::of("us"));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let check = |text: &str| assert_eq!(Digest::from_hex(text), None, "{text:?}");
        check("");
        check(SHA256_OF_NOTHING);
        check(&SHA256_OF_NOTHING.to_uppercase());
        check(&"0".repeat(63));
        check(&"0".repeat(65));
        check(&"g".repeat(64));
        check(&"é".repeat(32));
    }

    #[test]
    fn nothing_of_a_digest_is_shown() {
        assert_eq!(format!("{:?}", Digest::of("us")), "Some([digest of personal data])");
    }
}
