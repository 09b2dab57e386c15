//! How errors are shown, and with which exit code the program ends.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::path::Path;

use miette::{LabeledSpan, MietteDiagnostic, MietteHandlerOpts, NamedSource, Report, ReportHandler};
use revoxel_pipeline::{PipelineError, Place};
use revoxel_runner::printable::{printable, printable_in_place};
use serde_json::{Value, json};
use textwrap::{WordSeparator, WordSplitter};

use super::flags;

/// Errors are broken into lines on a terminal alone, and there never within an option or a path.
pub(super) fn set_form() {
    let terminal = std::io::stderr().is_terminal();
    let form = move || {
        let form = MietteHandlerOpts::new().wrap_lines(terminal).break_words(false);
        form.word_splitter(WordSplitter::NoHyphenation).word_separator(WordSeparator::AsciiSpace)
    };
    // Another form that was set before stays.
    let _ = miette::set_hook(Box::new(move |_| Box::new(form().build()) as Box<dyn ReportHandler>));
}

/// Why the program ends with an error.
pub(super) struct Failure {
    code: u8,
    report: Option<Report>,
    /// File, line and column, where the error is about a text.
    place: Option<String>,
    /// What to do, besides what the report says.
    help: Option<String>,
}

impl Failure {
    /// The work failed: exit code 1.
    pub(super) fn work(message: impl fmt::Display + 'static) -> Self {
        let help = flags::help(&flags::settings(&message));
        Self { report: Some(Report::msg(printable(&message.to_string()).into_owned())), help, ..Self::told() }
    }

    /// The command, the pipeline or the data layout is wrong: exit code 2.
    pub(super) fn usage(message: impl fmt::Display + 'static) -> Self {
        Self::work(message).with_code(2)
    }

    /// The same for an error about a file that it does not name: exit code 2.
    pub(super) fn about(file: &Path, error: impl fmt::Display + 'static) -> Self {
        let help = flags::help(&flags::settings(&error));
        Self { help, ..Self::usage(format!("{}: {error}", file.display())) }
    }

    /// A fault in a pipeline file, shown with its line: exit code 2.
    pub(super) fn pipeline(error: &PipelineError) -> Self {
        let place = error.place;
        let mut diagnostic = MietteDiagnostic::new(printable(&error.problem).into_owned());
        let (text, offset) = shortened(&error.text, place);
        if place.line > 0 {
            let length = place.length.clamp(1, text.len().saturating_sub(offset).max(1));
            diagnostic = diagnostic.with_label(LabeledSpan::at(offset..offset + length, "here"));
        }
        if let Some(help) = &error.help {
            diagnostic = diagnostic.with_help(printable(help).into_owned());
        }
        let source = NamedSource::new(printable(&error.file), text);
        let at = (place.line > 0).then(|| format!("{}:{}:{}", error.file, place.line, place.column));
        Self { code: 2, report: Some(Report::new(diagnostic).with_source_code(source)), place: at, help: None }
    }

    /// The work failed, and people have been told already: exit code 1.
    pub(super) const fn told() -> Self {
        Self { code: 1, report: None, place: None, help: None }
    }

    /// The same with another exit code.
    pub(super) fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// The same with advice, where there is none yet.
    pub(super) fn with_help(self, help: &str) -> Self {
        Self { help: Some(help.to_owned()), ..self }
    }

    /// The error in words; empty where people have been told already.
    pub(super) fn message(&self) -> String {
        self.report.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    /// The error in words, with what to do.
    pub(super) fn message_with_help(&self) -> String {
        let message = self.message();
        self.help.as_ref().map_or_else(|| message.clone(), |help| format!("{message} ({help})"))
    }

    /// Prints the error to standard error, and goes on.
    pub(super) fn tell(&self) {
        let mut to = std::io::stderr();
        if let Some(report) = &self.report {
            let _ = writeln!(to, "{report:?}");
        }
        if let Some(help) = &self.help {
            let _ = writeln!(to, "  help: {help}\n");
        }
    }

    /// The exit code.
    pub(super) const fn code(&self) -> u8 {
        self.code
    }

    /// The error as a document; `None` where people have been told already.
    pub(super) fn document(&self) -> Option<Value> {
        let report = self.report.as_ref()?;
        let help = report.help().map(|help| help.to_string()).or_else(|| self.help.clone());
        Some(json!({ "error": report.to_string(), "help": help, "place": self.place, "exit_code": self.code }))
    }
}

/// Lines of more bytes are shown in part, around the place.
const LONG: usize = 1000;
/// How much of them is shown on each side.
const AROUND: usize = 60;

/// A text as it can be shown, and where in it a place is: of a line that is too long, a part. Lines keep their numbers.
fn shortened(text: &str, place: Place) -> (String, usize) {
    let offset = place.offset.min(text.len());
    let start = text[..floor(text, offset)].rfind('\n').map_or(0, |at| at + 1);
    let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    if end - start <= LONG {
        return (printable_in_place(text), offset);
    }
    let first = floor(text, offset.saturating_sub(AROUND).max(start));
    let last = floor(text, (offset + place.length.min(AROUND) + AROUND).min(end));
    let mut part = "\n".repeat(text[..start].matches('\n').count());
    let before = part.len()
        + if first > start {
            part.push_str("… ");
            "… ".len()
        } else {
            0
        };
    part.push_str(&printable_in_place(&text[first..last]));
    if last < end {
        part.push_str(" …");
    }
    (part, before + offset - first)
}

/// The closest place up to this one where a character begins.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// What a command gives.
pub(super) type Outcome = Result<(), Failure>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_shown_in_part() {
        let text = format!("first\n{}ä wrong: 1 {}\nlast", "x".repeat(5000), "ü".repeat(2000));
        let offset = text.find("wrong").unwrap();
        let place = Place { line: 2, offset, length: 5, ..Place::default() };
        let (part, at) = shortened(&text, place);
        assert!(part.starts_with("\n… xxx") && part.ends_with("ü …") && part.len() < 250, "{part}");
        assert_eq!(&part[at..at + 5], "wrong");
        let short = "a: \x1b[2J\nb: 2";
        let place = Place { line: 2, offset: 8, length: 1, ..Place::default() };
        assert_eq!(shortened(short, place), ("a: ?[2J\nb: 2".to_owned(), 8));
    }
}
