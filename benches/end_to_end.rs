//! How fast the whole program is, and how much memory it takes: Parquet to an endpoint on this machine.
//!
//! `cargo bench --bench end_to_end` invents a million rows, or `BENCH_ROWS`, lets the real program send them to an
//! endpoint that takes everything after `BENCH_LATENCY_MS`, and lets it run again with nothing to send.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]

mod invented;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use chrono::Utc;
use parquet::arrow::ArrowWriter;
use tokio::net::TcpListener;

/// How long one look at the memory of the program waits for the next.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How the program ran.
struct Ran {
    sent: u64,
    seconds: f64,
    peak_kib: Option<u64>,
}

/// A number from the environment, or another one.
fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().map_or(otherwise, |text| text.parse().unwrap())
}

/// Writes invented rows to a Parquet file.
fn write_parquet(path: &Path, rows: usize) {
    let now = Utc::now();
    let mut writer = None;
    for batch in invented::batches(now, rows) {
        let file = || ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
        writer.get_or_insert_with(file).write(&batch).unwrap();
    }
    writer.unwrap().close().unwrap();
}

/// Serves an endpoint that takes everything, and counts the events.
async fn serve(listener: TcpListener, latency: Duration, received: Arc<AtomicU64>) {
    let take = move |body: Bytes| {
        let received = Arc::clone(&received);
        async move {
            let events = std::str::from_utf8(&body).unwrap().matches("{\"event_name\":").count();
            received.fetch_add(events.try_into().unwrap(), Ordering::Relaxed);
            tokio::time::sleep(latency).await;
            format!("{{\"events_received\":{events},\"messages\":[],\"fbtrace_id\":\"A\"}}")
        }
    };
    let router = Router::new().fallback(post(take)).layer(DefaultBodyLimit::max(8 << 20));
    axum::serve(listener, router).await.unwrap();
}

/// The most memory that a process has held so far, where the system says it.
fn peak_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Runs a sync and measures it.
fn sync(config: &Path) -> Ran {
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fbcapi"))
        .args(["sync", "--json", "--config"])
        .arg(config)
        .env("FBCAPI_ACCESS_TOKEN", "bench")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (id, is_over) = (child.id(), Arc::new(AtomicBool::new(false)));
    let ended = Arc::clone(&is_over);
    let memory = std::thread::spawn(move || {
        let mut peak = None;
        while !ended.load(Ordering::Relaxed) {
            peak = peak.max(peak_kib(id));
            std::thread::sleep(LOOK_EVERY);
        }
        peak
    });
    let line = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    child.wait().unwrap();
    let seconds = started.elapsed().as_secs_f64();
    is_over.store(true, Ordering::Relaxed);
    let report: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(report["counts"]["pending"], 0, "{}", report["warnings"]);
    Ran { sent: report["counts"]["sent"].as_u64().unwrap(), seconds, peak_kib: memory.join().unwrap() }
}

/// One line about a run.
fn describe(what: &str, count: u64, ran: &Ran) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of rows are far below 2^53")]
    let rate = count as f64 / ran.seconds;
    let peak = ran.peak_kib.map_or("unknown".to_owned(), |kib| format!("{} MiB", kib / 1_024));
    format!("{what} {count} in {:.2} s, {rate:.0} a second, peak memory {peak}", ran.seconds)
}

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let rows = number("BENCH_ROWS", if is_measured { 1_000_000 } else { 2_000 });
    let latency = Duration::from_millis(number("BENCH_LATENCY_MS", 0));
    let folder = tempfile::tempdir().unwrap();
    let parquet = folder.path().join("rows.parquet");
    write_parquet(&parquet, rows.try_into().unwrap());

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let received = Arc::new(AtomicU64::new(0));
    runtime.spawn(serve(listener, latency, Arc::clone(&received)));

    let config = folder.path().join("config.toml");
    let text = format!(
        "[source]\nkind = \"file\"\npath = '{}'\n[meta]\ndataset_id = \"1234567890\"\napi_base = \"http://{address}\"\n\
         [phone]\ndefault_country = \"US\"\n[privacy]\nconsent = \"not-needed\"\n[state]\npath = '{}'\n",
        parquet.display(),
        folder.path().join("state.db").display()
    );
    std::fs::write(&config, text).unwrap();
    let first = sync(&config);
    let second = sync(&config);
    assert_eq!(first.sent, rows, "each of the invented rows is an event");
    assert_eq!(second.sent, 0);
    assert_eq!(received.load(Ordering::Relaxed), first.sent);
    let first = describe("first run: events sent", first.sent, &first);
    let second = describe("second run: rows read and found sent", rows, &second);
    let mut out = std::io::stdout();
    writeln!(out, "{first}\n{second}").unwrap();
}
