//! `fbcapi init`: writes a configuration after four questions at most, and says what comes next.
//!
//! Questions are asked only where someone sits at a terminal. Nothing is overwritten unasked, and nothing is sent.

mod answers;
mod template;

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::exit::Exit;
use crate::cli::InitArgs;
use crate::report::console;
use crate::source::snowflake::{self, Connection, Named, Surroundings, World};
use answers::{Asker, Question, Terminal};
use template::{Choices, Consent, Token};

/// The file that is written unless another is named: the first place where a configuration is looked for.
const FILE: &str = "config.toml";

/// What was found and what is still to be asked.
struct Found<'a> {
    named: Named,
    args: &'a InitArgs,
    world: World<'a>,
}

/// Writes a configuration.
pub async fn run(args: &InitArgs, file: Option<&Path>, world: World<'_>) -> anyhow::Result<Exit> {
    let file = file.map_or_else(|| PathBuf::from(FILE), Path::to_owned);
    if file.exists() && !args.force {
        return Ok(refuse(&format!("{} is there already", file.display()), "edit it, or write over it with --force"));
    }
    let named = match snowflake::named_connections(&world) {
        Ok(named) => named,
        Err(mistakes) => {
            for snowflake::Mistake { place, what, remedy } in mistakes {
                console::say(&format!("✗ {place}: {what}\n"));
                console::say(&remedy.map(|remedy| format!("  → {remedy}\n")).unwrap_or_default());
            }
            return Ok(Exit::Configuration);
        }
    };
    for (flag, question, value) in [
        ("--table", Question::table(&[]), &args.table),
        ("--dataset-id", Question::dataset(), &args.dataset_id),
        ("--consent", Question::consent(), &args.consent),
        ("--country", Question::country(), &args.country),
        ("--connection", Question::connection(&named.names, &named.default), &args.connection),
    ] {
        if let Some(Err(why)) = value.as_ref().map(|value| question.check(value)) {
            return Ok(refuse(&format!("{flag} {why}"), "give another one"));
        }
    }
    let mut asker = if args.yes || !console::is_answered() { Asker::Nobody } else { Asker::Somebody(Terminal) };
    let found = Found { named, args, world };
    match found.choose(&mut asker).await? {
        Ok(choices) => {
            if let Err(error) = write(&file, &template::text(&choices)) {
                let what = format!("{} cannot be written ({})", file.display(), error.kind());
                return Ok(refuse(&what, "name another file with --config"));
            }
            console::say(&told(&file, &choices, &found)?);
            Ok(Exit::Done)
        }
        Err(missing) => {
            let flags = missing.join(", ");
            let remedy = "give them, or run it in a terminal, where they are asked for";
            Ok(refuse(&format!("nobody can be asked, and these are missing: {flags}"), remedy))
        }
    }
}

