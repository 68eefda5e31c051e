//! The one place that speaks to the Graph API: it posts events, and looks at the dataset without sending any.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Url};
use ring::hmac;

use crate::crash;
use crate::meta::answer::{Delivery, MOST_BODY_BYTES, Reply};
use crate::private::Secret;

/// Meta answers most requests within 600 ms; a timeout leaves the outcome unknown, so it is generous.
/// Source: Conversions API, troubleshooting; Meta's own PHP client waits as long for a batch.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// What is asked of a dataset. Source: Marketing API, Ads Pixel, fields.
const DATASET_FIELDS: &str = "id,name";

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where events go.
#[derive(Debug, Clone)]
pub struct GraphSettings {
    /// The dataset (pixel): digits.
    pub dataset_id: String,
    /// Scheme and host; https, or http on this machine.
    pub api_base: Url,
    /// As `v26.0`.
    pub api_version: String,
    /// The platform that sends, if it is to be told.
    pub partner_agent: Option<String>,
}

/// Posts batches to the events edge of one dataset.
#[derive(Clone)]
pub struct Graph {
    client: Client,
    url: Url,
    /// Where the dataset itself is; its query holds the proof of the app's secret.
    dataset: Url,
    authorization: HeaderValue,
    /// What stands behind the `data` array in each request.
    tail: Bytes,
    /// Plays Meta in a simulation.
    #[cfg(test)]
    played: Option<Played>,
}

/// Answers a body as a simulation wants it.
#[cfg(test)]
type Played = std::sync::Arc<dyn Fn(Bytes) -> PlayedReply + Send + Sync>;

/// An answer of a simulation, some time later.
#[cfg(test)]
type PlayedReply = std::pin::Pin<Box<dyn Future<Output = Result<Reply, Delivery>> + Send>>;

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The tail holds the proof of the app's secret.
        f.debug_struct("Graph").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// Why no connection to the Graph API can be set up.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The token holds characters that no token has.
    #[error("the access token holds characters that cannot be sent")]
    Token,
    /// The address cannot be made of its parts.
    #[error("[meta] api_base cannot be used as an address")]
    Address,
    /// The TLS library cannot start.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

impl Graph {
    /// Sets up the connection; nothing is sent yet.
    pub fn new(
        settings: &GraphSettings,
        token: &Secret,
        app_secret: Option<&Secret>,
        test_event_code: Option<&str>,
    ) -> Result<Self, GraphError> {
        let GraphSettings { dataset_id, api_base, api_version, partner_agent } = settings;
        let mut dataset = api_base.clone();
        let path = [api_version.as_str(), dataset_id.as_str()];
        dataset.path_segments_mut().map_err(|()| GraphError::Address)?.pop_if_empty().extend(path);
        let mut url = dataset.clone();
        url.path_segments_mut().map_err(|()| GraphError::Address)?.push("events");
        let proof = app_secret.map(|app_secret| appsecret_proof(app_secret, token));
        // Source: Graph API, securing requests: of a GET the proof is a parameter.
        let parameters = [("fields", Some(DATASET_FIELDS)), ("appsecret_proof", proof.as_deref())];
        let parameters = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
        dataset.query_pairs_mut().extend_pairs(parameters);
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| GraphError::Token)?;
        authorization.set_sensitive(true);
        let mut client = Client::builder();
        if api_base.scheme() == "http" {
            // It is this machine, which no proxy for the internet can reach, nor is to see the token.
            client = client.no_proxy();
        }
        let client = client
            .user_agent(concat!("fbcapi/", env!("CARGO_PKG_VERSION")))
            .https_only(api_base.scheme() == "https")
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(GraphError::Client)?;
        let mut tail = serde_json::Map::new();
        let mut add = |key: &str, value: Option<String>| value.map(|value| tail.insert(key.to_owned(), value.into()));
        add("partner_agent", partner_agent.clone());
        add("test_event_code", test_event_code.map(str::to_owned));
        add("appsecret_proof", proof);
        let tail = serde_json::to_string(&tail).unwrap_or_default();
        // `{}` becomes `}` and `{"a":1}` becomes `,"a":1}`, to stand behind the array.
        let rest = tail.strip_prefix('{').unwrap_or("}");
        let tail = if rest == "}" { rest.to_owned() } else { format!(",{rest}") };
        Ok(Self {
            client,
            url,
            dataset,
            authorization,
            tail: tail.into(),
            #[cfg(test)]
            played: None,
        })
    }

    /// The same with someone in Meta's place.
    #[cfg(test)]
    pub(crate) fn played_by(&self, play: impl Fn(Bytes) -> PlayedReply + Send + Sync + 'static) -> Self {
        Self { played: Some(std::sync::Arc::new(play)), ..self.clone() }
    }

    /// Makes the body of a request of events that are joined by commas.
    pub fn body(&self, events: &[u8]) -> Bytes {
        const HEAD: &[u8] = b"{\"data\":[";
        let mut body = Vec::with_capacity(HEAD.len() + events.len() + 1 + self.tail.len());
        body.extend_from_slice(HEAD);
        body.extend_from_slice(events);
        body.push(b']');
        body.extend_from_slice(&self.tail);
        body.into()
    }

    /// Posts a body once. An error says whether it may have arrived.
    pub async fn post(&self, body: Bytes) -> Result<Reply, Delivery> {
        #[cfg(test)]
        if let Some(play) = &self.played {
            return play(body).await;
        }
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body);
        let reply = self.send(request).await?;
        crash::point("after_answer");
        Ok(reply)
    }

    /// Asks for the dataset's id and name, which shows whether the token works without sending an event.
    pub async fn look(&self) -> Result<Reply, Delivery> {
        self.send(self.client.get(self.dataset.clone())).await
    }

    /// Sends a request once and reads its answer.
    async fn send(&self, request: RequestBuilder) -> Result<Reply, Delivery> {
        let request = request.header(AUTHORIZATION, self.authorization.clone());
        // Without a connection nothing left; after that nobody can tell.
        let arrival = |error: reqwest::Error| if error.is_connect() { Delivery::Excluded } else { Delivery::Possible };
        let mut response = request.send().await.map_err(arrival)?;
        let header = |headers: &HeaderMap, name: &str| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let headers = response.headers();
        let mut reply = Reply {
            status: response.status().as_u16(),
            date: header(headers, DATE.as_str()),
            retry_after: header(headers, RETRY_AFTER.as_str()),
            usage: header(headers, "x-business-use-case-usage"),
            app_usage: header(headers, "x-app-usage"),
            account_usage: header(headers, "x-ad-account-usage"),
            version_warning: headers.contains_key("x-ad-api-version-warning"),
            body: Vec::new(),
        };
        while let Some(chunk) = response.chunk().await.map_err(|_| Delivery::Possible)? {
            if reply.body.len() + chunk.len() > MOST_BODY_BYTES {
                // Half of it could say something else than the whole.
                reply.body.clear();
                break;
            }
            reply.body.extend_from_slice(&chunk);
        }
        Ok(reply)
    }
}

