//! Texts that become parts of file names.

/// Refuses what cannot be a part of a file's name. Names of files that are found have none of it.
pub(super) fn plain(column: &str, value: &str) -> Result<(), String> {
    let bad = value.contains(|c: char| c == '\0' || c == '/' || std::path::is_separator(c));
    match bad || [".", ".."].contains(&value) {
        true => Err(format!("{column} {value:?} cannot be a part of a file name")),
        false => Ok(()),
    }
}

/// A text as a part of a file's name: everything but letters, digits and `-_.+` becomes `_`, one for several that follow
/// each other; so does a `.` at either end. `None` if nothing else is left.
pub(super) fn safe(text: &str) -> Option<String> {
    let mut name = String::new();
    let last = text.chars().count().saturating_sub(1);
    for (at, letter) in text.chars().enumerate() {
        let kept = letter.is_alphanumeric() || "-_+".contains(letter) || (letter == '.' && at > 0 && at < last);
        match kept {
            true => name.push(letter),
            false if name.ends_with('_') => {}
            false => name.push('_'),
        }
    }
    name.chars().any(char::is_alphanumeric).then_some(name)
}

/// The first problems, and how many more there are.
pub(super) fn shortened(mut problems: Vec<String>) -> Vec<String> {
    const MOST: usize = 20;
    let more = problems.len().saturating_sub(MOST);
    problems.truncate(MOST);
    problems.extend((more > 0).then(|| format!("… and {more} more")));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_parts_of_file_names() {
        let t = |text: &str| safe(text).unwrap_or_default();
        assert_eq!(t("LIDC-IDRI-0001"), "LIDC-IDRI-0001");
        assert_eq!(t("DOE^JANE"), "DOE_JANE");
        assert_eq!(t("Lung  (thin) 1.25/B70f"), "Lung_thin_1.25_B70f");
        assert_eq!(t("../x\\y"), "_._x_y");
        assert_eq!(t(".hidden."), "_hidden_");
        assert_eq!(t("Müller"), "Müller");
        for nothing in ["", " ", "..", "/", "?*"] {
            assert_eq!(safe(nothing), None, "{nothing:?}");
        }
        for text in ["../x", "a/b", ".a", "a\u{7}b", "a\\b", "..."] {
            assert!(safe(text).is_none_or(|name| plain("x", &name).is_ok()), "{text:?}");
        }
    }
}
