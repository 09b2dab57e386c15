//! No file knows the machine it was written on: no absolute paths, no package registries.

use super::Violation;
use super::tree::Tree;

/// Beginnings of paths that mean something on one machine only.
const PATHS: &[&str] = &["/work/", "/tmp/", "/root/", "/home/", "/Users/"];

/// Hosts of package registries, public ones and the usual mirrors' names.
const HOSTS: &[&str] = &[
    "index.crates.io",
    "static.crates.io",
    "pypi.org",
    "files.pythonhosted.org",
    "download.pytorch.org",
    "conda.anaconda.org",
    "registry.npmjs.org",
    "artifactory",
];

/// A text that may stand in a file all the same.
struct Allowed {
    file: &'static str,
    text: &'static str,
    #[expect(dead_code, reason = "read by people")]
    reason: &'static str,
}

const ALLOWED: &[Allowed] =
    &[Allowed { file: "xtask/src/tidy/machines.rs", text: "", reason: "the list itself, and its tests" }];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.texts() {
        // Looking at the whole first spares the lines of large records.
        let suspects = PATHS.iter().chain(HOSTS).filter(|suspect| text.contains(**suspect)).collect::<Vec<_>>();
        if suspects.is_empty() {
            continue;
        }
        for (number, line) in (1..).zip(text.lines()) {
            for suspect in suspects.iter().filter(|suspect| mentions(line, suspect) && !is_allowed(path, suspect)) {
                let remedy = if suspect.starts_with('/') {
                    "use a relative path, or a temporary folder made by the tempfile crate"
                } else {
                    "leave registries to everyone's own configuration"
                };
                violations.push(Violation::at(path, number, format!("mentions {suspect}"), remedy));
            }
        }
    }
    violations
}

fn is_allowed(path: &str, suspect: &str) -> bool {
    ALLOWED.iter().any(|allowed| allowed.file == path && suspect.contains(allowed.text))
}

/// Whether a line has the text; a path counts only where it is absolute, alone or behind `file://`.
fn mentions(line: &str, suspect: &str) -> bool {
    line.match_indices(suspect).any(|(at, _)| {
        let before = &line[..at];
        let continues = |c: char| c.is_alphanumeric() || "._-/}~$*".contains(c);
        !suspect.starts_with('/') || before.ends_with("file://") || !before.ends_with(continues)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(file: &str, text: &str, expected: &[&str]) {
        let found: Vec<String> = check(&Tree::of(&[(file, text)])).into_iter().map(|v| v.problem).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn absolute_paths_are_found() {
        t("a.md", "see /home/me/x\n", &["mentions /home/"]);
        t("a.rs", "let a = \"/tmp/a\";\n", &["mentions /tmp/"]);
        t("a.json", "\"file:///work/a\"\n", &["mentions /work/"]);
        t("a.md", "docs/work/a, {case}/tmp/a, https://example.org/home/a, /dev/null\n", &[]);
    }

    #[test]
    fn registries_are_found() {
        t("a.txt", "--index-url https://pypi.org/simple\n", &["mentions pypi.org"]);
        t("Cargo.lock", "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n", &[]);
    }

    #[test]
    fn exceptions_hold_for_their_file_only() {
        t("xtask/src/tidy/machines.rs", "/tmp/ pypi.org\n", &[]);
        t("xtask/src/tidy/links.rs", "/tmp/\n", &["mentions /tmp/"]);
    }
}
