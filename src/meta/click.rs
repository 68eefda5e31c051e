//! Click and browser ids: `fbc` and `fbp`. Source: Conversions API, `fbp` and `fbc` parameters.

/// The click that led to a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Click<'a> {
    /// A ready `fbc` value.
    Ready(&'a str),
    /// A click id and the time at which it was first seen.
    Made {
        /// Milliseconds since 1970.
        millis: i64,
        /// The click id byte for byte: it is case-sensitive and not to be changed.
        fbclid: &'a str,
    },
}

/// Domain index for a server that stores no `_fbc` cookie.
pub const SUBDOMAIN_INDEX: u8 = 1;

/// Whether a text has the form of an `fbc`: `fb.1.1554763741205.AbCd`.
pub fn is_fbc(text: &str) -> bool {
    parts(text).is_some_and(|(_, payload)| !payload.contains(char::is_whitespace))
}

/// Whether a text has the form of an `fbp`: `fb.1.1596403881668.1116446470`.
pub fn is_fbp(text: &str) -> bool {
    // Meta's parameter builder appends a fifth part to what it makes.
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts(text).is_some_and(|(_, payload)| is_number(payload.split('.').next().unwrap_or_default()))
}

/// Splits `fb.<index>.<milliseconds>.<payload>` into time and payload.
fn parts(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.splitn(4, '.');
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = parts.next()?;
    parts.next().filter(is_number).filter(|index| index.len() == 1)?;
    let millis = parts.next().filter(is_number).filter(|millis| millis.len() == 13)?;
    let payload = parts.next().filter(|payload| !payload.is_empty())?;
    (prefix == "fb").then_some((millis, payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_click_and_browser_ids() {
        let check = |text: &str, fbc, fbp| assert_eq!((is_fbc(text), is_fbp(text)), (fbc, fbp), "{text:?}");
        check("fb.1.1596403881668.1116446470", true, true);
        check("fb.1.1596403881668.1116446470.AQIBAQAA", true, true);
        check("fb.1.1554763741205.IwAR2F4-dbP0_aem_x.y", true, false);
        check("fb.1.1554763741.IwAR2F4", false, false);
        check("fb.12.1554763741205.IwAR2F4", false, false);
        check("fb.1.1554763741205.", false, false);
        check("fb.1.1554763741205.a b", false, false);
        check("IwAR2F4", false, false);
        check("", false, false);
    }
}
