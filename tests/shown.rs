//! What the README and the pages of `docs` show is run as it is printed. How a page marks what it shows says
//! `docs/testing.md`, *Shown commands*.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use crate::support::{Place, root};

/// What a page shows, in order.
#[derive(Debug, PartialEq)]
enum Shown {
    /// A command that prepares what follows.
    Before(String),
    /// A file that is saved, or a pipeline that `plan` must accept.
    File(Option<String>, String),
    /// A command, its output where it is shown, and its exit code.
    Command { text: String, output: Vec<String>, code: i32 },
    /// What is not run.
    Left,
}

/// The lines of a page that show something, by the number of the line.
fn shown(page: &str) -> Result<Vec<(usize, Shown)>, String> {
    let lines: Vec<&str> = page.lines().collect();
    let (mut all, mut at) = (Vec::new(), 0);
    while at < lines.len() {
        let line = lines[at];
        if let Some(command) = marked(line, "before") {
            all.push((at + 1, Shown::Before(command.to_owned())));
        }
        let Some(language) = line.strip_prefix("```") else {
            at += 1;
            continue;
        };
        let length = lines[at + 1..].iter().position(|l| *l == "```").ok_or(format!("{}: no end", at + 1))?;
        let (body, mark) = (&lines[at + 1..][..length], if at > 0 { lines[at - 1] } else { "" });
        match language {
            _ if marked(mark, "not run").is_some() => all.push((at + 1, Shown::Left)),
            "console" => commands(body, at + 2, marked(mark, "exit"), &mut all)?,
            "yaml" if mark == "<!-- part of a pipeline -->" => all.push((at + 1, Shown::Left)),
            "yaml" => {
                let (name, text) = (marked(mark, "file"), body.join("\n") + "\n");
                let whole = body.iter().find(|l| !l.starts_with('#')).is_some_and(|l| l.starts_with("version:"));
                if name.is_none() && !whole {
                    return Err(format!("{}: part of a pipeline without a mark", at + 1));
                }
                all.push((at + 1, Shown::File(name.map(str::to_owned), text)));
            }
            _ => {}
        }
        at += length + 2;
    }
    Ok(all)
}

/// What stands in `<!-- NAME: … -->` or `<!-- NAME … -->`.
fn marked<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let inner = line.trim().strip_prefix("<!-- ")?.strip_suffix(" -->")?.strip_prefix(name)?;
    inner.strip_prefix(": ").or_else(|| inner.strip_prefix(' '))
}

/// The commands of a block and what they print.
fn commands(body: &[&str], first: usize, code: Option<&str>, all: &mut Vec<(usize, Shown)>) -> Result<(), String> {
    let mut lines = body.iter().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let start = line.strip_prefix("$ ").ok_or(format!("{}: no command", first + number))?;
        let mut text = start.to_owned();
        let end = start.split_once("<<").map(|(_, rest)| rest.split(['\'', '"', ' ']).find(|w| !w.is_empty()));
        let goes_on = |last: &str| match end.flatten() {
            Some(end) => last != end,
            None => last.ends_with('\\'),
        };
        let mut last = start;
        while goes_on(last) {
            let (_, next) = lines.next().ok_or(format!("{}: the command does not end", first + number))?;
            text.push('\n');
            text.push_str(next);
            last = next;
        }
        let mut output = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.starts_with("$ ")) {
            output.push((*line).to_owned());
        }
        let code = code.filter(|_| lines.peek().is_none()).map_or(Ok(0), str::parse);
        let code = code.map_err(|e| format!("{}: {e}", first + number))?;
        all.push((first + number, Shown::Command { text, output, code }));
    }
    Ok(())
}

/// Whether lines are what is shown, where `...` stands for any lines.
fn fits(shown: &[String], lines: &[&str]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((any, rest)) if any.trim() == "..." => (0..=lines.len()).any(|from| fits(rest, &lines[from..])),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, others)| line.trim_end() == first.trim_end() && fits(rest, others))
        }
    }
}

