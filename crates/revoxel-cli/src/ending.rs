//! How the program ends.

use std::ffi::OsString;
use std::sync::OnceLock;

use serde_json::json;

use super::failure::Failure;
use super::show;

/// What was typed.
static TYPED: OnceLock<Vec<OsString>> = OnceLock::new();

/// Keeps the arguments, so that errors are printed in the requested form.
pub(super) fn typed(arguments: &[OsString]) {
    let _ = TYPED.set(arguments.to_vec());
}

/// Prints an error to standard error, and as JSON where that was asked for and nothing was printed yet.
pub(super) fn failed(failure: &Failure) -> u8 {
    if let Some(document) = failure.document().filter(|_| wants_json() && !show::has_printed()) {
        // Nobody is left to tell.
        let _ = show::json(&document);
    }
    failure.tell();
    failure.code()
}

/// Shows why the arguments are not understood, or the help that they ask for.
pub(super) fn not_understood(error: &clap::Error) -> u8 {
    if error.use_stderr() && wants_json() {
        let text = error.to_string();
        let said = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        let document = json!({ "error": said, "help": null, "place": null, "exit_code": error.exit_code() });
        let _ = show::json(&document);
    }
    let _ = error.print();
    error.exit_code().try_into().unwrap_or(2)
}

fn wants_json() -> bool {
    TYPED.get().is_some_and(|typed| typed.iter().any(|argument| argument == "--json"))
}
