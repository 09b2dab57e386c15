//! Words that do not stay in code: `unsafe` outside the voxel loops, and what marks unfinished work.

use super::Violation;
use super::rust::{Word, lines, words};
use super::tree::Tree;

/// The only places for `unsafe`: the voxel loops, the map of files, the allocator that fuzz targets count with, and the memory
/// that Rust and Python both see.
const UNSAFE: [&str; 4] =
    ["crates/revoxel-resample/", "crates/revoxel-io/src/map.rs", "fuzz/src/heap.rs", "python/src/buffer.rs"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.rust() {
        for line in lines(text) {
            for Word { text: word, after, .. } in words(&line.code) {
                let remedy = match word {
                    "unsafe" if !UNSAFE.iter().any(|place| path.starts_with(place)) => {
                        format!("write it without; only {} have unsafe code", UNSAFE.join(" and "))
                    }
                    "todo" | "unimplemented" if after.starts_with('!') => "finish it, or return an error".to_owned(),
                    "dbg" if after.starts_with('!') => "remove it".to_owned(),
                    _ => continue,
                };
                violations.push(Violation::at(path, line.number, format!("has `{word}`"), remedy));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_voxel_loops_are_unsafe() {
        let t = |path: &str, text: &str| check(&Tree::of(&[(path, text)])).len();
        assert_eq!(t("crates/revoxel-resample/src/a.rs", "unsafe { f() }\n"), 0);
        assert_eq!(t("crates/revoxel-io/src/a.rs", "unsafe { f() }\n"), 1);
        assert_eq!(t("crates/revoxel-io/src/map.rs", "unsafe { f() }\n"), 0);
        assert_eq!(t("fuzz/src/heap.rs", "unsafe { f() }\n"), 0);
        assert_eq!(t("fuzz/src/volume.rs", "unsafe { f() }\n"), 1);
        assert_eq!(t("python/src/buffer.rs", "unsafe { f() }\n"), 0);
        assert_eq!(t("python/src/volume.rs", "unsafe { f() }\n"), 1);
        assert_eq!(t("crates/revoxel-io/src/a.rs", "#![forbid(unsafe_code)] // unsafe\n"), 0);
    }

    #[test]
    fn unfinished_work_is_found() {
        let t = |text: &str| check(&Tree::of(&[("a.rs", text)])).len();
        assert_eq!(t("fn f() { todo!() }\nfn g() { unimplemented!(\"x\") }\ndbg!(1);\n"), 3);
        assert_eq!(t("let todo = \"todo!()\"; // dbg!\n"), 0);
    }
}
