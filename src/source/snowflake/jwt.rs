//! Signs the short-lived token with which a key pair logs in.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo, SecretDocument};
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;

use super::fault::Fault;
use crate::private::Secret;

/// How to make a key that can be used.
/// Source: Snowflake, "Key-pair authentication and key-pair rotation", "Generate the private key".
const NEW_KEY: &str = "make one: openssl genrsa 2048 | openssl pkcs8 -topk8 -nocrypt -out rsa_key.p8";

/// How long a token is valid; Snowflake allows an hour at most.
/// Source: SQL API, "Authenticating to the server", "Using key-pair authentication".
const VALID_SECONDS: i64 = 600;

/// Makes the token of a user of an account, valid from now on.
///
/// The key is PKCS#8 in PEM, encrypted or not, or the bare base64 of one.
pub(super) fn sign(
    key: &Secret,
    passphrase: Option<&Secret>,
    account: &str,
    user: &str,
    now: DateTime<Utc>,
) -> Result<Secret, Fault> {
    let pair = read_key(key, passphrase)?;
    let subject = format!("{}.{}", account.to_uppercase(), user.to_uppercase());
    let issuer = format!("{subject}.{}", fingerprint(&pair));
    let since = now.timestamp();
    let header = json!({ "alg": "RS256", "typ": "JWT" });
    let claims = json!({
        "iss": issuer, "sub": subject, "iat": since, "exp": since.saturating_add(VALID_SECONDS),
    });
    let mut token =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
        .map_err(|_| Fault::unusable("the private key cannot sign", NEW_KEY))?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(Secret::new(token))
}

/// Gives the fingerprint of the public key as Snowflake shows it in `RSA_PUBLIC_KEY_FP`.
/// Source: Snowflake, "Key-pair authentication and key-pair rotation", "Verify the user's public key fingerprint".
fn fingerprint(pair: &RsaKeyPair) -> String {
    let key = subject_public_key_info(pair.public_key().as_ref());
    format!("SHA256:{}", STANDARD.encode(digest::digest(&digest::SHA256, &key)))
}

/// Wraps a PKCS#1 public key as the `SubjectPublicKeyInfo` over which the fingerprint is made.
/// Source: RFC 5280, section 4.1, and RFC 8017, appendix A.1.
fn subject_public_key_info(public_key: &[u8]) -> Vec<u8> {
    /// `SEQUENCE { OBJECT IDENTIFIER rsaEncryption, NULL }`.
    const RSA_ENCRYPTION: [u8; 15] =
        [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let mut bits = vec![0];
    bits.extend_from_slice(public_key);
    let mut body = RSA_ENCRYPTION.to_vec();
    body.extend(der(0x03, &bits));
    der(0x30, &body)
}

/// Writes a DER element.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut element = vec![tag];
    match (significant.as_slice(), u8::try_from(significant.len())) {
        ([], _) => element.push(0),
        ([short @ 0..=0x7f], _) => element.push(*short),
        (long, count) => {
            element.push(0x80 | count.unwrap_or(0x7f));
            element.extend_from_slice(long);
        }
    }
    element.extend_from_slice(content);
    element
}

/// Reads a private key.
fn read_key(key: &Secret, passphrase: Option<&Secret>) -> Result<RsaKeyPair, Fault> {
    let text = key.expose().trim();
    if text.contains("-----BEGIN RSA PRIVATE KEY-----") {
        return Err(Fault::unusable(
            "the private key is in the old PKCS#1 form",
            "convert it: openssl pkcs8 -topk8 -nocrypt -in old.pem -out rsa_key.p8",
        ));
    }
    let document = if text.starts_with("-----BEGIN") {
        let unreadable = || Fault::unusable("the private key is not a PKCS#8 key in PEM form", NEW_KEY);
        let (label, document) = SecretDocument::from_pem(text).map_err(|_| unreadable())?;
        match label {
            "PRIVATE KEY" => document,
            "ENCRYPTED PRIVATE KEY" => decrypt(&document, passphrase)?,
            _ => return Err(unreadable()),
        }
    } else {
        let joined: zeroize::Zeroizing<String> = text.split_whitespace().collect::<String>().into();
        let unreadable = || Fault::unusable("the private key is neither PEM nor base64", NEW_KEY);
        let bytes = zeroize::Zeroizing::new(STANDARD.decode(joined.as_bytes()).map_err(|_| unreadable())?);
        let document = SecretDocument::try_from(bytes.as_slice()).map_err(|_| unreadable())?;
        if PrivateKeyInfo::try_from(document.as_bytes()).is_ok() { document } else { decrypt(&document, passphrase)? }
    };
    RsaKeyPair::from_pkcs8(document.as_bytes())
        .map_err(|_| Fault::unusable("the private key is not an RSA key of at least 2048 bits", NEW_KEY))
}

