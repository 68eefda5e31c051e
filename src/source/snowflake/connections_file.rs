//! Finds and reads `connections.toml` and `config.toml` as every Snowflake tool does.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::connection::{Given, Layer, Mistake, canonical_key};
use crate::private::Secret;

/// A file's text and who may touch it.
#[derive(Debug)]
pub struct FileText {
    /// The text.
    pub text: String,
    /// The Unix mode, where there is one.
    pub mode: Option<u32>,
}

/// What is looked at outside of this program.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// Gives an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Names the environment variables that are set.
    pub variables: &'a dyn Fn() -> Vec<String>,
    /// Reads a file.
    pub read: &'a dyn Fn(&Path) -> io::Result<FileText>,
    /// Tells whether a file or folder is there.
    pub exists: &'a dyn Fn(&Path) -> bool,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

impl World<'_> {
    fn home(&self) -> Option<PathBuf> {
        (self.variable)("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
    }

    /// Replaces a leading `~` by the home folder.
    pub(super) fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }

    /// Gives the folder of Snowflake's files.
    /// Source: Python connector, `sf_dirs.py`.
    fn folder(&self) -> Option<PathBuf> {
        let stated = (self.variable)("SNOWFLAKE_HOME").filter(|path| !path.is_empty());
        let stated = stated.map(|path| self.expand(&path));
        let plain = self.home().map(|home| home.join(".snowflake"));
        if let Some(folder) = stated.into_iter().chain(plain).find(|folder| (self.exists)(folder)) {
            return Some(folder);
        }
        let config = (self.variable)("XDG_CONFIG_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
        Some(config.or_else(|| Some(self.home()?.join(".config")))?.join("snowflake"))
    }
}

/// The variable that allows a file that others can read.
const READABLE_IS_FINE: &str = "SF_SKIP_TOKEN_FILE_PERMISSIONS_VERIFICATION";

/// The connections that Snowflake's files name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Their names, in order.
    pub names: Vec<String>,
    /// The name of the one that is used where none is named; it need not be there.
    pub default: String,
}

/// Reads which connections there are.
pub fn named_connections(world: &World<'_>) -> Result<Named, Vec<Mistake>> {
    with_sections(world, |sections, default| Named {
        names: sections.map(|(_, sections)| sections.into_keys().map(str::to_owned).collect()).unwrap_or_default(),
        default: default.to_owned(),
    })
}

/// Reads the layers of the named connection, or of the default one, what counts most first.
pub(super) fn read_named(name: Option<&str>, world: &World<'_>) -> Result<Vec<Layer>, Vec<Mistake>> {
    with_sections(world, |sections, default| {
        let chosen = name.unwrap_or(default);
        let mut layers = vec![environment(&format!("SNOWFLAKE_CONNECTIONS_{}_", chosen.to_uppercase()), world)];
        match sections.as_ref().and_then(|(document, sections)| Some((document, sections.get(chosen)?))) {
            Some((document, section)) => layers.push(document.layer(section)),
            None if name.is_some() && layers.iter().all(BTreeMap::is_empty) => {
                return Err(vec![unknown_connection(chosen, sections.as_ref().map(|(_, sections)| sections))]);
            }
            None => {}
        }
        layers.push(environment("SNOWFLAKE_", world));
        Ok(layers)
    })?
}

/// The file that holds the connections, and each with its name.
type Sections<'t, 'a> = Option<(&'t Document, BTreeMap<&'t str, &'t DeTable<'a>>)>;

/// Looks at the connections of the files, and at the name of the default one.
fn with_sections<T>(world: &World<'_>, look: impl FnOnce(Sections<'_, '_>, &str) -> T) -> Result<T, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let folder = world.folder();
    let mut open = |file: &str| {
        let path = folder.as_ref()?.join(file);
        let text = read_text(&path, world).map_err(|found| mistakes.push(found)).ok().flatten()?;
        Some(Document { path, text })
    };
    let (connections, config) = (open("connections.toml"), open("config.toml"));
    let connections = connections.as_ref().and_then(|document| document.parse(&mut mistakes));
    let config = config.as_ref().and_then(|document| document.parse(&mut mistakes));
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let default = (world.variable)("SNOWFLAKE_DEFAULT_CONNECTION_NAME")
        .filter(|name| !name.is_empty())
        .or_else(|| Some(find(&config.as_ref()?.1, "default_connection_name")?.as_str()?.to_owned()))
        .unwrap_or_else(|| "default".to_owned());
    let sections = match (&connections, &config) {
        (Some((document, table)), _) => Some((*document, sections_of_connections(table))),
        (None, Some((document, table))) => Some((*document, nested_sections(table))),
        (None, None) => None,
    };
    Ok(look(sections, &default))
}

/// Gives the connections of `connections.toml`, which may stand at the top or under `connections`.
fn sections_of_connections<'t, 'a>(table: &'t DeTable<'a>) -> BTreeMap<&'t str, &'t DeTable<'a>> {
    let mut sections = nested_sections(table);
    sections.extend(sections_within(table).filter(|(name, _)| *name != "connections"));
    sections
}

