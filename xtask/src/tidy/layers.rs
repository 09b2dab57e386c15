//! No files and no threads of their own in the crates that compute. (Rayon's pool belongs to the caller.)

use super::Violation;
use super::rust::{Word, is_test_file, lines, words};
use super::tree::Tree;

const CRATES: &[&str] = &[
    "revoxel-core",
    "revoxel-resample",
    "revoxel-transforms",
    "revoxel-augment",
    "revoxel-extras",
    "revoxel-invert",
    "revoxel-pipeline",
];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.rust().filter(|(path, _)| is_covered(path)) {
        for line in lines(text).iter().filter(|line| !line.test) {
            if let Some((what, remedy)) = words(&line.code).find_map(forbidden) {
                violations.push(Violation::at(path, line.number, format!("uses {what}"), remedy));
            }
        }
    }
    violations
}

fn is_covered(path: &str) -> bool {
    let package = path.strip_prefix("crates/").and_then(|rest| rest.split_once("/src/"));
    package.is_some_and(|(package, _)| CRATES.contains(&package)) && !is_test_file(path)
}

fn forbidden(word: Word<'_>) -> Option<(&'static str, &'static str)> {
    let Word { before, text, after } = word;
    match text {
        "fs" if before.ends_with("std::") || after.starts_with("::") => {
            Some(("std::fs", "take values, and let revoxel-io or revoxel-runner open the file"))
        }
        "thread" if ["::spawn", "::scope", "::Builder"].iter().any(|f| after.starts_with(f)) => {
            Some(("std::thread", "use rayon within the caller's pool, or move it to revoxel-runner"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(path: &str, text: &str, expected: &[&str]) {
        let found: Vec<String> = check(&Tree::of(&[(path, text)])).into_iter().map(|v| v.problem).collect();
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn files_and_threads_are_found() {
        let core = "crates/revoxel-core/src/a.rs";
        t(core, "use std::fs;\n", &["uses std::fs"]);
        t(core, "use std::{fs, io};\nfn f() { fs::read(x); }\n", &["uses std::fs"]);
        t(core, "std::thread::spawn(f);\n", &["uses std::thread"]);
        t(core, "// std::fs\nlet a = \"std::fs\";\n", &[]);
        t(core, "#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n", &[]);
        t("crates/revoxel-core/src/tests.rs", "use std::fs;\n", &[]);
        t("crates/revoxel-io/src/a.rs", "use std::fs;\n", &[]);
    }
}
