//! Currencies (`custom_data.currency`).

use super::text::trim;
use crate::event::reason::Reason;

/// The codes that are taken, in order.
///
/// Source: ISO 4217 of 2026, list one, without `XTS` (tests) and `XXX` (no currency), with the codes that it lost
/// since 2021 (`ANG`, `BGN`, `CUC`, `HRK`, `SLL`, `ZWL`).
const CODES: [[u8; 3]; 182] = [
    *b"AED", *b"AFN", *b"ALL", *b"AMD", *b"ANG", *b"AOA", *b"ARS", *b"AUD", *b"AWG", *b"AZN", *b"BAM", *b"BBD",
    *b"BDT", *b"BGN", *b"BHD", *b"BIF", *b"BMD", *b"BND", *b"BOB", *b"BOV", *b"BRL", *b"BSD", *b"BTN", *b"BWP",
    *b"BYN", *b"BZD", *b"CAD", *b"CDF", *b"CHE", *b"CHF", *b"CHW", *b"CLF", *b"CLP", *b"CNY", *b"COP", *b"COU",
    *b"CRC", *b"CUC", *b"CUP", *b"CVE", *b"CZK", *b"DJF", *b"DKK", *b"DOP", *b"DZD", *b"EGP", *b"ERN", *b"ETB",
    *b"EUR", *b"FJD", *b"FKP", *b"GBP", *b"GEL", *b"GHS", *b"GIP", *b"GMD", *b"GNF", *b"GTQ", *b"GYD", *b"HKD",
    *b"HNL", *b"HRK", *b"HTG", *b"HUF", *b"IDR", *b"ILS", *b"INR", *b"IQD", *b"IRR", *b"ISK", *b"JMD", *b"JOD",
    *b"JPY", *b"KES", *b"KGS", *b"KHR", *b"KMF", *b"KPW", *b"KRW", *b"KWD", *b"KYD", *b"KZT", *b"LAK", *b"LBP",
    *b"LKR", *b"LRD", *b"LSL", *b"LYD", *b"MAD", *b"MDL", *b"MGA", *b"MKD", *b"MMK", *b"MNT", *b"MOP", *b"MRU",
    *b"MUR", *b"MVR", *b"MWK", *b"MXN", *b"MXV", *b"MYR", *b"MZN", *b"NAD", *b"NGN", *b"NIO", *b"NOK", *b"NPR",
    *b"NZD", *b"OMR", *b"PAB", *b"PEN", *b"PGK", *b"PHP", *b"PKR", *b"PLN", *b"PYG", *b"QAR", *b"RON", *b"RSD",
    *b"RUB", *b"RWF", *b"SAR", *b"SBD", *b"SCR", *b"SDG", *b"SEK", *b"SGD", *b"SHP", *b"SLE", *b"SLL", *b"SOS",
    *b"SRD", *b"SSP", *b"STN", *b"SVC", *b"SYP", *b"SZL", *b"THB", *b"TJS", *b"TMT", *b"TND", *b"TOP", *b"TRY",
    *b"TTD", *b"TWD", *b"TZS", *b"UAH", *b"UGX", *b"USD", *b"USN", *b"UYI", *b"UYU", *b"UYW", *b"UZS", *b"VED",
    *b"VES", *b"VND", *b"VUV", *b"WST", *b"XAD", *b"XAF", *b"XAG", *b"XAU", *b"XBA", *b"XBB", *b"XBC", *b"XBD",
    *b"XCD", *b"XCG", *b"XDR", *b"XOF", *b"XPD", *b"XPF", *b"XPT", *b"XSU", *b"XUA", *b"YER", *b"ZAR", *b"ZMW",
    *b"ZWG", *b"ZWL",
];

/// Reads an ISO 4217 code; a blank cell has none.
///
/// Source: Conversions API, custom data parameters: "Currency must be a valid ISO 4217 three-digit currency code."
pub fn currency(raw: &str) -> Result<Option<[u8; 3]>, Reason> {
    let text = trim(raw);
    if text.is_empty() {
        return Ok(None);
    }
    let code =
        <[u8; 3]>::try_from(text.as_bytes()).map_err(|_| Reason::InvalidCurrency)?.map(|b| b.to_ascii_uppercase());
    if CODES.binary_search_by_key(&number(code), |known| number(*known)).is_ok() {
        Ok(Some(code))
    } else {
        Err(Reason::InvalidCurrency)
    }
}

/// Gives a code as a number that is ordered like it: numbers are compared faster than letters.
const fn number([first, second, third]: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, first, second, third])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_are_iso_codes_in_upper_case() {
        let check = |input: &str, expected: Result<Option<&[u8; 3]>, Reason>| {
            assert_eq!(currency(input), expected.map(Option::<&[u8; 3]>::copied), "{input:?}");
        };
        check("USD", Ok(Some(b"USD")));
        check(" eur ", Ok(Some(b"EUR")));
        check("\u{FEFF}Jpy\u{A0}", Ok(Some(b"JPY")));
        check("XCG", Ok(Some(b"XCG")));
        check("ZWG", Ok(Some(b"ZWG")));
        check("AED", Ok(Some(b"AED")));
        check("ZWL", Ok(Some(b"ZWL")));
        check("", Ok(None));
        check(" \t", Ok(None));
        check("XYZ", Err(Reason::InvalidCurrency));
        check("XXX", Err(Reason::InvalidCurrency));
        check("BTC", Err(Reason::InvalidCurrency));
        check("US$", Err(Reason::InvalidCurrency));
        check("$", Err(Reason::InvalidCurrency));
        check("€", Err(Reason::InvalidCurrency));
        check("euro", Err(Reason::InvalidCurrency));
        check("840", Err(Reason::InvalidCurrency));
    }

    #[test]
    fn the_codes_are_in_order() {
        assert!(CODES.is_sorted_by(|one, next| one < next));
    }
}