impl Found<'_> {
    /// Takes what flags say, and asks for the rest; names the flags that are missing where nobody can be asked.
    async fn choose(&self, asker: &mut Asker<Terminal>) -> io::Result<Result<Choices, Vec<&'static str>>> {
        let mut missing = Vec::new();
        let connection = match (&self.args.connection, self.named.names.as_slice()) {
            (Some(name), _) => Some(name.clone()),
            (None, [] | [_]) => self.named.names.first().cloned(),
            (None, several) => {
                let chosen = asker.ask(&Question::connection(several, &self.named.default))?;
                if chosen.is_none() {
                    missing.push("--connection");
                }
                chosen
            }
        };
        let settled = snowflake::settle(snowflake::Layer::new(), connection.as_deref(), &self.world).ok();
        let table = match &self.args.table {
            Some(table) => Some(table.clone()),
            None if asker.is_nobody() => None,
            None => asker.ask(&Question::table(&self.candidates(settled.as_ref()).await))?,
        };
        let dataset_id = match &self.args.dataset_id {
            Some(id) => Some(id.clone()),
            None => asker.ask(&Question::dataset())?,
        };
        let consent = match &self.args.consent {
            Some(consent) => Some(consent.clone()),
            None => asker.ask(&Question::consent())?,
        };
        for (flag, value) in [("--table", &table), ("--dataset-id", &dataset_id), ("--consent", &consent)] {
            if value.is_none() {
                missing.push(flag);
            }
        }
        let (true, Some(table), Some(dataset_id), Some(consent)) = (missing.is_empty(), table, dataset_id, consent)
        else {
            return Ok(Err(missing));
        };
        let token = self.args.token_file.clone().map_or(Token::Variable, Token::File);
        let role = settled.as_ref().and_then(|connection| connection.role.clone());
        let warehouse = settled.as_ref().and_then(|connection| connection.warehouse.clone());
        let country = self.args.country.clone();
        let consent = Consent::of(&consent);
        Ok(Ok(Choices { connection, table, dataset_id, token, consent, country, role, warehouse }))
    }

    /// The tables that look like one of events; none where Snowflake cannot be asked, which is said.
    async fn candidates(&self, connection: Option<&Connection>) -> Vec<String> {
        let Some(connection) = connection else {
            console::say("! there is no connection to look for tables with; docs/snowflake.md shows how to make one\n");
            return Vec::new();
        };
        console::say(&format!("looking for tables in {} …\n", connection.account));
        match snowflake::candidates(connection, Surroundings::default()).await {
            Ok(tables) => {
                if tables.is_empty() {
                    let database = connection.database.as_deref().unwrap_or_default();
                    console::say(&format!(
                        "! no table of {database} that the role may see has an event id and a time\n"
                    ));
                }
                tables
            }
            Err(error) => {
                console::say(&format!("! the tables cannot be listed: {error}\n"));
                Vec::new()
            }
        }
    }
}

/// Writes a file that only its owner can read, whole or not at all.
fn write(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let part = file.with_extension("part");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&part)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    std::fs::rename(part, file)
}

/// Says what was written and what comes next.
fn told(file: &Path, choices: &Choices, found: &Found<'_>) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(text, "✓ {} is written", file.display())?;
    if found.named.names.is_empty() && found.args.connection.is_none() {
        writeln!(text, "! no connection to Snowflake was found\n  → write one: docs/snowflake.md shows it whole")?;
    }
    writeln!(text, "\nwhat the role needs, and no more:")?;
    for grant in snowflake::grants_on(&choices.table, choices.role.as_deref(), choices.warehouse.as_deref()) {
        writeln!(text, "  {grant}")?;
    }
    writeln!(text, "\nnext:")?;
    let config = quoted(&file.display().to_string());
    let config = if file == Path::new(FILE) { String::new() } else { format!(" --config {config}") };
    match &choices.token {
        Token::Variable => writeln!(
            text,
            "  export FBCAPI_ACCESS_TOKEN=…   # Events Manager > Settings > Conversions API > Generate access token"
        )?,
        Token::File(path) => writeln!(text, "  chmod 600 {}   # the access token is in it", path.display())?,
    }
    for (command, why) in [
        ("check", "what can be sent and what not; nothing is sent"),
        ("sync --dry-run", "the payloads; nothing is sent"),
        ("sync", "the last seven days, each event once"),
    ] {
        writeln!(text, "  {:<24}  # {why}", format!("fbcapi {command}{config}"))?;
    }
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let program = std::env::current_exe().unwrap_or_else(|_| "fbcapi".into());
    let sync = format!(
        "{} sync --config {} --if-locked skip --max-duration 1h",
        quoted(&program.display().to_string()),
        quoted(&absolute.display().to_string())
    );
    // A percent sign ends a command of cron's.
    let line = format!("*/15 * * * *  out=$({sync} 2>&1) || echo \"$out\"").replace('%', "\\%");
    writeln!(text, "\nfor cron:\n  {line}")?;
    if matches!(choices.token, Token::Variable) {
        writeln!(
            text,
            "  cron knows no variable of this shell: set FBCAPI_ACCESS_TOKEN there, or init with --token-file"
        )?;
    }
    Ok(text)
}

/// Writes a word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,%".contains(c);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

fn refuse(what: &str, remedy: &str) -> Exit {
    console::say(&format!("✗ {what}\n  → {remedy}\n"));
    Exit::Configuration
}
