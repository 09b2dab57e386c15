//! The parameter type of every transform is documented under the fixed headings, from which the manual is made, and
//! the file says what other programs call the transform.

use super::Violation;
use super::registered::transform_files;
use super::tree::Tree;

/// The headings, in order. `revoxel_transforms::docs` reads the same ones, and makes *Same as* of the peers.
const HEADINGS: [&str; 3] = ["What it does", "YAML", "Inverse"];

/// How the list of peers begins.
const PEERS: &str = "const PEERS: &'static [Peer] =";

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in transform_files(tree) {
        let sections = sections(file.text, &file.kind);
        let found: Vec<&str> = sections.iter().map(|s| s.heading).filter(|h| HEADINGS.contains(h)).collect();
        if let Some(missing) = HEADINGS.iter().find(|heading| !found.contains(heading)) {
            let problem = format!("the heading `# {missing}` is missing");
            violations.push(Violation::of(file.path, problem, format!("add the line `/// # {missing}` and a text")));
        } else if found != HEADINGS {
            let remedy = format!("bring them in the order {}", HEADINGS.join(", "));
            violations.push(Violation::of(file.path, format!("the headings are {}", found.join(", ")), remedy));
        }
        for Section { heading, line, text } in sections {
            if heading == "YAML" && !text.contains(&"```yaml") {
                let remedy = "add an example: the lines `/// ```yaml`, `/// name: { .. }`, `/// ```".to_owned() + "`";
                violations.push(Violation::at(file.path, line, "there is no example under `# YAML`", remedy));
            } else if HEADINGS.contains(&heading) && text.iter().all(|line| line.is_empty()) {
                violations.push(Violation::at(file.path, line, format!("nothing under `# {heading}`"), "add a text"));
            }
        }
        if !file.text.lines().any(|line| line.trim_start().starts_with(PEERS)) {
            let remedy = format!("add `{PEERS} &[..];` to `impl Define`, with what other programs call the transform");
            violations.push(Violation::of(file.path, "no peers are stated", remedy));
        }
    }
    violations
}

/// A part of a doc comment.
struct Section<'a> {
    heading: &'a str,
    /// Line of the heading, from 1.
    line: usize,
    text: Vec<&'a str>,
}

/// The sections of the doc comment of a type.
fn sections<'a>(source: &'a str, kind: &str) -> Vec<Section<'a>> {
    let lines: Vec<&str> = source.lines().collect();
    let declares = |line: &&str| {
        let name = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "));
        name.is_some_and(|name| name.split(|c: char| !c.is_alphanumeric() && c != '_').next() == Some(kind))
    };
    let end = lines.iter().position(declares).unwrap_or_default();
    let end = end - lines[..end].iter().rev().take_while(|line| line.starts_with("#[")).count();
    let start = end - lines[..end].iter().rev().take_while(|line| line.starts_with("///")).count();
    let mut sections: Vec<Section<'a>> = Vec::new();
    let mut fenced = false;
    let comment = lines[start..end].iter().filter_map(|line| line.strip_prefix("///"));
    for (line, text) in (start + 1..).zip(comment.map(|text| text.strip_prefix(' ').unwrap_or(text))) {
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

    const GOOD: &str = "//! Flip.\n\n/// Title.\n///\n/// # What it does\n/// A.\n///\n/// # YAML\n/// ```yaml\n\
        /// # Inverse\n/// ```\n///\n/// # Inverse\n/// B.\n#[derive(Debug)]\n#[serde(default)]\n\
        pub struct Flip {}\nimpl Define for Flip {\n    const PEERS: &'static [Peer] = &[];\n}\n";

    fn t(text: &str) -> Vec<String> {
        let tree = Tree::of(&[("crates/revoxel-transforms/src/spatial/flip.rs", text)]);
        check(&tree).into_iter().map(|v| v.problem).collect()
    }

    #[test]
    fn headings_are_complete_and_in_order() {
        assert_eq!(t(GOOD), [""; 0]);
        assert_eq!(t(&GOOD.replace("# What it does", "What it does")), ["the heading `# What it does` is missing"]);
        let swapped =
            GOOD.replace("# What it does", "# X").replace("\n/// # Inverse\n/// B", "\n/// # What it does\n/// B");
        let swapped = swapped.replace("# X", "# Inverse");
        assert_eq!(t(&swapped), ["the headings are Inverse, YAML, What it does"]);
    }

    #[test]
    fn sections_hold_something() {
        assert_eq!(t(&GOOD.replace("/// B.\n", "")), ["nothing under `# Inverse`"]);
        assert_eq!(t(&GOOD.replace("```yaml", "```text")), ["there is no example under `# YAML`"]);
    }

    #[test]
    fn peers_are_stated() {
        assert_eq!(t(&GOOD.replace("PEERS", "KINDS")), ["no peers are stated"]);
    }
}
