//! Values come from operations that are the same on every machine: `libm::exp`, not `f64::exp`, which is that of the
//! system's library.

use super::Violation;
use super::rust::{Word, is_test_file, lines, words};
use super::tree::Tree;

/// The crates whose numbers end in grids, voxels and traces.
const CRATES: [&str; 6] = [
    "crates/revoxel-core/src/",
    "crates/revoxel-resample/src/",
    "crates/revoxel-transforms/src/",
    "crates/revoxel-augment/src/",
    "crates/revoxel-extras/src/",
    "crates/revoxel-invert/src/",
];

/// Files that only tests use.
const TESTING: [&str; 2] = ["testing.rs", "oracle.rs"];

/// Methods of f32 and f64 that need not be exact, with the function to use.
const INEXACT: [(&str, &str); 21] = [
    ("exp", "exp"),
    ("exp2", "exp2"),
    ("exp_m1", "expm1"),
    ("ln", "log"),
    ("ln_1p", "log1p"),
    ("log", "log"),
    ("log2", "log2"),
    ("log10", "log10"),
    ("powf", "pow"),
    ("cbrt", "cbrt"),
    ("hypot", "hypot"),
    ("sin", "sin"),
    ("cos", "cos"),
    ("tan", "tan"),
    ("sin_cos", "sincos"),
    ("asin", "asin"),
    ("acos", "acos"),
    ("atan", "atan"),
    ("atan2", "atan2"),
    ("tanh", "tanh"),
    ("sinh", "sinh"),
];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    let of_values = |path: &str| {
        let testing = TESTING.iter().any(|name| path.ends_with(name)) || is_test_file(path);
        CRATES.iter().any(|place| path.starts_with(place)) && !testing
    };
    for (path, text) in tree.rust().filter(|(path, _)| of_values(path)) {
        for line in lines(text).into_iter().filter(|line| !line.test) {
            for Word { before, text: word, after } in words(&line.code) {
                let method = after.starts_with('(')
                    && (before.ends_with('.') || before.ends_with("f64::") || before.ends_with("f32::"));
                let Some((_, better)) = INEXACT.iter().find(|(name, _)| method && *name == word) else { continue };
                let remedy = format!("use libm::{better} (or {better}f): the same on every machine");
                violations.push(Violation::at(
                    path,
                    line.number,
                    format!("calls `{word}` of the system's library"),
                    remedy,
                ));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_on_every_machine() {
        let t = |path: &str, text: &str| check(&Tree::of(&[(path, text)])).len();
        let kernel = "crates/revoxel-resample/src/a.rs";
        assert_eq!(t(kernel, "fn f(x: f64) -> f64 { x.exp() + f64::sin_cos(x).0 }\n"), 2);
        assert_eq!(t(kernel, "fn f(x: f64) -> f64 { libm::exp(x).sqrt().powi(2) + self.ln + expected.log }\n"), 0);
        assert_eq!(t(kernel, "// x.exp()\n#[cfg(test)]\nmod tests {\n    fn f() { 1f64.exp() }\n}\n"), 0);
        assert_eq!(t("crates/revoxel-core/src/testing.rs", "fn f(x: f64) { x.exp() }\n"), 0);
        assert_eq!(t("crates/revoxel-runner/src/a.rs", "fn f(x: f64) { x.exp() }\n"), 0);
    }
}