fn nested_sections<'t, 'a>(table: &'t DeTable<'a>) -> BTreeMap<&'t str, &'t DeTable<'a>> {
    let nested = find(table, "connections").and_then(DeValue::as_table);
    nested.into_iter().flat_map(sections_within).collect()
}

fn sections_within<'t, 'a>(table: &'t DeTable<'a>) -> impl Iterator<Item = (&'t str, &'t DeTable<'a>)> {
    table.iter().filter_map(|(name, value)| Some((name.get_ref().as_ref(), value.get_ref().as_table()?)))
}

fn find<'t, 'a>(table: &'t DeTable<'a>, name: &str) -> Option<&'t DeValue<'a>> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value.get_ref())
}

fn unknown_connection(name: &str, sections: Option<&BTreeMap<&str, &DeTable<'_>>>) -> Mistake {
    let known: Vec<_> = sections.into_iter().flat_map(|sections| sections.keys().copied()).collect();
    Mistake {
        place: "[snowflake]".into(),
        what: format!("there is no connection `{name}`"),
        remedy: Some(if known.is_empty() {
            "write it into ~/.snowflake/connections.toml".into()
        } else {
            format!("the connections there are: {}", known.join(", "))
        }),
    }
}

/// Reads a file if it is there and if nobody else could have written it.
/// Source: Snowflake CLI, "Managing connections", on the permissions of `config.toml`.
fn read_text(path: &Path, world: &World<'_>) -> Result<Option<String>, Mistake> {
    let mistake =
        |what: String, remedy: String| Mistake { place: path.display().to_string(), what, remedy: Some(remedy) };
    let file = match (world.read)(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err(mistake("the file cannot be read".into(), "check its owner and mode".into())),
    };
    let mode = file.mode.unwrap_or(0o600);
    let tighten = format!("chmod 0600 {}", path.display());
    if mode & 0o022 != 0 {
        return Err(mistake("others can write the file".into(), tighten));
    }
    if mode & 0o044 != 0 && (world.variable)(READABLE_IS_FINE).is_none_or(|set| !set.eq_ignore_ascii_case("true")) {
        return Err(mistake("others can read the file".into(), format!("{tighten} (or set {READABLE_IS_FINE}=true)")));
    }
    Ok(Some(file.text))
}

/// A file with its text.
struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    /// Reads the text, or notes why it cannot be read.
    fn parse(&self, mistakes: &mut Vec<Mistake>) -> Option<(&Self, DeTable<'_>)> {
        // The parser's own message quotes the line, which may hold a password.
        let mistake = |error: &toml::de::Error| {
            let line = error.span().map(|span| self.line(span.start));
            let at = line.map(|line| format!(" (line {line})")).unwrap_or_default();
            let place = self.path.display().to_string();
            Mistake { place, what: format!("the file is not TOML{at}"), remedy: Some("mend the line".into()) }
        };
        match DeTable::parse(&self.text) {
            Ok(table) => Some((self, table.into_inner())),
            Err(error) => {
                mistakes.push(mistake(&error));
                None
            }
        }
    }

    /// Gives the number of the line at a place in the text.
    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    /// Reads the values of a section, each with its line.
    fn layer(&self, section: &DeTable<'_>) -> Layer {
        let mut layer = Layer::new();
        for (key, value) in section {
            let text = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
                DeValue::Boolean(flag) => flag.to_string(),
                DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_)
                | DeValue::Table(_) => continue,
            };
            let name: &str = key.get_ref();
            if let Some(known) = canonical_key(name) {
                let place = format!("{}:{}", self.path.display(), self.line(key.span().start));
                layer.insert(known, Given { value: Some(Secret::new(text)), place });
            } else {
                tracing::debug!(key = name, "a key of the connection is ignored");
            }
        }
        layer
    }
}

fn environment(prefix: &str, world: &World<'_>) -> Layer {
    let mut layer = Layer::new();
    for name in (world.variables)() {
        // Only what means something here is asked for: a variable that nobody asks for is told as mistyped.
        let Some(key) = name.to_uppercase().strip_prefix(prefix).and_then(canonical_key) else { continue };
        if let Some(value) = (world.variable)(&name) {
            layer.insert(key, Given { value: Some(Secret::new(value)), place: format!("${name}") });
        }
    }
    layer
}

/// Reads a file with its mode, for [`World::read`].
pub fn read_file(path: &Path) -> io::Result<FileText> {
    let text = std::fs::read_to_string(path)?;
    Ok(FileText { text, mode: mode_of(path)? })
}

#[cfg(unix)]
fn mode_of(path: &Path) -> io::Result<Option<u32>> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(Some(std::fs::metadata(path)?.mode()))
}

#[cfg(not(unix))]
fn mode_of(_: &Path) -> io::Result<Option<u32>> {
    Ok(None)
}
