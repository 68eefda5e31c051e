//! `[ping]`: the watchdog that is told about runs.

use super::Context;
use super::reader::Reader;
use crate::report::ping::Watchdog;

impl Context<'_> {
    /// Reads the section.
    pub(super) fn ping(&self, reader: &mut Reader<'_>) -> Option<Watchdog> {
        let mut section = reader.section("ping");
        let url = self.secret(&mut section, "url", None, &mut None).map(|(url, _)| url);
        let watchdog = url.as_ref().and_then(|url| Watchdog::new(url.expose()));
        if url.is_some() && watchdog.is_none() {
            let what = "must begin with https://, or with http:// and name this machine";
            section.mistake("default", "url", what);
        }
        section.end();
        watchdog
    }
}
