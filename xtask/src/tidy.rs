//! `cargo xtask tidy`: the rules that the compiler and clippy do not check.
//!
//! A check is a function from a [`Tree`] to [`Violation`]s, in a file of its own, and one line in [`CHECKS`]. Each
//! violation says what to do about it.

mod arrows;
mod circles;
mod external;
mod heads;
mod layers;
mod length;
mod links;
mod machines;
mod metadata;
mod names;
mod pipelines;
mod portable;
mod published;
mod registered;
mod release_order;
mod rules;
mod rust;
mod transforms;
mod tree;
mod whitespace;
mod words;

use std::fmt;
use std::path::Path;

use anyhow::{Result, ensure};

use tree::Tree;

/// A check, with the name under which it is listed.
struct Check {
    name: &'static str,
    check: fn(&Tree) -> Vec<Violation>,
}

/// All checks. One line each.
const CHECKS: &[Check] = &[
    Check { name: "arrows between crates", check: arrows::check },
    Check { name: "circles between files", check: circles::check },
    Check { name: "external dependencies", check: external::check },
    Check { name: "files and threads below io and runner", check: layers::check },
    Check { name: "transforms are registered", check: registered::check },
    Check { name: "transforms are documented", check: transforms::check },
    Check { name: "heads and names of Rust files", check: heads::check },
    Check { name: "length of Rust files", check: length::check },
    Check { name: "the same values on every machine", check: portable::check },
    Check { name: "words that do not stay in code", check: words::check },
    Check { name: "names of public items", check: names::check },
    Check { name: "whitespace", check: whitespace::check },
    Check { name: "published packages", check: published::check },
    Check { name: "order of publishing", check: release_order::check },
    Check { name: "links", check: links::check },
    Check { name: "tests that hold the rules of formats", check: rules::check },
    Check { name: "paths and hosts of one machine", check: machines::check },
    Check { name: "shipped pipelines", check: pipelines::check },
];

/// Something that is not as agreed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    /// The file, relative to the root.
    file: String,
    /// The line, counted from 1, where one can be named.
    line: Option<usize>,
    /// What is wrong.
    problem: String,
    /// The line to add, or the thing to do.
    remedy: String,
}

impl Violation {
    /// A violation of a file as a whole.
    fn of(file: &str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, problem: problem.into(), remedy: remedy.into() }
    }

    /// A violation on a line, counted from 1.
    fn at(file: &str, line: usize, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { line: Some(line), ..Self::of(file, problem, remedy) }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        write!(f, "{}{line}: {}\n    {}", self.file, self.problem, self.remedy)
    }
}

/// Prints every violation; says whether there is none.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    ensure!(arguments.is_empty(), "takes no arguments");
    let tree = Tree::read(root)?;
    let mut count = 0;
    for Check { name, check } in CHECKS {
        let mut violations = check(&tree);
        violations.sort();
        if !violations.is_empty() {
            println!("{name}:");
        }
        violations.iter().for_each(|violation| println!("  {violation}"));
        count += violations.len();
    }
    let (checks, files) = (CHECKS.len(), tree.len());
    match count {
        0 => println!("tidy: {checks} checks over {files} files, all well"),
        n => println!("tidy: {checks} checks over {files} files, {n} violation{}", if n == 1 { "" } else { "s" }),
    }
    Ok(count == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_is_shown_with_its_place_and_remedy() {
        assert_eq!(Violation::at("a.rs", 3, "wrong", "do this").to_string(), "a.rs:3: wrong\n    do this");
        assert_eq!(Violation::of("a.rs", "wrong", "do this").to_string(), "a.rs: wrong\n    do this");
    }

    #[test]
    fn an_empty_tree_has_no_violations() {
        for Check { name, check } in CHECKS {
            assert_eq!(check(&Tree::default()), [], "{name}");
        }
    }
}
