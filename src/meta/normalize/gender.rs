//! Genders (`ge`).

use crate::event::reason::Reason;

/// Writes `f` or `m`.
///
/// Source: Conversions API, customer information parameters: "We accept gender in the form of an initial in
/// lowercase", with `f` and `m` as the only two.
pub(super) fn write(text: &str, out: &mut String) -> Result<(), Reason> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("f") || is("female") {
        out.push('f');
    } else if is("m") || is("male") {
        out.push('m');
    } else {
        return Err(Reason::InvalidGender);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::MatchKey::Ge;
    use crate::meta::normalize::tests::normal;

    #[test]
    fn genders_are_initials() {
        let check = |input: &str, expected: Result<&str, Reason>| {
            assert_eq!(normal(Ge, input), expected.map(str::to_owned), "{input:?}");
        };
        check("F", Ok("f"));
        check(" female\n", Ok("f"));
        check("m", Ok("m"));
        check("MALE", Ok("m"));
        check("\u{200B}Male\u{A0}", Ok("m"));
        check("other", Err(Reason::InvalidGender));
        check("w", Err(Reason::InvalidGender));
        check("fe male", Err(Reason::InvalidGender));
        check("mâle", Err(Reason::InvalidGender));
        check("0", Err(Reason::InvalidGender));
    }
}
