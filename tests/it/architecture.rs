//! What `src/lib.rs` says of the modules is so: who is pure, and who alone knows a library.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// The sources below a path of `src`, without their tests.
fn sources(path: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path), &mut found);
    found
}

fn gather(path: &Path, found: &mut Vec<(PathBuf, String)>) {
    if path.is_dir() {
        let is_tests = path.file_name().is_some_and(|name| name == "tests" || name == "sim");
        for entry in fs::read_dir(path).unwrap().filter(|_| !is_tests) {
            gather(&entry.unwrap().path(), found);
        }
        return;
    }
    let name = path.file_stem().unwrap().to_string_lossy();
    if path.extension().is_some_and(|end| end == "rs") && name != "tests" && !name.ends_with("_tests") {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        found.push((path.to_owned(), code.join("\n")));
    }
}

/// What has to do with the world outside.
const OUTSIDE: [&str; 12] = [
    "Utc::now",
    "Local::now",
    "Instant::now",
    "SystemTime",
    "std::env",
    "std::fs",
    "std::process",
    "TcpStream",
    "tokio::",
    "reqwest",
    "SystemRandom",
    "rusqlite",
];

#[test]
fn what_is_pure_touches_nothing_outside() {
    let mut files = 0;
    for place in ["event", "meta", "model", "batch.rs", "deliver/mod.rs", "deliver/backoff.rs"] {
        for (path, code) in sources(place) {
            for word in OUTSIDE {
                assert!(!code.contains(word), "{} knows {word}", path.display());
            }
            files += 1;
        }
    }
    assert!(files > 40, "{files} files");
    // The test is none if these words are nowhere.
    let all = sources("");
    for word in ["Utc::now", "std::env", "tokio::", "reqwest", "rusqlite", "SystemRandom"] {
        assert!(all.iter().any(|(_, code)| code.contains(word)), "nobody knows {word}");
    }
}

#[test]
fn each_library_of_the_outside_has_one_home() {
    for (word, homes) in [
        ("snowflake_api", &["source/snowflake/"][..]),
        ("rusqlite", &["ledger/"]),
        ("redirect::Policy", &["deliver/http.rs", "report/ping.rs", "source/snowflake/"]),
        ("Method::POST", &["deliver/http.rs", "report/ping.rs", "source/snowflake/", "sandbox/"]),
        ("io::stdout", &["report/console.rs", "main.rs"]),
        ("io::stderr", &["report/console.rs", "main.rs"]),
        ("parquet::", &["source/file/"]),
        ("rlibphonenumber", &["meta/normalize/"]),
    ] {
        let mut is_known = false;
        for (path, code) in sources("") {
            let path = path.to_string_lossy().into_owned();
            let is_home = homes.iter().any(|home| path.contains(&format!("src/{home}")));
            is_known |= code.contains(word);
            assert!(is_home || !code.contains(word), "{path} knows {word}");
        }
        assert!(is_known, "nobody knows {word}");
    }
}
