//! The way to Meta with its token, which is read once more when Meta refuses it.

use tokio::sync::OnceCell;

use crate::config::{Config, Renewable};
use crate::deliver::http::{Graph, GraphSettings};
use crate::private::Secret;

/// The way to Meta.
pub(in crate::sync) struct Access {
    graph: Graph,
    /// With the token that was read again, if it is another one.
    renewed: OnceCell<Option<Graph>>,
    token: Option<Secret>,
    token_again: Option<Renewable>,
    settings: GraphSettings,
    app_secret: Option<Secret>,
    test_event_code: Option<String>,
}

impl Access {
    /// Begins with a connection, and keeps what another token needs.
    pub(in crate::sync) fn new(graph: Graph, config: &Config, test_event_code: Option<&str>) -> Self {
        Self {
            graph,
            renewed: OnceCell::new(),
            token: config.access_token.clone(),
            token_again: config.token_again.clone(),
            settings: config.graph.clone(),
            app_secret: config.app_secret.clone(),
            test_event_code: test_event_code.map(str::to_owned),
        }
    }

    /// The connection to use now, and whether its token was read again.
    pub(super) fn current(&self) -> (&Graph, bool) {
        match self.renewed.get() {
            Some(Some(graph)) => (graph, true),
            Some(None) | None => (&self.graph, false),
        }
    }

    /// Reads the token again, once in a run however many ask; tells whether there is another one now.
    pub(super) async fn renew(&self) -> bool {
        self.renewed.get_or_init(|| self.read_again()).await.is_some()
    }

    async fn read_again(&self) -> Option<Graph> {
        let token_again = self.token_again.clone()?;
        // A command that asks a vault takes its time.
        let token = tokio::task::spawn_blocking(move || token_again.read()).await.ok()??;
        if self.token.as_ref().is_some_and(|old| old.expose() == token.expose()) {
            return None;
        }
        Graph::new(&self.settings, &token, self.app_secret.as_ref(), self.test_event_code.as_deref()).ok()
    }
}
