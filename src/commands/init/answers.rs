//! Questions, and who answers them.

use std::fmt::Write as _;
use std::io;

use crate::report::console;

/// A question.
#[derive(Debug, Clone)]
pub(super) struct Question {
    text: String,
    /// What can be chosen by its number; another answer may be typed.
    choices: Vec<String>,
    /// What an empty line means.
    default: Option<String>,
    /// Says what is wrong with an answer, if anything is.
    check: fn(&str) -> Result<(), &'static str>,
    /// Whether something else than the choices may be answered.
    is_open: bool,
}

impl Question {
    /// Which of several connections.
    pub(super) fn connection(names: &[String], default: &str) -> Self {
        let default = names.iter().find(|name| *name == default).or(names.first()).cloned();
        Self {
            text: "connection to Snowflake".into(),
            choices: names.to_vec(),
            default,
            check: |_| Ok(()),
            is_open: false,
        }
    }

    /// Which table.
    pub(super) fn table(candidates: &[String]) -> Self {
        Self {
            text: "table with one row for each conversion (DATABASE.SCHEMA.TABLE)".into(),
            choices: candidates.to_vec(),
            default: candidates.first().cloned(),
            check: crate::source::snowflake::check_table,
            is_open: true,
        }
    }

    /// Which dataset.
    pub(super) fn dataset() -> Self {
        let check = |answer: &str| {
            let is_number = answer.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { Ok(()) } else { Err("is a number: Events Manager shows it beside the dataset's name") }
        };
        Self { text: "id of Meta's dataset (pixel)".into(), choices: Vec::new(), default: None, check, is_open: true }
    }

    /// Which country.
    pub(super) fn country() -> Self {
        let check = |answer: &str| {
            let is_known = crate::meta::normalize::Country::parse(answer).is_some();
            if is_known { Ok(()) } else { Err("is no ISO 3166-1 country") }
        };
        Self { text: "country".into(), choices: Vec::new(), default: None, check, is_open: true }
    }

    /// Whether people must have agreed.
    pub(super) fn consent() -> Self {
        let text = "column that says whether a person consented, or not-needed".into();
        Self { text, choices: Vec::new(), default: Some("not-needed".into()), check: |_| Ok(()), is_open: true }
    }

    /// What an answer stands for, or what is wrong with it.
    fn read(&self, answer: &str) -> Result<String, String> {
        let answer = answer.trim();
        let by_number = answer.parse::<usize>().ok().and_then(|number| self.choices.get(number.checked_sub(1)?));
        let meant = match (by_number, answer.is_empty(), &self.default) {
            (Some(choice), _, _) => choice.clone(),
            (None, true, Some(default)) => default.clone(),
            (None, true, None) => return Err("an answer is needed".into()),
            (None, false, _) => answer.to_owned(),
        };
        self.check(&meant).map(|()| meant).map_err(|why| format!("it {why}"))
    }

    /// Says what is wrong with an answer, if anything is.
    pub(super) fn check(&self, answer: &str) -> Result<(), &'static str> {
        if answer.trim().is_empty() {
            return Err("is empty");
        }
        if !self.is_open && !self.choices.iter().any(|choice| choice == answer) {
            return Err("is none of these");
        }
        (self.check)(answer)
    }

    fn show(&self) -> String {
        let mut prompt = String::new();
        for (at, choice) in self.choices.iter().enumerate() {
            writeln!(prompt, "  {}  {choice}", at + 1).unwrap_or_default();
        }
        let default = self.default.as_ref().map(|default| format!(" [{default}]")).unwrap_or_default();
        write!(prompt, "? {}{default}: ", self.text).unwrap_or_default();
        prompt
    }
}

/// Who answers.
#[derive(Debug)]
pub(super) enum Asker<T> {
    /// Nobody can be asked.
    Nobody,
    /// Someone sits there.
    Somebody(T),
}

/// Someone at a terminal.
#[derive(Debug)]
pub(super) struct Terminal;

/// Gives lines that someone types; `None` when no more come.
pub(super) trait Lines {
    /// Shows a prompt and waits for a line.
    fn line(&mut self, prompt: &str) -> io::Result<Option<String>>;
}

impl Lines for Terminal {
    fn line(&mut self, prompt: &str) -> io::Result<Option<String>> {
        console::ask(prompt)
    }
}

impl<T: Lines> Asker<T> {
    /// Whether nobody can be asked.
    pub(super) fn is_nobody(&self) -> bool {
        matches!(self, Self::Nobody)
    }

    /// Asks until an answer will do; `None` where nobody answers.
    pub(super) fn ask(&mut self, question: &Question) -> io::Result<Option<String>> {
        let Self::Somebody(terminal) = self else { return Ok(None) };
        let mut prompt = question.show();
        loop {
            let Some(answer) = terminal.line(&prompt)? else {
                // Whoever ended the input answers nothing more.
                *self = Self::Nobody;
                return Ok(None);
            };
            match question.read(&answer) {
                Ok(meant) => return Ok(Some(meant)),
                Err(why) => prompt = format!("  {why}\n? {}: ", question.text),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Lines that were typed beforehand, and the prompts they answered.
    #[derive(Debug, Default)]
    struct Typed(VecDeque<&'static str>, Vec<String>);

    impl Lines for Typed {
        fn line(&mut self, prompt: &str) -> io::Result<Option<String>> {
            self.1.push(prompt.to_owned());
            Ok(self.0.pop_front().map(str::to_owned))
        }
    }

    fn check(question: &Question, typed: &[&'static str], expected: Option<&str>, prompts: usize) {
        let mut asker = Asker::Somebody(Typed(typed.iter().copied().collect(), Vec::new()));
        assert_eq!(asker.ask(question).unwrap().as_deref(), expected, "{typed:?}");
        match asker {
            Asker::Somebody(Typed(_, shown)) => assert_eq!(shown.len(), prompts, "{shown:?}"),
            Asker::Nobody => assert_eq!(expected, None, "{typed:?}"),
        }
    }

    #[test]
    fn an_answer_is_a_number_a_text_or_nothing() {
        let tables = Question::table(&["A.B.ONE".into(), "A.B.TWO".into()]);
        check(&tables, &["2\n"], Some("A.B.TWO"), 1);
        check(&tables, &["\n"], Some("A.B.ONE"), 1);
        check(&tables, &["X.Y.Z\n"], Some("X.Y.Z"), 1);
        check(&tables, &["a b c", "1"], Some("A.B.ONE"), 2);
        check(&tables, &[], None, 1);
        check(&Question::table(&[]), &["\n", "T\n"], Some("T"), 2);
        check(&Question::dataset(), &["my pixel\n", "", "123\n"], Some("123"), 3);
        check(&Question::consent(), &["\n"], Some("not-needed"), 1);
        check(&Question::connection(&["dev".into(), "prod".into()], "prod"), &["\n"], Some("prod"), 1);
        check(&Question::connection(&["dev".into()], "default"), &["\n"], Some("dev"), 1);
    }

    #[test]
    fn nobody_is_not_asked() {
        let mut nobody: Asker<Typed> = Asker::Nobody;
        assert_eq!(nobody.ask(&Question::dataset()).unwrap(), None);
    }
}
