//! No circle of imports between the files of a crate: a type or an error that two files share lies below both.
//!
//! What counts is `use` and paths that begin with `crate` or `super`, outside of tests. A file that uses its own parents
//! (`use super::...`) is how modules nest, and counts for nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Violation;
use super::rust::{is_test_file, lines};
use super::tree::Tree;

/// A module as the parts of its path; the root is empty.
type Module = Vec<String>;

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut crates: BTreeMap<&str, BTreeMap<Module, String>> = BTreeMap::new();
    for (path, text) in tree.rust().filter(|(path, _)| !is_test_file(path)) {
        let Some((folder, file)) = path.strip_prefix("crates/").and_then(|rest| rest.split_once("/src/")) else {
            continue;
        };
        let parts = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect::<Vec<_>>();
        let root = parts == ["lib"] || parts == ["main"];
        let code = lines(text).into_iter().filter(|line| !line.test).map(|line| line.code + "\n").collect::<String>();
        crates.entry(folder).or_default().insert(if root { Module::new() } else { parts }, code);
    }
    crates.iter().filter_map(|(name, modules)| circle(name, modules)).collect()
}

/// A circle in a crate: a shortest one.
fn circle(name: &str, modules: &BTreeMap<Module, String>) -> Option<Violation> {
    let found = Found::of(modules);
    let arrows: BTreeMap<&Module, BTreeSet<Module>> = modules
        .iter()
        .filter(|(module, _)| !module.is_empty())
        .map(|(module, code)| (module, paths(code).iter().filter_map(|path| found.target(module, path)).collect()))
        .collect();
    let around = arrows.keys().filter_map(|start| way_back(start, &arrows)).min_by_key(Vec::len)?;
    let shown = around.iter().map(|module| module.join("/")).collect::<Vec<_>>().join(" -> ");
    let file = format!("crates/{name}/src/{}.rs", around[0].join("/"));
    let remedy = "move the type or the error that ties them into a file of its own, below both";
    Some(Violation::of(&file, format!("a circle of imports: {shown}"), remedy))
}

/// The shortest way from a module through others back to itself.
fn way_back(start: &Module, arrows: &BTreeMap<&Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    let mut from: BTreeMap<&Module, &Module> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(module) = queue.pop_front() {
        for next in arrows.get(module).into_iter().flatten() {
            if next == start {
                let mut way = vec![start.clone(), module.clone()];
                let mut at = module;
                while let Some(before) = from.get(at) {
                    way.push((*before).clone());
                    at = before;
                }
                way.reverse();
                way.push(start.clone());
                way.dedup();
                return Some(way);
            }
            if next != start && !from.contains_key(next) {
                from.insert(next, module);
                queue.push_back(next);
            }
        }
    }
    None
}

/// The modules of a crate, and where names of its root come from.
struct Found<'a> {
    modules: &'a BTreeMap<Module, String>,
    names: BTreeMap<String, Module>,
}

impl<'a> Found<'a> {
    fn of(modules: &'a BTreeMap<Module, String>) -> Self {
        let mut found = Self { modules, names: BTreeMap::new() };
        let root = modules.get(&Module::new()).map_or("", String::as_str);
        for mut path in uses(root) {
            path.retain(|part| part != "crate" && part != "self");
            if let (Some(module), Some(name)) = (found.module(&path), path.last()) {
                found.names.insert(name.clone(), module);
            }
        }
        found
    }

    /// The module that a path from the root leads into.
    fn module(&self, path: &[String]) -> Option<Module> {
        (1..=path.len()).rev().map(|length| path[..length].to_vec()).find(|part| self.modules.contains_key(part))
    }

    /// The module that a path in another one leads into; `None` for itself, its parents and other crates.
    fn target(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let mut child = module.clone();
        child.push(first.clone());
        let (base, rest) = match first.as_str() {
            "crate" => (Module::new(), rest),
            "self" => (module.clone(), rest),
            "super" => {
                let up = path.iter().take_while(|part| *part == "super").count();
                (module[..module.len().saturating_sub(up)].to_vec(), &path[up..])
            }
            _ if self.modules.contains_key(&child) => (module.clone(), path),
            _ => return None,
        };
        let whole = [&base[..], rest].concat();
        let by_name = || self.names.get(rest.first().filter(|_| base.is_empty())?).cloned();
        let target = self.module(&whole).or_else(by_name)?;
        (!module.starts_with(&target)).then_some(target)
    }
}

/// Every path that a file names: of its `use` items, and those that begin with `crate` or `super`.
fn paths(code: &str) -> BTreeSet<Vec<String>> {
    let mut all: BTreeSet<Vec<String>> = uses(code).into_iter().collect();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            if code[..at].ends_with(is_part) || code[..at].ends_with('$') {
                continue;
            }
            let text = code[at..].split(|c| !is_part(c)).next().unwrap_or_default();
            all.insert(text.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect());
        }
    }
    all
}

/// The paths of the `use` items, one for each name.
fn uses(code: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let before = code[..at].trim_end_matches(' ');
        if before.is_empty() || before.ends_with(['\n', ')', 'b']) {
            let item = code[at + 4..].split(';').next().unwrap_or_default();
            let item: String = item.split_whitespace().collect::<Vec<_>>().join(" ");
            expand(&item, &[], &mut all);
        }
    }
    all
}

/// The paths of a tree of names in braces.
fn expand(item: &str, before: &[String], all: &mut Vec<Vec<String>>) {
    let item = item.trim();
    let (path, inner) = match item.split_once('{') {
        Some((path, rest)) => (path, Some(rest.trim_end().strip_suffix('}').unwrap_or(rest))),
        None => (item.split(" as ").next().unwrap_or_default(), None),
    };
    let parts = path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned);
    let path: Vec<String> = before.iter().cloned().chain(parts).collect();
    let Some(inner) = inner else {
        all.push(path);
        return;
    };
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&inner[start..at], &path, all);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !inner[start..].trim().is_empty() {
        expand(&inner[start..], &path, all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(files: &[(&str, &str)], expected: &str) {
        let files: Vec<(String, &str)> =
            files.iter().map(|(file, text)| (format!("crates/a/src/{file}.rs"), *text)).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (file.as_str(), *text)).collect();
        let found = check(&Tree::of(&files));
        let said = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert_eq!(found.is_empty(), expected.is_empty(), "{said}");
        assert!(said.contains(expected), "{said}");
    }

    #[test]
    fn circles_are_found() {
        t(&[("b", "use crate::c::C;\n"), ("c", "use std::fs;\n")], "");
        t(&[("b", "use crate::c::C;\n"), ("c", "use super::b::B;\n")], "b -> c -> b");
        // Through names of the root, trees of names, and paths in code.
        let root = "mod b;\nmod c;\npub use b::{B, Other};\n";
        t(
            &[("lib", root), ("b", "fn f() { crate::c::g() }\n"), ("c", "use crate::{B, d::{self, E}};\n")],
            "b -> c -> b",
        );
        t(&[("b", "use crate::c::C;\n"), ("c", "use crate::d::D;\n"), ("d", "use crate::b::B;\n")], "b -> c -> d -> b");
        // Parents, comments, strings and tests are no arrows.
        t(&[("b", "use crate::b::c::C;\n"), ("b/c", "use super::B;\n")], "");
        t(&[("b", "use crate::c::C;\n"), ("c", "// use crate::b::B;\nfn f() { g(\"crate::b::B\") }\n")], "");
        t(&[("b", "use crate::c::C;\n"), ("c", "#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n")], "");
    }
}
