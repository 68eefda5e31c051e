//! Fetches the rows of a result, in order and a few parts ahead at most, and counts them.
//!
//! Memory holds the compressed bytes of the part being decoded and of the few fetched ahead, whatever the size of the
//! result. A part that arrives torn is fetched again, and what was already handed on of it is not handed on twice.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use http::{HeaderMap, Method};
use reqwest::{Request, Url};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::answer::{Chunk, Format, Manifest};
use super::decode::Decoder;
use super::fault::{Fault, Step};
use super::json_rows::{self, Stop};
use super::session::Session;
use super::wire::{Wire, open_stream, unzipped};
use crate::source::SourceError;

/// So many parts are fetched before they are needed, the one that is needed next among them,
const AHEAD: usize = 3;

/// if they hold no more bytes than this. One is fetched whatever it holds.
const MOST_BYTES_AHEAD: u64 = 16 << 20;

/// So often fresh addresses are asked for without a part arriving in between.
const MOST_RENEWALS: u32 = 3;

/// Where batches go.
type Sender = mpsc::Sender<Result<RecordBatch, SourceError>>;

/// Where to answer when fresh addresses are asked for.
type Fresh = oneshot::Sender<Result<Manifest, Fault>>;

/// Hands on every row of a result, or says why not. Ends early when nobody reads any more.
///
/// The addresses of the parts are valid for some hours only. When they have expired, the session asks for the same
/// result again, and reading goes on where it was.
pub(super) async fn hand_on(
    manifest: Manifest,
    decoder: Decoder,
    session: &mut Session,
    sender: Sender,
) -> Result<(), Fault> {
    let runtime = Handle::current();
    let wire = session.wire().clone();
    let (ask, mut asked) = mpsc::channel::<Fresh>(1);
    let (query_id, reader) = (manifest.query_id.clone(), sender.clone());
    let mut work = tokio::task::spawn_blocking(move || {
        let Manifest { query_id: _, total, columns: _, format, inline, chunks, chunk_headers } = manifest;
        let mut pump = Pump { format, decoder, sender, runtime, ask, came: 0 };
        if let Some(inline) = inline {
            pump.hand_on_inline(&inline)?;
        }
        pump.hand_on_chunks(total, Parts { chunks, fetcher: Arc::new(Fetcher { wire, headers: chunk_headers }) })?;
        if pump.came == total { Ok(()) } else { Err(Fault::Short { announced: total, came: pump.came }) }
    });
    loop {
        let fresh = tokio::select! {
            done = &mut work => {
                let died = |_| Err(Fault::Unreadable(Step::Chunk, "its bytes could not be decoded".into()));
                return done.unwrap_or_else(died);
            }
            Some(fresh) = asked.recv() => fresh,
        };
        tracing::debug!("the addresses of the parts have expired; asking for fresh ones");
        let manifest = async {
            match &query_id {
                Some(id) => session.result_of(id).await,
                None => Err(Fault::Expired),
            }
        };
        tokio::select! {
            manifest = manifest => drop(fresh.send(manifest)),
            () = reader.closed() => {}
        }
    }
}

/// Why a part could not be handed on.
enum Trouble {
    /// Its bytes are torn or fewer than they should be.
    Torn,
    /// It would not be better the next time.
    Fault(Fault),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Decodes on a thread of its own.
struct Pump {
    format: Format,
    decoder: Decoder,
    sender: Sender,
    runtime: Handle,
    ask: mpsc::Sender<Fresh>,
    came: u64,
}

/// The parts of a result and the way to fetch them.
struct Parts {
    chunks: Vec<Chunk>,
    fetcher: Arc<Fetcher>,
}

/// How much of a part was handed on.
struct Done {
    /// So many batches of it.
    batches: usize,
    /// So many rows had come before it.
    before: u64,
}

impl Pump {
    fn hand_on_inline(&mut self, inline: &Bytes) -> Result<(), Fault> {
        self.hand_on_part(inline, &mut 0).map_err(|trouble| match trouble {
            Trouble::Torn => Fault::Unreadable(Step::Statement, "its first rows could not be decoded".into()),
            Trouble::Fault(fault) => fault,
        })
    }

