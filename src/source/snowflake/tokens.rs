//! The tokens of a session. They stay on this side of the crate, whose log would show them.

use http::HeaderValue;
use serde::Deserialize;
use serde_json::json;

use super::fault::{Fault, Step};
use crate::private::Secret;

/// What a session is asked things with.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    session: Secret,
    master: Option<Secret>,
}

/// The data of a login, of which every field but the first may be missing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoginData {
    token: String,
    master_token: Option<String>,
    #[serde(default)]
    session_info: Option<SessionInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionInfo {
    role_name: Option<String>,
}

/// The data of a renewal.
/// Source: Go driver, `restful.go`, `renewSessionResponse`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RenewalData {
    session_token: String,
    master_token: Option<String>,
}

impl Tokens {
    /// Reads the data of a login, and the role in effect, which a session can be without.
    pub(super) fn of_login(data: &str) -> Result<(Self, Option<String>), Fault> {
        let data: LoginData =
            serde_json::from_str(data).map_err(|_| Fault::Unreadable(Step::Login, "it holds no session".into()))?;
        let role = data.session_info.and_then(|info| info.role_name);
        Ok((Self { session: Secret::new(data.token), master: data.master_token.map(Secret::new) }, role))
    }

    /// Reads the data of a renewal.
    pub(super) fn renewed(self, data: &str) -> Result<Self, Fault> {
        let data: RenewalData =
            serde_json::from_str(data).map_err(|_| Fault::Unreadable(Step::Renewal, "it holds no session".into()))?;
        Ok(Self {
            session: Secret::new(data.session_token),
            master: data.master_token.map(Secret::new).or(self.master),
        })
    }

    /// What a request of the session carries.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        authorization(&self.session)
    }

    /// What a request for a new token carries, and its body; `None` for a session that cannot be renewed.
    /// Source: Go driver, `restful.go`, `renewRestfulSession`.
    pub(super) fn renewal(&self) -> Option<(HeaderValue, String)> {
        let header = authorization(self.master.as_ref()?)?;
        let body = json!({ "oldSessionToken": self.session.expose(), "requestType": "RENEW" });
        Some((header, body.to_string()))
    }
}

fn authorization(token: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Snowflake Token=\"{}\"", token.expose())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_without_role_or_master_token_is_a_login() {
        for (data, role, is_renewable) in [
            (r#"{"token":"t","sessionInfo":{"roleName":null}}"#, None, false),
            (r#"{"token":"t","masterToken":"m"}"#, None, true),
            (r#"{"token":"t","masterToken":null,"sessionInfo":{"roleName":"R"},"parameters":[1]}"#, Some("R"), false),
        ] {
            let (tokens, found) = Tokens::of_login(data).unwrap();
            assert_eq!((found.as_deref(), tokens.renewal().is_some()), (role, is_renewable), "{data}");
            assert_eq!(tokens.authorization().unwrap(), "Snowflake Token=\"t\"");
        }
        for data in ["null", r#"{"token":null}"#, "{}"] {
            assert!(Tokens::of_login(data).is_err(), "{data}");
        }
    }

    #[test]
    fn a_renewal_keeps_the_master_token_unless_there_is_a_new_one() {
        for (data, session, master) in [
            (r#"{"sessionToken":"t2"}"#, "t2", "m"),
            (r#"{"sessionToken":"t2","masterToken":"m2","sessionId":1}"#, "t2", "m2"),
        ] {
            let (tokens, _) = Tokens::of_login(r#"{"token":"t","masterToken":"m"}"#).unwrap();
            let (header, body) = tokens.renewal().unwrap();
            assert_eq!(
                (header.to_str().unwrap(), body.contains(r#""oldSessionToken":"t""#)),
                ("Snowflake Token=\"m\"", true)
            );
            let tokens = tokens.renewed(data).unwrap();
            assert_eq!(tokens.authorization().unwrap(), format!("Snowflake Token=\"{session}\""));
            assert_eq!(tokens.renewal().unwrap().0, format!("Snowflake Token=\"{master}\""));
        }
        let (tokens, _) = Tokens::of_login(r#"{"token":"t","masterToken":"m"}"#).unwrap();
        assert!(!format!("{tokens:?} {:?}", tokens.authorization()).contains('t'.to_string().repeat(2).as_str()));
        assert!(tokens.renewed("null").is_err());
    }
}
