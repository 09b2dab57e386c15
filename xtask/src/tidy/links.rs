//! Relative links in Markdown lead to something.

use super::Violation;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.with_extension(&["md"]) {
        let mut fenced = false;
        for (number, line) in (1..).zip(text.lines()) {
            fenced ^= line.trim_start().starts_with("```");
            if fenced {
                continue;
            }
            for target in targets(&without_code(line)) {
                if !resolved(path, &target).is_some_and(|to| tree.exists(&to)) {
                    let problem = format!("the link {target} leads nowhere");
                    violations.push(Violation::at(path, number, problem, "give a path relative to the file's folder"));
                }
            }
        }
    }
    violations
}

/// The line without what stands in backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// The relative targets of a line's links, `[text](target)` and `[name]: target`, without fragments and titles.
fn targets(line: &str) -> Vec<String> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let defined = line.strip_prefix('[').and_then(|rest| rest.split_once("]:")).map(|(_, target)| target.trim());
    let relative = |target: &&str| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
    let path = |target: &str| target.split('#').next().unwrap_or_default().to_owned();
    inline.chain(defined).filter(relative).map(path).filter(|target| !target.is_empty()).collect()
}

/// The path that a link in a file means, relative to the root; `None` where it leads out.
pub(super) fn resolved(file: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            // An absolute path starts with an empty part.
            "" => return None,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(line: &str, expected: usize) {
        let tree = Tree::of(&[("README.md", ""), ("docs/a.md", line), ("docs/b.md", "")]);
        assert_eq!(check(&tree).len(), expected, "{line}");
    }

    #[test]
    fn links_lead_somewhere() {
        t("[b](b.md) and [top](../README.md#use), [here](#x), [web](https://example.org/a.md)\n", 0);
        t("[docs](../docs/) [docs](.)\n", 0);
        t("[b]: b.md\n", 0);
        t("[c](c.md) [d](../b.md \"title\")\n", 2);
        t("[out](../../README.md) [root](/README.md)\n", 2);
        t("[c]: c.md\n", 1);
    }

    #[test]
    fn code_has_no_links() {
        t("`[c](c.md)`\n```\n[c](c.md)\n```\n", 0);
    }
}
