//! `fbcapi sandbox`: serves a Graph API on this machine until a signal ends it.

use anyhow::Context as _;

use super::exit::Exit;
use crate::cli::SandboxArgs;
use crate::report::console;
use crate::sandbox::{self, SandboxOptions};

/// Serves until a signal comes, then tells what was received.
pub async fn run(args: &SandboxArgs) -> anyhow::Result<Exit> {
    let options = SandboxOptions { port: args.port, record: args.record.clone(), ..SandboxOptions::default() };
    let sandbox = sandbox::start(options).await.context("the sandbox cannot start")?;
    let url = sandbox.base_url();
    console::say(&format!(
        "sandbox of the Graph API at {url}\n  set [meta] api_base = \"{url}\"; any token will do\n  counts at {url}/sandbox/stats; Ctrl-C ends it\n"
    ));
    crate::signal::wait().await;
    let stats = sandbox.stats();
    sandbox.stop().await;
    console::say(&format!(
        "{} requests, {} of them refused; {} events received, {} unique\n",
        stats.requests, stats.refused, stats.received, stats.unique
    ));
    Ok(Exit::Done)
}
