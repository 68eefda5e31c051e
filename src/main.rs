//! The command line of `fbcapi`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::Utc;
use clap::FromArgMatches as _;
use fbcapi::cli::{self, Cli, Command, ConfigCommand, Topic};
use fbcapi::commands::config::{Origins, SchemaOf};
use fbcapi::commands::exit::Exit;
use fbcapi::commands::{self, hash};
use fbcapi::config::{self, Config, FlagOverride, LedgerConfig, Machine, Mistake, Purpose, Refused};
use fbcapi::private::Scratch;
use fbcapi::report::manner::{Asked, Color, LogFormat, Loudness, Manner, Stream};
use fbcapi::report::{console, is_steering, log};
use fbcapi::sync::World;
use ring::rand::{SecureRandom as _, SystemRandom};

fn main() -> ExitCode {
    let (cli, typed) = match parse() {
        Ok(parsed) => parsed,
        Err(refused) => return say_usage(&refused),
    };
    speak(cli.streams.asked(&typed));
    std::panic::set_hook(Box::new(|panic| {
        // What a panic says can hold a value of a row; where it happened cannot.
        if std::thread::current().name() == Some(fbcapi::source::file::THREAD) {
            // A damaged Parquet file makes its library panic, which the source turns into an error of its own.
            return;
        }
        let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
        console::say(&format!("✗ a mistake in fbcapi{place}: please report this line\n"));
    }));
    let ended = std::panic::catch_unwind(|| {
        run(&cli).unwrap_or_else(|error| {
            console::say(&format!("✗ {error:#}\n"));
            Exit::Other
        })
    });
    ExitCode::from(ended.unwrap_or(Exit::Bug).code())
}

fn run(cli: &Cli) -> anyhow::Result<Exit> {
    let world = World { now: Utc::now, random };
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match &cli.command {
        Command::Init(args) => {
            let file = cli.config.as_deref();
            runtime()?.block_on(commands::init::run(args, file, config::snowflake_world(&machine())))
        }
        Command::Sync(args) => {
            let purpose = if args.dry_run { Purpose::Look } else { Purpose::Send };
            match load(cli, &commands::sync::overrides(args), purpose) {
                Ok(config) => runtime()?.block_on(commands::sync::run(args, &config, world)),
                Err(refused) => {
                    commands::sync::refused(args, &refused, Utc::now());
                    Ok(tell(&refused.mistakes))
                }
            }
        }
        Command::Check(args) => match load(cli, &[], if args.offline { Purpose::Look } else { Purpose::Check }) {
            Ok(config) => runtime()?.block_on(commands::check::run(args, &config, world)),
            Err(refused) => Ok(tell(&refused.mistakes)),
        },
        Command::Status(args) => over_ledger(cli, |config| commands::status::run(args, config, Utc::now())),
        Command::Report(args) => over_ledger(cli, |config| commands::report::run(args, config, Utc::now())),
        Command::Why(args) => over_ledger(cli, |config| {
            let load = || load(cli, &[], Purpose::Look);
            runtime()?.block_on(commands::why::run(args, config, load, world))
        }),
        Command::Rejects(args) => over_ledger(cli, |config| commands::rejects::run(args, config, Utc::now())),
        Command::Resolve(args) => over_ledger(cli, |config| commands::resolve::run(args, config, Utc::now())),
        Command::State(command) => over_ledger(cli, |config| commands::state::run(command, config, Utc::now())),
        Command::Model(args) => {
            let machine = machine();
            match find(cli, machine).and_then(|file| config::load_model(&file, machine)) {
                Ok(model) => commands::model::run(args, &model),
                Err(refused) => Ok(tell(&refused.mistakes)),
            }
        }
        Command::Demo(args) => runtime()?.block_on(commands::demo::run(args.rows.try_into()?, world)),
        Command::Sandbox(args) => runtime()?.block_on(commands::sandbox::run(args, machine().environment)),
        Command::Hash(args) => hash_values(cli, args),
        Command::Explain(args) => Ok(commands::explain::run(args.code.as_deref(), args.json)?),
        Command::Completions { shell } => Ok(commands::manual::completions(*shell)?),
        Command::Man { folder } => Ok(commands::manual::pages(folder)?),
        Command::Environment => Ok(commands::manual::topic(Topic::Environment)?),
        Command::ExitCodes => Ok(commands::manual::topic(Topic::ExitCodes)?),
        Command::Configuration => Ok(commands::manual::topic(Topic::Configuration)?),
        Command::Config(ConfigCommand::Schema { report }) => {
            let of = if *report { SchemaOf::Report } else { SchemaOf::Configuration };
            console::print(commands::config::schema(of).as_bytes())?;
            Ok(Exit::Done)
        }
        Command::Config(ConfigCommand::Show { sources }) => {
            let (shown, mistakes) = match load(cli, &[], Purpose::Show) {
                Ok(config) => (config.shown, Vec::new()),
                Err(refused) => (refused.shown, refused.mistakes),
            };
            let origins = if *sources { Origins::Told } else { Origins::Untold };
            console::print(commands::config::show(&shown, origins).as_bytes())?;
            Ok(if mistakes.is_empty() { Exit::Done } else { tell(&mistakes) })
        }
    }
}

