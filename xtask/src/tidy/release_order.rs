//! `docs/releasing.md` lists every published crate below those that it depends on.

use super::Violation;
use super::tree::Tree;

const DOCUMENT: &str = "docs/releasing.md";
const HEADING: &str = "## Order of the crates";

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    let published = || tree.packages().iter().filter(|package| package.published);
    let listed = listed(tree.text(DOCUMENT).unwrap_or_default());
    for (at, (line, name)) in listed.iter().enumerate() {
        let is_above = |other: &str| listed[..at].iter().any(|(_, name)| *name == other);
        let Some(package) = published().find(|package| package.name == *name) else {
            let problem = format!("lists {name}, which is not published");
            violations.push(Violation::at(DOCUMENT, *line, problem, "remove the line"));
            continue;
        };
        if is_above(name) {
            violations.push(Violation::at(DOCUMENT, *line, format!("lists {name} again"), "remove the line"));
        }
        let needed = published().filter(|other| package.dependencies.contains(&other.name));
        for other in needed.filter(|other| !is_above(&other.name)) {
            let problem = format!("lists {name}, but not {} above it, on which it depends", other.name);
            violations.push(Violation::at(DOCUMENT, *line, problem, format!("move {} above {name}", other.name)));
        }
    }
    for package in published().filter(|package| listed.iter().all(|(_, name)| *name != package.name)) {
        let remedy = format!("add a line ``N. `{}` `` under `{HEADING}`, below what it depends on", package.name);
        violations.push(Violation::of(DOCUMENT, format!("does not list {}", package.name), remedy));
    }
    violations
}

/// The crates of the list below the heading, with their lines: ``1. `name` ``.
fn listed(text: &str) -> Vec<(usize, &str)> {
    let lines = (1..).zip(text.lines()).skip_while(|(_, line)| *line != HEADING).skip(1);
    let section = lines.take_while(|(_, line)| !line.starts_with("## "));
    section.filter_map(|(number, line)| Some((number, item(line)?))).collect()
}

fn item(line: &str) -> Option<&str> {
    let (number, rest) = line.split_once(". `")?;
    number.parse::<usize>().ok()?;
    Some(rest.split_once('`')?.0)
}

#[cfg(test)]
mod tests {
    use super::super::metadata::Package;
    use super::*;

    /// Crates `a`, `b` on `a`, `c` on both, and one that is not published.
    fn problems(list: &str) -> Vec<String> {
        let published = |name, dependencies| Package { published: true, ..Package::of("crates", name, dependencies) };
        let packages = vec![
            published("c", &["b", "a", "libc"]),
            published("a", &[]),
            published("b", &["a"]),
            Package::of("tests", "tests", &["c"]),
        ];
        let text = format!("# Releasing\n\n1. `cargo x`\n\n{HEADING}\n\nText.\n\n{list}\n## Tag\n\n1. `tag`\n");
        let tree = Tree::of(&[(DOCUMENT, &text)]).with_packages(packages);
        check(&tree).into_iter().map(|violation| violation.problem).collect()
    }

    #[test]
    fn a_crate_stands_below_what_it_depends_on() {
        assert_eq!(problems("1. `a`\n2. `b`\n3. `c`\n"), [""; 0]);
        assert_eq!(problems("1. `b`\n2. `a`\n3. `c`\n"), ["lists b, but not a above it, on which it depends"]);
        assert_eq!(problems("1. `a`\n2. `c`\n3. `b`\n"), ["lists c, but not b above it, on which it depends"]);
    }

    #[test]
    fn every_published_crate_is_listed_once() {
        assert_eq!(problems("1. `a`\n2. `b`\n"), ["does not list c"]);
        assert_eq!(problems("1. `a`\n2. `b`\n3. `c`\n4. `a`\n"), ["lists a again"]);
        assert_eq!(problems("1. `a`\n2. `b`\n3. `c`\n4. `tests`\n"), ["lists tests, which is not published"]);
        let tree =
            Tree::default().with_packages(vec![Package { published: true, ..Package::of("crates/a", "a", &[]) }]);
        assert_eq!(check(&tree).len(), 1);
    }
}