/// The proof that the sender knows the app's secret. Source: Graph API, secure requests.
fn appsecret_proof(app_secret: &Secret, token: &Secret) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, app_secret.expose().as_bytes());
    hex::encode(hmac::sign(&key, token.expose().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(partner_agent: Option<&str>, test_event_code: Option<&str>) -> Graph {
        let settings = GraphSettings {
            dataset_id: "123".into(),
            api_base: "https://graph.example.com/".parse().unwrap(),
            api_version: "v26.0".into(),
            partner_agent: partner_agent.map(str::to_owned),
        };
        let secret = Secret::new("secret-1".into());
        let secret = (partner_agent == Some("with secret")).then_some(&secret);
        Graph::new(&settings, &Secret::new("token-1".into()), secret, test_event_code).unwrap()
    }

    #[test]
    fn the_body_around_the_events() {
        let check = |graph: &Graph, expected: &str| assert_eq!(graph.body(b"{},{}"), expected.as_bytes());
        check(&graph(None, None), r#"{"data":[{},{}]}"#);
        check(&graph(Some("acme"), None), r#"{"data":[{},{}],"partner_agent":"acme"}"#);
        check(&graph(None, Some("TEST1")), r#"{"data":[{},{}],"test_event_code":"TEST1"}"#);
        assert_eq!(graph(None, None).url.as_str(), "https://graph.example.com/v26.0/123/events");
        let dataset = graph(None, Some("TEST1")).dataset;
        assert_eq!(dataset.as_str(), "https://graph.example.com/v26.0/123?fields=id%2Cname");
    }

    #[test]
    fn nothing_shows_the_token() {
        let graph = graph(Some("with secret"), None);
        assert!(graph.body(b"").ends_with(b"\"}") && !format!("{graph:?}").contains("proof"));
        assert!(graph.dataset.as_str().contains("&appsecret_proof=") && !graph.dataset.as_str().contains("token-1"));
        assert!(!format!("{graph:?}").contains("token-1"));
    }

    #[test]
    fn the_proof_is_an_hmac_of_the_token() {
        // RFC 4231, test case 2.
        let proof = appsecret_proof(&Secret::new("Jefe".into()), &Secret::new("what do ya want for nothing?".into()));
        assert_eq!(proof, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