/// A command in the folder of a page, with the program as `revoxel`.
fn bash(place: &Place, command: &str) -> (i32, String) {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-c", &command.replace("cargo run --release -- ", "revoxel ")])
        .current_dir(place.path("page"))
        .env("PATH", format!("{}:{path}", place.path("bin").display()))
        .env("NO_COLOR", "1")
        .env_remove("REVOXEL_LOG")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout) + &text(&output.stderr))
}

/// Runs a page from top to bottom; what is not as it says, and how many commands ran.
fn run(page: &Path) -> (Vec<String>, usize) {
    let place = Place::new();
    std::fs::create_dir_all(place.path("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_revoxel-under-test"), place.path("bin/revoxel")).unwrap();
    for entry in std::fs::read_dir(root().join("pipelines")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            place.text(
                &format!("page/pipelines/{}", path.file_name().unwrap().to_string_lossy()),
                &std::fs::read_to_string(&path).unwrap(),
            );
        }
    }
    crate::dicom_cases::scans(&place.path("page/.dicom"));
    let name = page.file_name().unwrap().to_string_lossy().into_owned();
    let all = match shown(&std::fs::read_to_string(page).unwrap()) {
        Ok(all) => all,
        Err(fault) => return (vec![format!("{name}:{fault}")], 0),
    };
    let (mut faults, mut ran) = (Vec::new(), 0);
    for (line, shown) in all {
        let (command, output, wanted) = match shown {
            Shown::Left => continue,
            Shown::Before(command) => (command, Vec::new(), 0),
            Shown::File(file, text) => {
                let whole = text.lines().find(|l| !l.starts_with('#')).is_some_and(|l| l.starts_with("version:"));
                let file = file.unwrap_or_else(|| "shown.yaml".to_owned());
                place.text(&format!("page/{file}"), &text);
                if !whole {
                    continue;
                }
                (format!("revoxel plan {file}"), Vec::new(), 0)
            }
            Shown::Command { text, output, code } => (text, output, code),
        };
        ran += 1;
        let (code, said) = bash(&place, &command);
        if code != wanted {
            faults.push(format!("{name}:{line}: exit code {code}, not {wanted}: {command}\n{said}"));
        } else if !output.is_empty() && !fits(&output, &said.trim_end().lines().collect::<Vec<_>>()) {
            faults.push(format!("{name}:{line}: another output: {command}\n{said}"));
        }
    }
    (faults, ran)
}

#[test]
fn what_pages_show_is_what_happens() {
    let mut pages = vec![root().join("README.md")];
    pages.extend(std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    // Steps of that page are tried by `documents`.
    pages.retain(|page| page.extension().is_some_and(|e| e == "md") && !page.ends_with("transforms.md"));
    let (mut faults, mut ran) = (Vec::new(), 0);
    for page in pages {
        let (wrong, commands) = run(&page);
        faults.extend(wrong);
        ran += commands;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(ran > 40, "{ran}");
}

#[test]
fn pages_are_read_by_their_marks() {
    let page = "a\n<!-- before: cp a b -->\n<!-- exit 2 -->\n```console\n$ one \\\n  two\nout\n...\n$ cat <<'END' > x\ny\nEND\n```\n\
                <!-- file: p.yaml -->\n```yaml\n# why\nversion: 1\n```\n<!-- not run: slow -->\n```console\n$ no\n```\n";
    let command = |text: &str, output: &[&str], code| Shown::Command {
        text: text.to_owned(),
        output: output.iter().map(|l| (*l).to_owned()).collect(),
        code,
    };
    let expected = [
        (2, Shown::Before("cp a b".to_owned())),
        (5, command("one \\\n  two", &["out", "..."], 0)),
        (9, command("cat <<'END' > x\ny\nEND", &[], 2)),
        (14, Shown::File(Some("p.yaml".to_owned()), "# why\nversion: 1\n".to_owned())),
        (19, Shown::Left),
    ];
    assert_eq!(shown(page).unwrap(), expected);
    assert!(shown("```yaml\nsteps: []\n```\n").is_err() && shown("```console\nno prompt\n```\n").is_err());
    let shown = ["a", "...", "b"].map(str::to_owned);
    assert!(fits(&shown, &["a", "x", "b", "b"]) && fits(&shown, &["a", "b"]) && !fits(&shown, &["a", "b", "c"]));
}
