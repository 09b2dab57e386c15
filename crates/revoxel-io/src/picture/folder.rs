//! Folders of pictures.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::decode::Kind;

/// Whether a folder holds pictures and nothing else but JSON and hidden files. Ends with the first file that is none.
pub(super) fn is_of_pictures(path: &Path) -> bool {
    path.is_dir() && list(path).is_ok_and(|files| files.is_some_and(|files| !files.is_empty()))
}

/// The pictures of a folder, in the order of their names, numbers by their size. `None` where there are other files.
pub(super) fn list(path: &Path) -> io::Result<Option<Vec<PathBuf>>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || name.to_lowercase().ends_with(".json") {
            continue;
        }
        let mut first = Vec::new();
        if !fs::metadata(&path)?.is_file() {
            return Ok(None);
        }
        File::open(&path)?.take(8).read_to_end(&mut first)?;
        if Kind::of(&first).is_none() {
            return Ok(None);
        }
        files.push((name, path));
    }
    files.sort_by(|a, b| in_order(&a.0, &b.0));
    Ok(Some(files.into_iter().map(|(_, path)| path).collect()))
}

/// The first two files between whose numbers, the last ones in their names, one is missing: the steps from file to file are
/// not all the same.
pub(super) fn jump(files: &[PathBuf]) -> Option<[String; 2]> {
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let number = |path: &PathBuf| {
        let stem = path.file_stem()?.to_string_lossy().into_owned();
        let end = stem.rfind(|c: char| c.is_ascii_digit())? + 1;
        let start = stem[..end].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
        stem.get(start..end)?.parse::<u64>().ok()
    };
    let numbers: Vec<u64> = files.iter().map(number).collect::<Option<_>>()?;
    let least = numbers.windows(2).map(|w| w[1].saturating_sub(w[0])).min()?;
    let at = numbers.windows(2).position(|w| w[1].saturating_sub(w[0]) != least)?;
    Some([name(&files[at]), name(&files[at + 1])])
}

/// Names as people order them: `s2` before `s10`.
fn in_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        match (digits(left), digits(right)) {
            (0, 0) => match (left.chars().next(), right.chars().next()) {
                (None, None) => return a.cmp(b),
                (x, y) if x != y => return x.cmp(&y),
                (x, _) => {
                    let step = x.map_or(0, char::len_utf8);
                    (left, right) = (&left[step..], &right[step..]);
                }
            },
            (0, _) | (_, 0) => return left.cmp(right),
            (m, n) => {
                let number = |text: &str| text.trim_start_matches('0').to_owned();
                let (x, y) = (number(&left[..m]), number(&right[..n]));
                let order = x.len().cmp(&y.len()).then_with(|| x.cmp(&y));
                if order != Ordering::Equal {
                    return order;
                }
                (left, right) = (&left[m..], &right[n..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_is_missing_is_seen() {
        let files = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(
            jump(&files(&["a/s1.png", "a/s2.png", "a/s4.png"])),
            Some(["s2.png".to_owned(), "s4.png".to_owned()])
        );
        assert_eq!(jump(&files(&["s02_x.png", "s04_x.png", "s06_x.png"])), None);
        assert_eq!(jump(&files(&["front.png", "back.png"])), None);
        assert_eq!(jump(&files(&["7.png"])), None);
    }

    #[test]
    fn names_in_the_order_of_people() {
        let mut names = ["s10.png", "s2.png", "s02.png", "s1.png", "t.png", "s.png", "s1a.png", "S3.png", "s1.5.png"];
        names.sort_by(|a, b| in_order(a, b));
        assert_eq!(
            names,
            ["S3.png", "s.png", "s1.5.png", "s1.png", "s1a.png", "s02.png", "s2.png", "s10.png", "t.png"]
        );
    }
}
