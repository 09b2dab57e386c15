//! How the program ends.

use std::process::ExitCode;

use serde_json::json;

use super::failure::Failure;
use super::show;

/// Prints an error to standard error, and as JSON where that was asked for and nothing was printed yet.
pub(super) fn failed(failure: &Failure) -> ExitCode {
    if let Some(document) = failure.document().filter(|_| wants_json() && !show::has_printed()) {
        // Nobody is left to tell.
        let _ = show::json(&document);
    }
    failure.tell();
    ExitCode::from(failure.code())
}

/// Shows why the arguments are not understood, or the help that they ask for.
pub(super) fn not_understood(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && wants_json() {
        let text = error.to_string();
        let said = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        let document = json!({ "error": said, "help": null, "place": null, "exit_code": error.exit_code() });
        let _ = show::json(&document);
    }
    let _ = error.print();
    ExitCode::from(error.exit_code().try_into().unwrap_or(2))
}

fn wants_json() -> bool {
    std::env::args_os().any(|argument| argument == "--json")
}
