//! `fbcapi sandbox`: serves a Graph API on this machine until a signal ends it.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::exit::Exit;
use crate::cli::SandboxArgs;
use crate::config::SecretSource;
use crate::private::Secret;
use crate::report::console;
use crate::sandbox::{self, BareValue, Blame, SandboxOptions, Stats, Strictness, Website};

/// Serves until a signal comes, then tells what was received.
pub async fn run(args: &SandboxArgs, environment: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Exit> {
    let options = match options(args, environment) {
        Ok(options) => options,
        Err(mistake) => {
            console::say(&format!("✗ {mistake}\n"));
            return Ok(Exit::Configuration);
        }
    };
    let token = if options.token.is_some() { "the one token is asked for" } else { "any token will do" };
    let sandbox = sandbox::start(options).await.context("the sandbox cannot start")?;
    let url = sandbox.base_url();
    console::say(&format!(
        "sandbox of the Graph API at {url}\n  set [meta] api_base = \"{url}\"; {token}\n  \
         counts at {url}/admin/stats, faults at {url}/admin/faults; Ctrl-C ends it\n"
    ));
    for rule in &args.faults {
        console::say(&format!("  fault {rule}\n"));
    }
    crate::signal::wait().await;
    let stats = sandbox.stats();
    sandbox.stop().await;
    console::say(&farewell(&stats));
    Ok(Exit::Done)
}

/// What was typed, as it is meant; an error says which secret is missing.
fn options(args: &SandboxArgs, environment: &dyn Fn(&str) -> Option<String>) -> Result<SandboxOptions, String> {
    let SandboxArgs {
        port,
        record,
        dataset_id,
        access_token,
        app_secret,
        strict,
        bare_values,
        blame,
        locale,
        quota,
        latency,
        faults,
        seed,
    } = args;
    let secret = |name: &str, source: &Option<SecretSource>| -> Result<Option<Secret>, String> {
        let found = source.as_ref().map(|source| source.resolve(environment, Path::new("")));
        found.transpose().map_err(|what| format!("--{name} {what}"))
    };
    Ok(SandboxOptions {
        port: *port,
        record: record.clone(),
        token: secret("access-token", access_token)?,
        app_secret: secret("app-secret", app_secret)?,
        dataset_id: dataset_id.clone(),
        strictness: Strictness {
            website: if *strict { Website::Strict } else { Website::Lenient },
            bare_value: if *bare_values { BareValue::Taken } else { BareValue::Refused },
        },
        quota: *quota,
        faults: faults.clone(),
        seed: *seed,
        latency: latency.map(Duration::from_millis),
        language: *locale,
        blame: if *blame { Blame::Event } else { Blame::Nobody },
        ..SandboxOptions::default()
    })
}

/// What was received, in a few words.
fn farewell(stats: &Stats) -> String {
    let faults: Vec<String> = stats.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let faults = if faults.is_empty() { String::new() } else { format!("  faults {}\n", faults.join(", ")) };
    format!(
        "{} requests, {} of them refused; {} events received, {} unique, {} duplicates\n{faults}",
        stats.requests, stats.refused, stats.received, stats.unique, stats.duplicates
    )
}
