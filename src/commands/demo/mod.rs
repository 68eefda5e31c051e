//! The demo: invented rows, a real sync, and the sandbox in Meta's place.

mod dice;
mod people;
pub mod rows;

use std::path::Path;

use anyhow::Context as _;

use super::exit::Exit;
use crate::config::{self, Config, Machine, Purpose};
use crate::report::{console, human};
use crate::sandbox::{self, Sandbox, SandboxOptions, Stats};
use crate::sync::{self, Options, Outcome, World};

/// The dataset of the demo.
const DATASET_ID: &str = "1234567890";

/// Makes invented rows, sends them to a sandbox, and runs again to show that nothing is sent twice.
pub async fn run(rows: usize, world: World) -> anyhow::Result<Exit> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let path = folder.path().join("facebook_events.ndjson");
    let invented = rows::write_rows(&path, (world.now)(), rows).context("cannot write the invented rows")?;
    let sandbox = sandbox::start(SandboxOptions::default()).await.context("the sandbox cannot start")?;
    let config = configure(folder.path(), &path, &sandbox, world)?;
    console::say(&format!(
        "{} of a facebook_events table, good and bad, and a sandbox in Meta's place.\n\n\
         The first payload, as `fbcapi sync --dry-run` prints it:\n\n",
        human::counted(u64::try_from(invented.rows).unwrap_or(u64::MAX), "invented row")
    ));
    let preview = Options { limit: Some(1), ..options() };
    sync::dry_run(&config, &preview, world, console::data()).await;
    let first = tell("\nThe first run:\n\n", &config, world).await;
    let received = sandbox.stats();
    let second = tell("\nThe second run sends nothing twice:\n\n", &config, world).await;
    let repeated = sandbox.stats();
    sandbox.stop().await;
    conclude(&first, &second, &received, &repeated)
}

async fn tell(heading: &str, config: &Config, world: World) -> Outcome {
    let outcome = sync::sync(config, &options(), world).await;
    console::say(heading);
    console::say(&human::summary(&outcome));
    outcome
}

/// Checks that the sandbox got what the runs say they sent.
fn conclude(first: &Outcome, second: &Outcome, received: &Stats, repeated: &Stats) -> anyhow::Result<Exit> {
    let sent = first.report.counts.sent;
    let is_right = first.failure.is_none()
        && second.failure.is_none()
        && sent > 0
        && received.unique == sent
        && received.received == sent
        && second.report.counts.sent == 0
        && repeated.received == sent;
    anyhow::ensure!(is_right, "the sandbox got {} events where {sent} were sent: please report this", received.unique);
    console::say(&format!(
        "\nThe sandbox got {}, {} of them different ones: none was lost, none came twice.\n\
         Now with your own table: README.md, \"Set-up\".\n",
        human::counted(sent, "event"),
        human::grouped(received.unique)
    ));
    Ok(Exit::Done)
}

fn options() -> Options {
    Options { watched: console::watched(), ..Options::default() }
}

fn configure(folder: &Path, rows: &Path, sandbox: &Sandbox, world: World) -> anyhow::Result<Config> {
    let text = format!(
        "[source]\nkind = \"file\"\npath = '{}'\n\
         [meta]\ndataset_id = \"{DATASET_ID}\"\napi_base = \"{}\"\n\
         [phone]\ndefault_country = \"US\"\n\
         [privacy]\nconsent = \"not-needed\"\n\
         [state]\npath = '{}'\n",
        rows.display(),
        sandbox.base_url(),
        folder.join("state/demo.db").display()
    );
    // The demo is the same on every machine: nothing of the environment has a say.
    let environment = |name: &str| (name == "FBCAPI_ACCESS_TOKEN").then(|| "demo".to_owned());
    let machine = Machine { environment: &environment, variables: &Vec::new, today: (world.now)().date_naive() };
    let parsed = config::parse("the demo's configuration", &text, &[], Purpose::Send, machine);
    parsed.map_err(|refused| {
        anyhow::anyhow!("{}", refused.mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}
