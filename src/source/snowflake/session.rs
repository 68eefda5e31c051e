//! One session: login, statements, the end. The only user of the `snowflake-api` crate.

use std::sync::Arc;

use snowflake_api::{AuthArgs, AuthType, PasswordArgs, SnowflakeApi, SnowflakeApiBuilder};

use super::answer::{Manifest, affected_rows};
use super::fault::{Fault, Step};
use super::statement::Standing;
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

    /// Runs a statement that only reads, and gives the head of its result.
    ///
    /// Where the session was lost, a new one is opened and the statement run again, once. A statement that fails and
    /// may still be running is ended.
    pub(super) async fn run(&mut self, sql: &str) -> Result<Manifest, Fault> {
        self.transport.left(|left| left.standing = Standing::WithoutEffect);
        let mut result = self.run_once(sql).await;
        if result.as_ref().is_err_and(Fault::is_session_lost) {
            self.log_in_anew()?;
            result = self.run_once(sql).await;
        }
        self.ended(result).await
    }

    /// Runs a statement that writes, at most once, and gives the number of rows that it inserted, updated and deleted.
    ///
    /// Requests are repeated with the same id and as repetitions, which Snowflake does not run twice. Where the session
    /// was lost before the statement began, a new one is opened and the statement handed in anew, once; where it was
    /// lost while the statement ran, its result is asked for in the new session.
    ///
    /// Any error but [`Fault::InDoubt`] means that nothing was written. That one means that nobody knows: the caller
    /// looks at what it would have written before it does anything else. Nothing changes any more by then, as far as
    /// Snowflake could be asked to end the statement.
    pub(super) async fn write(&mut self, sql: &str) -> Result<u64, Fault> {
        self.transport.left(|left| left.standing = Standing::WithoutEffect);
        let mut result = self.run_once(sql).await;
        if result.as_ref().is_err_and(Fault::is_session_lost) {
            match self.transport.left(|left| left.standing.clone()) {
                Standing::WithoutEffect => {
                    self.log_in_anew()?;
                    result = self.run_once(sql).await;
                }
                Standing::Accepted(path) => {
                    self.log_in_anew().map_err(in_doubt)?;
                    result = self.result_at(path).await;
                }
                Standing::InDoubt | Standing::Done => {}
            }
        }
        let result = self.ended(result).await;
        let standing = self.transport.left(|left| left.standing.clone());
        match result.and_then(|manifest| affected_rows(&manifest)) {
            Ok(rows) => Ok(rows),
            Err(fault) if standing == Standing::WithoutEffect => Err(fault),
            Err(fault) => Err(in_doubt(fault)),
        }
    }

    /// Asks again for the result of a query, whose parts then have fresh addresses; nothing is run again.
    ///
    /// Source: Go driver, `monitoring.go`, `rowsForRunningQuery`, which reads the result of any earlier query so.
    pub(super) async fn result_of(&mut self, query_id: &str) -> Result<Manifest, Fault> {
        let path = format!("/queries/{query_id}/result");
        let result = self.result_at(path.clone()).await;
        if !result.as_ref().is_err_and(Fault::is_session_lost) {
            return result;
        }
        self.log_in_anew()?;
        self.result_at(path).await
    }

    /// Opens a new session with the next request.
    fn log_in_anew(&mut self) -> Result<(), Fault> {
        tracing::debug!("the session is lost; logging in again");
        self.api = api(&self.transport)?;
        Ok(())
    }

    /// Asks for the result that stands at a path; the statement of that result is not run again.
    async fn result_at(&mut self, path: String) -> Result<Manifest, Fault> {
        self.transport.left(|left| left.wanted = Some(path));
        // The transport takes this statement for the question; its text never leaves this program.
        let result = self.run_once("SELECT 1").await;
        // It would otherwise outlive a login that failed.
        self.transport.left(|left| left.wanted = None);
        result
    }

    async fn run_once(&mut self, sql: &str) -> Result<Manifest, Fault> {
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

    /// Ends the statement of a result that failed, if it still runs.
    async fn ended<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        if result.is_err() {
            self.transport.abort().await;
        }
        result
    }

    /// Gives the role in effect.
    pub(super) fn role(&self) -> Option<String> {
        self.transport.left(|left| left.role.clone())
    }

    /// Gives the wire, for fetching the parts of a result.
    pub(super) fn wire(&self) -> &Wire {
        self.transport.wire()
    }

    /// Ends the running statement, if there is one. Never takes longer than patience allows.
    pub(super) async fn abort(&mut self) {
        let patience = self.transport.wire().surroundings().patience.farewell;
        drop(tokio::time::timeout(patience, self.transport.abort()).await);
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

fn in_doubt(fault: Fault) -> Fault {
    match fault {
        Fault::InDoubt(_) => fault,
        fault => Fault::InDoubt(Box::new(fault)),
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

#[cfg(test)]
mod tests;
