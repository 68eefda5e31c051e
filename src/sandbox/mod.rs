//! A Graph API on loopback: it accepts what Meta's SDKs send and refuses what Meta refuses, in Meta's words.
//!
//! A request is kept whole or not at all, and it is kept before it is answered. What Meta does not document is
//! lenient only where a live call showed that Meta is.

mod form;
mod event;
mod user_data;
mod call;
mod target;
mod dataset;
mod place;
mod check;
mod language;
mod event_fault;
mod refusal;
mod store;
mod fault;
mod rules;
mod quota;
mod wire;
mod answer;
mod play;
mod admin;
mod server;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::private::Secret;

pub use check::{BareValue, Strictness};
pub use fault::{FaultRule, NoFaultRule, Taking};
pub use language::Language;
pub use place::Website;
pub use quota::{NoQuota, Quota};
pub use refusal::{Blame, Limit};
pub use store::{Repeated, Stats};

/// How long a sandbox that stops waits for requests in flight.
const FAREWELL: Duration = Duration::from_secs(2);

/// What kind of Graph API to play.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// A file that gets one line of JSON for each accepted event: `{"dataset_id","received_at","event"}`.
    ///
    /// What it holds already stays. A batch stands in it before it is answered.
    pub record: Option<PathBuf>,
    /// The one good token; without it any token is good.
    pub token: Option<Secret>,
    /// The app's secret; with it every call must carry `appsecret_proof`.
    pub app_secret: Option<Secret>,
    /// The one dataset that exists; without it every number is a dataset.
    pub dataset_id: Option<String>,
    /// How far an event may lie in the future. Meta documents no bound.
    pub future_tolerance: Duration,
    /// How strictly events are judged where Meta's ways are not known.
    pub strictness: Strictness,
    /// How many calls there may be; without it there is no limit and no header about it.
    pub quota: Option<Quota>,
    /// What goes wrong; the first rule that a request meets decides.
    pub faults: Vec<FaultRule>,
    /// The seed of the shares in fault rules.
    pub seed: u64,
    /// How long an answer takes. The events are kept before the wait.
    pub latency: Option<Duration>,
    /// The language of error titles and texts.
    pub language: Language,
    /// Whether errors name the event.
    pub blame: Blame,
    /// The time by which events are judged.
    pub clock: Clock,
}

/// Where the sandbox takes the time from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

/// A running sandbox. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<server::Shared>,
    farewell: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

/// Why a sandbox could not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The port is taken or not allowed.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The record file cannot be opened.
    #[error("cannot open the record file {}", path.display())]
    Record {
        /// The file that was asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            port: 0,
            record: None,
            token: None,
            app_secret: None,
            dataset_id: None,
            future_tolerance: Duration::from_secs(60),
            strictness: Strictness::default(),
            quota: None,
            faults: Vec::new(),
            seed: 1,
            latency: None,
            language: Language::default(),
            blame: Blame::default(),
            clock: Clock::system(),
        }
    }
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::new(Utc::now)
    }

    /// A clock that a test moves.
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// What the clock shows.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Starts a sandbox on 127.0.0.1, in the current async runtime.
pub async fn start(options: SandboxOptions) -> Result<Sandbox, SandboxError> {
    let port = options.port;
    let store = store::Store::open(options.record.as_deref())
        .map_err(|source| SandboxError::Record { path: options.record.clone().unwrap_or_default(), source })?;
    let failed = |source| SandboxError::Listen { port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let shared = Arc::new(server::Shared::new(options, store));
    let router = server::router(Arc::clone(&shared));
    let router = router.into_make_service_with_connect_info::<wire::Line>();
    let (farewell, told) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        axum::serve(wire::Door(listener), router).with_graceful_shutdown(async move { drop(told.await) }).await
    });
    Ok(Sandbox { address, shared, farewell, task })
}

impl Sandbox {
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL that takes the place of Meta's, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has counted so far.
    pub fn stats(&self) -> Stats {
        self.shared.store.stats()
    }

    /// The events that it accepted more than once.
    pub fn repeated(&self) -> Vec<Repeated> {
        self.shared.store.repeated()
    }

    /// How often it accepted an event.
    pub fn times_taken(&self, dataset_id: &str, event_name: &str, event_id: &str) -> u64 {
        self.shared.store.times(dataset_id, event_name, event_id)
    }

    /// Lets go wrong what the rules say, and nothing else.
    pub fn set_faults(&self, rules: &[FaultRule]) {
        self.shared.rules.clear();
        self.shared.rules.add(rules.iter().cloned());
    }

    /// Takes no new connections, lets requests in flight end within two seconds, and stops.
    pub async fn stop(self) {
        drop(self.farewell);
        let mut task = self.task;
        if tokio::time::timeout(FAREWELL, &mut task).await.is_err() {
            task.abort();
        }
    }
}
