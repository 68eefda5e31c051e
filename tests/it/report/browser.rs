//! The page in headless Chromium: at both widths and in both schemes nothing sticks out, nothing is loaded, nothing
//! is complained of, and every text can be read.
//!
//! Where no Chromium is found, the test says so; what does not need one is tested beside it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::page::page;
use super::stored::{histories, imported};
use crate::support::run::Sandboxed;

/// The browser that `CHROMIUM` names, or the first on the PATH.
fn chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file())
}

/// What is asked of the page within the browser. Text is measured against the nearest background behind it.
const QUESTIONS: &str = r"
const see = (color) => {
  const [r, g, b] = color.match(/[0-9.]+/g).map(Number).map((part) => {
    const share = part / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (color !== 'rgba(0, 0, 0, 0)') return color;
  }
  return 'rgb(255, 0, 255)';
};
let least = 99, texts = 0, out = [];
for (const details of document.querySelectorAll('details')) details.open = true;
for (const element of document.body.querySelectorAll('*')) {
  const box = element.getBoundingClientRect();
  if (box.width === 0) continue;
  if (element.matches('.scroll') && element.scrollWidth > element.clientWidth) out.push('a table');
  if (box.left < -0.5 || box.right > innerWidth + 0.5) out.push(element.tagName + '.' + element.getAttribute('class'));
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || element.matches('title, desc')) continue;
  const style = getComputedStyle(element);
  const [one, other] = [see(element.closest('svg') ? style.fill : style.color), see(behind(element))];
  least = Math.min(least, (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05));
  texts += 1;
}
parent.document.documentElement.setAttribute('data-told', JSON.stringify({
  inner: innerWidth, scroll: document.documentElement.scrollWidth, out, least, texts,
  dark: matchMedia('(prefers-color-scheme: dark)').matches,
  loaded: performance.getEntriesByType('resource').length,
  wide: [...document.querySelectorAll('.chart.wide')].filter((chart) => chart.getBoundingClientRect().width > 0).length,
  narrow: [...document.querySelectorAll('.chart.narrow')].filter((chart) => chart.getBoundingClientRect().width > 0).length,
}));
";

/// Shows a page, and gives its elements as they are then and what the browser said of it.
fn show(chromium: &Path, file: &Path, width: u32, scheme: Scheme) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"])
        .args(["--enable-logging=stderr", "--log-level=0", "--dump-dom"])
        // Whatever were asked for would not be found.
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={width},2000"))
        .arg(format!("--blink-settings=preferredColorScheme={}", scheme as u8))
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// What the reader of a page prefers, by Blink's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Dark = 0,
    Light = 1,
}

/// What the browser answers about a page.
fn ask(chromium: &Path, it: &Sandboxed, page: &str, width: u32, scheme: Scheme) -> Value {
    // The page forbids scripts; the questions are one, so they are asked of a copy without that line.
    let (before, after) = page.split_once("\n<meta http-equiv=").unwrap();
    let after = after.split_once("/>").unwrap().1.replace("</body>", &format!("<script>{QUESTIONS}</script></body>"));
    // No window is narrower than 500 pixels, but a frame is.
    let within = format!("{before}{after}").replace('&', "&amp;").replace('"', "&quot;");
    let frame = format!(
        "<!doctype html><html style=\"color-scheme: light dark\"><body style=\"margin: 0\">\
         <iframe style=\"border: 0; width: {width}px; height: 2000px\" srcdoc=\"{within}\"></iframe></body></html>"
    );
    it.stage.write("asked.html", frame);
    let (elements, said) = show(chromium, &it.stage.path("asked.html"), width + 100, scheme);
    let told = elements.split_once("data-told=\"").and_then(|(_, rest)| rest.split_once('"'));
    let told = told.unwrap_or_else(|| panic!("the browser does not answer: {said}")).0;
    serde_json::from_str(&told.replace("&quot;", "\"")).unwrap()
}

#[test]
fn the_page_can_be_read_at_both_widths_and_in_both_schemes() {
    let Some(chromium) = chromium() else {
        // Past what the test runner captures, so that nobody takes it for a look.
        std::io::stderr()
            .write_all(b"no Chromium is on the PATH, and CHROMIUM names none: nobody looked at the page with one\n")
            .unwrap();
        return;
    };
    for what in ["a month", "forty names", "no run"] {
        let (_, runs) = histories().into_iter().find(|(name, _)| *name == what).unwrap();
        let it = imported(&runs);
        let page = page(&it.stage, &[]);
        for (width, scheme) in [(390, Scheme::Light), (390, Scheme::Dark), (1280, Scheme::Light), (1280, Scheme::Dark)]
        {
            let told = ask(&chromium, &it, &page, width, scheme);
            let where_ = format!("{what} at {width}, {scheme:?}: {told}");
            assert_eq!((&told["inner"], &told["dark"]), (&width.into(), &(scheme == Scheme::Dark).into()), "{where_}");
            assert!(told["scroll"].as_u64() <= Some(u64::from(width)), "{where_}");
            assert_eq!((&told["out"], &told["loaded"]), (&serde_json::json!([]), &0.into()), "{where_}");
            // Source: WCAG 2.2, 1.4.3: contrast of text, level AA.
            assert!(told["least"].as_f64() >= Some(4.5) && told["texts"].as_u64() > Some(4), "{where_}");
            let (shown, hidden) = if width < 640 { ("narrow", "wide") } else { ("wide", "narrow") };
            assert_eq!(told[hidden], 0, "{where_}");
            assert_eq!(told[shown].as_u64() > Some(0), what != "no run", "{where_}");
        }
        let (elements, said) = show(&chromium, &it.stage.path("page.html"), 390, Scheme::Light);
        assert!(elements.contains("Conversions sent to Meta"), "{elements}");
        let complaints: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert_eq!(complaints, [""; 0], "{what}");
    }
}