fn decrypt(document: &SecretDocument, passphrase: Option<&Secret>) -> Result<SecretDocument, Fault> {
    let info = EncryptedPrivateKeyInfo::try_from(document.as_bytes())
        .map_err(|_| Fault::unusable("the private key is not a PKCS#8 key", NEW_KEY))?;
    let passphrase =
        passphrase.ok_or_else(|| Fault::unusable("the private key is encrypted", "give `private_key_passphrase`"))?;
    info.decrypt(passphrase.expose()).map_err(|_| {
        Fault::unusable(
            "the private key cannot be decrypted",
            "check the passphrase, or encrypt the key anew with `openssl pkcs8 -topk8 -v2 aes-256-cbc`",
        )
    })
}

#[cfg(test)]
mod tests {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::Value;

    use super::*;

    const PLAIN: &str = include_str!("../../../tests/data/snowflake/plain.p8");
    const AES: &str = include_str!("../../../tests/data/snowflake/encrypted.p8");
    // Snowflake's own instructions encrypt with 3DES.
    const DES3: &str = include_str!("../../../tests/data/snowflake/des3.p8");
    const PKCS1: &str = include_str!("../../../tests/data/snowflake/pkcs1.pem");
    const PUBLIC: &str = include_str!("../../../tests/data/snowflake/public.pem");
    const PASSPHRASE: &str = "correct-horse";

    fn bare(pem: &str) -> String {
        pem.lines().filter(|line| !line.starts_with("-----")).collect()
    }

    fn try_sign(key: &str, passphrase: Option<&str>) -> Result<Secret, Fault> {
        let passphrase = passphrase.map(|text| Secret::new(text.into()));
        let now = "2026-11-23T15:00:00Z".parse().unwrap();
        sign(&Secret::new(key.into()), passphrase.as_ref(), "myorg-acct", "Fbcapi_Svc", now)
    }

    #[test]
    fn a_token_says_who_and_until_when_and_its_signature_holds() {
        let token = try_sign(PLAIN, None).unwrap();
        let (signed, signature) = token.expose().rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let read = |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
        assert_eq!(read(header), json!({ "alg": "RS256", "typ": "JWT" }));
        // The fingerprint is what `openssl rsa -pubout -outform DER | openssl dgst -sha256 -binary | base64` says.
        let subject = "MYORG-ACCT.FBCAPI_SVC";
        let issuer = format!("{subject}.SHA256:vPlh06jvDEzRjXfV69DRr+Cb96v81MKXN4BaEE6qS4Y=");
        let expected = json!({ "iss": issuer, "sub": subject, "iat": 1_795_446_000, "exp": 1_795_446_600 });
        assert_eq!(read(claims), expected);

        // The public key follows the 24 bytes that say that it is one of RSA.
        let public = STANDARD.decode(bare(PUBLIC)).unwrap();
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public[24..]);
        key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    }

    #[test]
    fn a_key_is_read_in_every_form_that_snowflake_takes() {
        let expected = try_sign(PLAIN, None).unwrap();
        for (key, passphrase) in [
            (bare(PLAIN), None),
            (format!("\n  {PLAIN}\n"), Some(PASSPHRASE)),
            (AES.to_owned(), Some(PASSPHRASE)),
            (bare(AES), Some(PASSPHRASE)),
            (DES3.to_owned(), Some(PASSPHRASE)),
        ] {
            // RS256 has no randomness, so equal keys give equal tokens.
            assert_eq!(try_sign(&key, passphrase).unwrap().expose(), expected.expose());
        }
    }

    #[test]
    fn an_unusable_key_is_explained_and_never_quoted() {
        for (key, passphrase, expected) in [
            (PKCS1, None, "PKCS#1 form; convert it: openssl pkcs8 -topk8 -nocrypt"),
            (AES, None, "is encrypted; give `private_key_passphrase`"),
            (AES, Some("wrong"), "cannot be decrypted"),
            (PUBLIC, None, "not a PKCS#8 key in PEM form"),
            ("-----BEGIN PRIVATE KEY-----\nrubbish", None, "not a PKCS#8 key in PEM form"),
            ("hunter2", None, "neither PEM nor base64"),
            ("", None, "neither PEM nor base64"),
        ] {
            let Err(Fault::Unusable { what, remedy }) = try_sign(key, passphrase) else { panic!("{expected}") };
            let said = format!("{what}; {remedy}");
            assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn lengths_are_those_of_der() {
        for (length, expected) in [
            (0, &[0x30, 0][..]),
            (127, &[0x30, 127]),
            (128, &[0x30, 0x81, 128]),
            (255, &[0x30, 0x81, 255]),
            (256, &[0x30, 0x82, 1, 0]),
        ] {
            assert!(der(0x30, &vec![7; length]).starts_with(expected), "{length}");
        }
    }
}
