//! Every transform's file opens with the fixed headings, from which the manual is made.

use super::Violation;
use super::registered::transform_files;
use super::tree::Tree;

/// The headings, in order. `revoxel_transforms::docs` reads the same ones.
const HEADINGS: [&str; 4] = ["What it does", "YAML", "Inverse", "Same as"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in transform_files(tree) {
        let sections = sections(file.text);
        let found: Vec<&str> = sections.iter().map(|s| s.heading).filter(|h| HEADINGS.contains(h)).collect();
        if let Some(missing) = HEADINGS.iter().find(|heading| !found.contains(heading)) {
            let problem = format!("the heading `# {missing}` is missing");
            violations.push(Violation::of(file.path, problem, format!("add the line `//! # {missing}` and a text")));
        } else if found != HEADINGS {
            let remedy = format!("bring them in the order {}", HEADINGS.join(", "));
            violations.push(Violation::of(file.path, format!("the headings are {}", found.join(", ")), remedy));
        }
        for Section { heading, line, text } in sections {
            if heading == "YAML" && !text.contains(&"```yaml") {
                let remedy = "add an example: the lines `//! ```yaml`, `//! name: { .. }`, `//! ```".to_owned() + "`";
                violations.push(Violation::at(file.path, line, "there is no example under `# YAML`", remedy));
            } else if HEADINGS.contains(&heading) && text.iter().all(|line| line.is_empty()) {
                violations.push(Violation::at(file.path, line, format!("nothing under `# {heading}`"), "add a text"));
            }
        }
    }
    violations
}

/// A part of the head of a file.
struct Section<'a> {
    heading: &'a str,
    /// Line of the heading, from 1.
    line: usize,
    text: Vec<&'a str>,
}

/// The sections of the `//!` head.
fn sections(source: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut fenced = false;
    let head = source.lines().map_while(|line| line.strip_prefix("//!"));
    for (line, text) in (1..).zip(head.map(|text| text.strip_prefix(' ').unwrap_or(text))) {
        fenced ^= text.starts_with("```");
        match text.strip_prefix("# ") {
            Some(heading) if !fenced => sections.push(Section { heading: heading.trim(), line, text: Vec::new() }),
            _ => sections.last_mut().into_iter().for_each(|section| section.text.push(text)),
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "//! Title.\n//!\n//! # What it does\n//! A.\n//!\n//! # YAML\n//! ```yaml\n//! # Inverse\n\
        //! ```\n//!\n//! # Inverse\n//! B.\n//!\n//! # Same as\n//! C.\n";

    fn t(head: &str) -> Vec<String> {
        let text = format!("{head}\nimpl Define for Flip {{}}\n");
        let tree = Tree::of(&[("crates/revoxel-transforms/src/spatial/flip.rs", &text)]);
        check(&tree).into_iter().map(|v| v.problem).collect()
    }

    #[test]
    fn headings_are_complete_and_in_order() {
        assert_eq!(t(GOOD), [""; 0]);
        assert_eq!(t(&GOOD.replace("# Same as", "Same as")), ["the heading `# Same as` is missing"]);
        let swapped =
            GOOD.replace("# What it does", "# X").replace("# Same as", "# What it does").replace("# X", "# Same as");
        assert_eq!(t(&swapped), ["the headings are Same as, YAML, Inverse, What it does"]);
    }

    #[test]
    fn sections_hold_something() {
        assert_eq!(t(&GOOD.replace("//! C.\n", "")), ["nothing under `# Same as`"]);
        assert_eq!(t(&GOOD.replace("```yaml", "```text")), ["there is no example under `# YAML`"]);
    }
}