/// Hashes as the configuration says, or as it would without one.
fn hash_values(cli: &Cli, args: &fbcapi::cli::HashArgs) -> anyhow::Result<Exit> {
    if args.value.is_none() && std::io::stdin().is_terminal() {
        console::say("✗ give a value, or lines on standard input: fbcapi hash em 'ada@example.com'\n");
        return Ok(Exit::Configuration);
    }
    let machine = machine();
    let mut settings = match config::find_file(cli.config.as_deref(), &machine.environment) {
        Some(file) => match config::load_normalize(&file, machine) {
            Ok(settings) => settings,
            Err(refused) => return Ok(tell(&refused.mistakes)),
        },
        None => fbcapi::meta::normalize::Settings::standard(machine.today),
    };
    if let Some(format) = &args.date_format {
        settings.date_format = Some(format.clone());
    }
    let value = args.value.as_ref().map(|value| {
        let mut scratch = Scratch::default();
        scratch.clear().push_str(value);
        scratch
    });
    let args = hash::HashArgs { field: args.field.clone(), value, country: args.country.clone() };
    let mut out = console::data();
    let outcome = hash::run(&args, &settings, &mut std::io::stdin().lock(), &mut out);
    drop(out);
    match outcome {
        Ok(hash::HashOutcome::Answered) => Ok(Exit::Done),
        Ok(hash::HashOutcome::SomeLinesUnread) => Ok(Exit::Configuration),
        Err(hash::HashError::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(error @ hash::HashError::Io(_)) => Err(error.into()),
        Err(error @ (hash::HashError::UnknownField | hash::HashError::UnknownCountry)) => {
            console::say(&format!("✗ {error}\n"));
            Ok(Exit::Configuration)
        }
    }
}

/// Does something with the ledger, for which neither a secret nor a connection is needed.
fn over_ledger(cli: &Cli, work: impl FnOnce(&LedgerConfig) -> anyhow::Result<Exit>) -> anyhow::Result<Exit> {
    let machine = machine();
    let file = find(cli, machine);
    match file.and_then(|file| config::load_ledger(&file, machine)) {
        Ok(config) => work(&config),
        Err(refused) => Ok(tell(&refused.mistakes)),
    }
}

/// Finds the configuration file.
fn find(cli: &Cli, machine: Machine<'_>) -> Result<PathBuf, Refused> {
    config::find_file(cli.config.as_deref(), machine.environment).ok_or_else(|| {
        let what = "there is no config.toml here, in ~/.config/fbcapi or in /etc/fbcapi; name one with --config";
        let mistake = Mistake { place: "fbcapi".to_owned(), key: String::new(), what: what.to_owned() };
        Refused { mistakes: vec![mistake], shown: Vec::new() }
    })
}

fn load(cli: &Cli, flags: &[FlagOverride], purpose: Purpose) -> Result<Config, Refused> {
    let machine = machine();
    let file = find(cli, machine)?;
    config::load(&file, flags, purpose, machine)
}

fn machine() -> Machine<'static> {
    Machine {
        environment: &|name| std::env::var(name).ok().filter(|value| !value.is_empty()),
        variables: &|| std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect(),
        today: Utc::now().date_naive(),
    }
}

fn tell(mistakes: &[Mistake]) -> Exit {
    let line = |mistake: &Mistake| format!("✗ {}\n", mistake.to_string().replace(is_steering, ""));
    let lines: String = mistakes.iter().map(line).collect();
    console::say(&(lines + "  → nothing was contacted; config.example.toml shows every key\n"));
    Exit::Configuration
}

/// What was typed.
fn parse() -> Result<(Cli, clap::ArgMatches), clap::Error> {
    let typed = cli::command().try_get_matches()?;
    Ok((Cli::from_arg_matches(&typed)?, typed))
}

/// Prints the help that was asked for, or says what was typed wrongly.
fn say_usage(refused: &clap::Error) -> ExitCode {
    if !refused.use_stderr() || !cli::wants_json(std::env::args_os(), machine().environment) {
        refused.exit();
    }
    speak(Asked { loudness: Loudness::Usual, form: LogFormat::Json, color: Color::Never });
    let said = refused.to_string();
    let lines: Vec<&str> =
        said.trim_start_matches("error: ").lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    console::say(&format!("✗ {}\n", lines.join("\n  → ")));
    ExitCode::from(Exit::Configuration.code())
}

/// Decides how to speak, and starts to log.
fn speak(asked: Asked) {
    let environment = machine().environment;
    let stream = |is_terminal| if is_terminal { Stream::Terminal } else { Stream::Elsewhere };
    let (errors, output) = (stream(std::io::stderr().is_terminal()), stream(std::io::stdout().is_terminal()));
    console::begin(Manner::decide(asked, environment, errors, output, Utc::now));
    log::start(asked.loudness, environment("RUST_LOG").as_deref());
}

/// A random number from 0 to 1.
fn random() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness the number is in the middle: waits are still waits.
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
