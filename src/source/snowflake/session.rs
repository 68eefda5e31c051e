//! One session: login, statements, the end. The only user of the `snowflake-api` crate.

use std::sync::Arc;

use snowflake_api::{AuthArgs, AuthType, PasswordArgs, SnowflakeApi, SnowflakeApiBuilder};

use super::answer::Manifest;
use super::fault::{Fault, Step};
use super::transport::Transport;
use super::wire::Wire;
use super::{SnowflakeSettings, Surroundings};

/// A session, opened by its first statement.
pub(super) struct Session {
    api: SnowflakeApi,
    transport: Transport,
}

impl Session {
    pub(super) fn new(settings: &Arc<SnowflakeSettings>, surroundings: Surroundings) -> Result<Self, Fault> {
        let wire = Wire::new(surroundings, settings.connection.is_loopback())?;
        let transport = Transport::new(settings.connection.clone(), settings.query_timeout, wire);
        Ok(Self { api: api(&transport)?, transport })
    }

    /// Runs a statement and gives the head of its result.
    ///
    /// Where the session was lost, a new one is opened and the statement run again, once: it only reads.
    pub(super) async fn run(&mut self, sql: &str) -> Result<Manifest, Fault> {
        match self.run_once(sql).await {
            Err(fault) if fault.is_session_lost() => {
                tracing::debug!("the session is lost; logging in again");
                self.api = api(&self.transport)?;
                self.run_once(sql).await
            }
            result => result,
        }
    }

    async fn run_once(&self, sql: &str) -> Result<Manifest, Fault> {
        self.transport.left(|left| {
            left.manifest = None;
            left.fault = None;
        });
        let result = self.api.exec_raw(sql).await.map(drop);
        let (manifest, fault) = self.transport.left(|left| (left.manifest.take(), left.fault.take()));
        match (result, manifest, fault) {
            (_, _, Some(fault)) => Err(fault),
            (Ok(()), Some(manifest), None) => Ok(manifest),
            (Ok(()), None, None) | (Err(_), _, None) => {
                Err(Fault::Unreadable(Step::Statement, "the session's state is not as expected".into()))
            }
        }
    }

    /// Gives the role in effect.
    pub(super) fn role(&self) -> Option<String> {
        self.transport.left(|left| left.role.clone())
    }

    /// Gives the wire, for fetching the parts of a result.
    pub(super) fn wire(&self) -> &Wire {
        self.transport.wire()
    }

    /// Ends the running statement, if there is one, and the session. Never takes longer than patience allows.
    pub(super) async fn close(mut self) {
        let patience = self.transport.wire().surroundings().patience.farewell;
        let end = async {
            self.transport.abort().await;
            self.api.close_session().await
        };
        if !matches!(tokio::time::timeout(patience, end).await, Ok(Ok(()))) {
            tracing::debug!("the session could not be closed and is left to time out");
        }
    }
}

/// Makes the crate's client. What it is told about account and login is replaced by the transport.
fn api(transport: &Transport) -> Result<SnowflakeApi, Fault> {
    let client = reqwest_middleware::ClientBuilder::new(transport.wire().client()).with(transport.clone()).build();
    let auth = AuthArgs {
        account_identifier: "account".into(),
        warehouse: None,
        database: None,
        schema: None,
        username: String::new(),
        role: None,
        auth_type: AuthType::Password(PasswordArgs { password: String::new() }),
    };
    let api = SnowflakeApiBuilder::new(auth).with_client(client).build();
    api.map_err(|_| Fault::Unreadable(Step::Login, "the client could not be made".into()))
}
