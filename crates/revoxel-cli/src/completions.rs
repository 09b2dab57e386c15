//! `revoxel completions` and `revoxel man`

use std::path::PathBuf;

use clap_complete::Shell;
use revoxel_runner::files::write_text;

use super::command_line;
use super::failure::{Failure, Outcome};
use super::show;

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Examples:
  revoxel completions bash > ~/.local/share/bash-completion/completions/revoxel
  revoxel completions zsh > ~/.zfunc/_revoxel";

/// Print what a shell needs to complete commands and options.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command_line(), "revoxel", &mut script);
    show::text(&String::from_utf8(script).map_err(Failure::work)?)
}

/// Write the manual as man pages: revoxel.1, and one for each command.
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The folder to write to, such as ~/.local/share/man/man1; created if missing.
    folder: PathBuf,
}

pub(super) fn man(args: &ManArgs) -> Outcome {
    let refused = |e: std::io::Error| Failure::usage(format!("{}: {e}", args.folder.display()));
    std::fs::create_dir_all(&args.folder).map_err(refused)?;
    let mut command = command_line();
    command.build();
    let mut pages = vec![(command.get_name().to_owned(), command.clone())];
    let visible = command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help");
    pages.extend(visible.map(|sub| (format!("revoxel-{}", sub.get_name()), sub.clone())));
    for (name, mut command) in pages {
        let mut page = Vec::new();
        let usage = command.render_usage().to_string();
        let command = command.override_usage(usage.trim_start_matches("Usage:").trim().to_owned());
        clap_mangen::Man::new(command).render(&mut page).map_err(refused)?;
        let text = String::from_utf8(page).map_err(Failure::work)?;
        write_text(&args.folder.join(format!("{name}.1")), &text).map_err(Failure::usage)?;
    }
    Ok(())
}