    fn hand_on_chunks(&mut self, total: u64, mut parts: Parts) -> Result<(), Fault> {
        let (mut number, mut next, mut renewals) = (0, 0, 0);
        let mut ahead = VecDeque::new();
        let mut done = Done { batches: 0, before: self.came };
        loop {
            while let Some(chunk) = parts.chunks.get(next) {
                let bytes: u64 = parts.chunks.get(number..=next).unwrap_or_default().iter().map(Chunk::bytes).sum();
                if ahead.len() == AHEAD || (next > number && bytes > MOST_BYTES_AHEAD) {
                    break;
                }
                ahead.push_back(Fetching::start(&self.runtime, &parts.fetcher, chunk));
                next += 1;
            }
            let (Some(fetching), Some(chunk)) = (ahead.pop_front(), parts.chunks.get(number)) else { return Ok(()) };
            match self.hand_on_chunk(chunk, fetching, &parts.fetcher, &mut done) {
                Ok(()) => {
                    number += 1;
                    renewals = 0;
                    done = Done { batches: 0, before: self.came };
                }
                Err(Fault::Expired) if renewals < MOST_RENEWALS => {
                    renewals += 1;
                    ahead.clear();
                    next = number;
                    parts = self.fresh(total, &parts)?;
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Gets fresh addresses of the same parts.
    fn fresh(&self, total: u64, parts: &Parts) -> Result<Parts, Fault> {
        let (answer, answered) = oneshot::channel();
        self.ask.blocking_send(answer).map_err(|_| Fault::Stopped)?;
        let manifest = self.runtime.block_on(async {
            tokio::select! {
                answered = answered => answered.unwrap_or(Err(Fault::Stopped)),
                () = self.sender.closed() => Err(Fault::Stopped),
            }
        });
        let Manifest { query_id: _, total: total_now, columns: _, format, inline: _, chunks, chunk_headers } = manifest
            .map_err(|fault| {
                tracing::debug!(?fault, "there are no fresh addresses");
                if fault == Fault::Stopped { fault } else { Fault::Expired }
            })?;
        let sizes = |chunks: &[Chunk]| chunks.iter().map(|chunk| chunk.row_count).collect::<Vec<_>>();
        // Anything else would not be the same rows in the same order, of which a part was handed on.
        if (total_now, format, sizes(&chunks)) != (total, self.format, sizes(&parts.chunks)) {
            return Err(Fault::Expired);
        }
        let wire = parts.fetcher.wire.clone();
        Ok(Parts { chunks, fetcher: Arc::new(Fetcher { wire, headers: chunk_headers }) })
    }

    fn hand_on_chunk(
        &mut self,
        chunk: &Chunk,
        first: Fetching,
        fetcher: &Arc<Fetcher>,
        done: &mut Done,
    ) -> Result<(), Fault> {
        let mut fetching = first;
        let attempts = fetcher.wire.surroundings().patience.attempts;
        for _ in 0..attempts {
            let bytes = self.wait_for(&mut fetching)?;
            let trouble = self.hand_on_part(&bytes, &mut done.batches).err();
            let came = self.came - done.before;
            match trouble {
                Some(Trouble::Fault(fault)) => return Err(fault),
                None if chunk.row_count == 0 || came == chunk.row_count => return Ok(()),
                None if came > chunk.row_count => break,
                None | Some(Trouble::Torn) => fetching = Fetching::start(&self.runtime, fetcher, chunk),
            }
        }
        Err(Fault::Short { announced: chunk.row_count, came: self.came - done.before })
    }

    /// Waits for a part, or for nobody reading any more.
    fn wait_for(&self, fetching: &mut Fetching) -> Result<Bytes, Fault> {
        self.runtime.block_on(async {
            tokio::select! {
                fetched = &mut fetching.0 => {
                    fetched.unwrap_or_else(|_| Err(Fault::Stopped))
                }
                () = self.sender.closed() => Err(Fault::Stopped),
            }
        })
    }

    /// Decodes a part and hands its batches on, except for those that were handed on before.
    fn hand_on_part(&mut self, bytes: &Bytes, handed_on: &mut usize) -> Result<(), Trouble> {
        let before = *handed_on;
        let mut batches = 0;
        let mut next = |pump: &mut Self, batch: &RecordBatch| {
            batches += 1;
            if batches <= before {
                return Ok(());
            }
            pump.hand_on_batch(batch)?;
            *handed_on = batches;
            Ok::<_, Trouble>(())
        };
        match self.format {
            Format::Arrow => {
                let reader = open_stream(bytes).ok_or(Trouble::Torn)?;
                for batch in reader {
                    next(self, &batch.map_err(|_| Trouble::Torn)?)?;
                }
                Ok(())
            }
            Format::Json => {
                let columns = self.decoder.column_count();
                json_rows::read(unzipped(bytes), columns, |batch| next(self, &batch)).map_err(|stop| match stop {
                    Stop::Malformed => Trouble::Torn,
                    Stop::Refused(trouble) => trouble,
                })
            }
        }
    }

    fn hand_on_batch(&mut self, batch: &RecordBatch) -> Result<(), Trouble> {
        let converted = self.decoder.convert(batch)?;
        let rows = u64::try_from(converted.num_rows()).unwrap_or(u64::MAX);
        self.sender.blocking_send(Ok(converted)).map_err(|_| Fault::Stopped)?;
        self.came = self.came.saturating_add(rows);
        Ok(())
    }
}

/// Fetches parts.
struct Fetcher {
    wire: Wire,
    headers: HeaderMap,
}

impl Fetcher {
    async fn fetch(&self, chunk: &Chunk) -> Result<Bytes, Fault> {
        let unreadable = || Fault::Unreadable(Step::Chunk, "a part of the result has no address".into());
        let url = Url::parse(chunk.address()).map_err(|_| unreadable())?;
        let deadline = Instant::now() + self.wire.surroundings().patience.answer;
        let answer = self.wire.send(Step::Chunk, deadline, |_, _| {
            let mut request = Request::new(Method::GET, url.clone());
            *request.headers_mut() = self.headers.clone();
            Ok(request)
        });
        Ok(answer.await?.body)
    }
}

/// A part on its way; dropping it stops the download.
struct Fetching(JoinHandle<Result<Bytes, Fault>>);

impl Fetching {
    fn start(runtime: &Handle, fetcher: &Arc<Fetcher>, chunk: &Chunk) -> Self {
        let (fetcher, chunk) = (Arc::clone(fetcher), chunk.clone());
        Self(runtime.spawn(async move { fetcher.fetch(&chunk).await }))
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.0.abort();
    }
}
