//! Tables of text.

/// Rows of cells under a head, each column as wide as its widest cell; columns of numbers are aligned to the right.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |c: usize| {
        let cells = rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count());
        cells.chain([head[c].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let numeric = |c: usize| {
        rows.iter()
            .filter_map(|r| r.get(c))
            .all(|s| s.is_empty() || s.starts_with(|f: char| f.is_ascii_digit() || f == '-'))
    };
    let right: Vec<bool> = (0..head.len()).map(numeric).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.enumerate().map(|(c, cell)| {
            let space = " ".repeat(widths[c].saturating_sub(cell.chars().count()));
            if right[c] { format!("{space}{cell}") } else { format!("{cell}{space}") }
        });
        let mut text = padded.collect::<Vec<_>>().join("  ").trim_end().to_owned();
        text.push('\n');
        text
    };
    let mut text = line(&mut head.iter().copied());
    text.push_str(&format!("{}\n", widths.iter().map(|w| "─".repeat(*w)).collect::<Vec<_>>().join("  ")));
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["a".to_owned(), "1.5".to_owned()], vec!["long".to_owned(), "10".to_owned()]];
        assert_eq!(table(&["name", "mm"], &rows), "name   mm\n────  ───\na     1.5\nlong   10\n");
    }
}
