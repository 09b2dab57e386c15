//! As much of TOML as the tasks need: tables, and values over one or more lines.
//!
//! Knows no escapes, no strings over several lines and no dotted tables within tables; our own files have none.

/// The keys of a table with what stands behind `=`, without comments, on one line.
pub(crate) fn entries(text: &str, table: &str) -> Vec<(String, String)> {
    let head = format!("[{table}]");
    let mut lines = text.lines().map(without_comment).skip_while(|line| line.trim() != head).skip(1);
    let mut found = Vec::new();
    while let Some(line) = lines.next().filter(|line| !line.starts_with('[')) {
        let Some((key, value)) = line.split_once('=') else { continue };
        let mut value = value.trim().to_owned();
        while is_open(&value) {
            let Some(line) = lines.next() else { break };
            value = format!("{value} {}", line.trim());
        }
        found.push((key.trim().to_owned(), value));
    }
    found
}

/// A string in a table.
pub(crate) fn string(text: &str, table: &str, key: &str) -> Option<String> {
    quoted(&value(text, table, key)?).pop()
}

/// A list of strings in a table.
pub(crate) fn strings(text: &str, table: &str, key: &str) -> Option<Vec<String>> {
    Some(quoted(&value(text, table, key)?))
}

fn value(text: &str, table: &str, key: &str) -> Option<String> {
    entries(text, table).into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// What stands between quotation marks.
fn quoted(value: &str) -> Vec<String> {
    value.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn without_comment(line: &str) -> &str {
    let mut within = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => within = !within,
            '#' if !within => return &line[..at],
            _ => {}
        }
    }
    line
}

/// Whether a value has a bracket that is not closed.
fn is_open(value: &str) -> bool {
    let bare = value.split('"').step_by(2).collect::<String>();
    let count = |brackets: [char; 2]| bare.matches(brackets).count();
    count(['[', '{']) > count([']', '}'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
# licenses
[licenses]
allow = [ # permissive
    \"MIT\",
    \"A # B\", # not \"C\"
]
confidence = 0.9

[workspace.package]
version = \"0.1.0\"
list = [\"a]\"]
a = { path = \"b\",
  version = \"1\" }
[other]
version = \"2\"
";

    #[test]
    fn values_are_found_in_their_table() {
        assert_eq!(strings(TEXT, "licenses", "allow"), Some(vec!["MIT".to_owned(), "A # B".to_owned()]));
        assert_eq!(string(TEXT, "workspace.package", "version").as_deref(), Some("0.1.0"));
        assert_eq!(string(TEXT, "other", "version").as_deref(), Some("2"));
        assert_eq!(strings(TEXT, "workspace.package", "list"), Some(vec!["a]".to_owned()]));
        assert_eq!(string(TEXT, "licenses", "version"), None);
        assert_eq!(string(TEXT, "missing", "version"), None);
    }

    #[test]
    fn entries_are_joined_to_one_line() {
        let found = entries(TEXT, "workspace.package");
        assert_eq!(found.len(), 3);
        assert_eq!(found[2], ("a".to_owned(), "{ path = \"b\", version = \"1\" }".to_owned()));
    }
}
