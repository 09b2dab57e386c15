//! What a model says of whole images, a class or scores, as rows of a table: they have no place to go back to, but a
//! source that they are said of.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use revoxel_core::{Voxel, dispatch};
use revoxel_io::ReadError;
use revoxel_io::npy;

use crate::files::{FileError, at, write_text};
use crate::limits::limits;
use crate::prediction::is_array;

/// Numbers in one row at most: what has more is a volume.
const MOST: usize = 1 << 16;

/// Why there is no row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoresError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The system refuses.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is no array.
    #[error("{0}: expected an .npy or .npz array of scores")]
    NoArray(PathBuf),
    /// The array is empty.
    #[error("{0}: the array is empty")]
    Empty(PathBuf),
    /// The array is a volume.
    #[error(
        "{path}: {count} numbers are too many for scores of a whole image (at most {MOST}): use `revoxel invert` for a \
         volume"
    )]
    Volume {
        /// The file.
        path: PathBuf,
        /// Its numbers.
        count: usize,
    },
    /// Arrays that cannot be averaged.
    #[error("{path}: {count} numbers cannot be averaged with the {expected} of the first prediction")]
    OtherCount {
        /// The file.
        path: PathBuf,
        /// Its numbers.
        count: usize,
        /// Those of the first one.
        expected: usize,
    },
    /// Weights that make no mean.
    #[error("weights: {0}: weights and their sum must be above 0")]
    Weight(f64),
    /// The table is of another form.
    #[error("{0}: a table of scores needs the extension .csv or .tsv")]
    NoTable(PathBuf),
    /// What is there is no file.
    #[error("{0}: not a file")]
    NoFile(PathBuf),
    /// Numbers that have no mean.
    #[error(
        "{path}: {count} of {all} numbers are NaN, the first is number {first} (from 1): NaN cannot be averaged with \
         other predictions"
    )]
    NaN {
        /// The array.
        path: PathBuf,
        /// How many are NaN.
        count: usize,
        /// How many numbers there are.
        all: usize,
        /// Which is the first.
        first: usize,
    },
    /// Infinite numbers whose mean is none.
    #[error("number {0} (from 1) is +inf in one prediction and -inf in another: they have no mean")]
    NoMean(usize),
    /// The rows of the table are longer or shorter.
    #[error("{path}: its rows have {theirs} numbers, but the new row has {ours}: write it to another table")]
    Columns {
        /// The table.
        path: PathBuf,
        /// Numbers in its last row.
        theirs: usize,
        /// Numbers in the new one.
        ours: usize,
    },
    /// The table cannot be read.
    #[error("{path}: {reason}: use the separator of the extension, and quote names that contain it")]
    Table {
        /// The table.
        path: PathBuf,
        /// What is wrong.
        reason: csv::Error,
    },
    /// The table has a row of that name.
    #[error("{path}: the table already has a row of {name}: remove it first, or write to another table")]
    Twice {
        /// The table.
        path: PathBuf,
        /// The name.
        name: String,
    },
}

/// Reads the numbers of an .npy or .npz array of any shape, in its C order.
///
/// # Errors
/// Where it cannot be read, or is empty or a volume.
pub fn read(path: &Path) -> Result<Vec<f64>, ScoresError> {
    if !is_array(path) {
        return Err(ScoresError::NoArray(path.to_owned()));
    }
    let few = |shape: &[usize]| match shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).unwrap_or(usize::MAX) {
        count if count > MOST => Err(ScoresError::Volume { path: path.to_owned(), count }),
        _ => Ok(()),
    };
    let tensor = npy::read_if(path, &limits(), few)?;
    match tensor.voxels.len() {
        0 => Err(ScoresError::Empty(path.to_owned())),
        all => {
            let numbers: Vec<f64> = dispatch!(&tensor.voxels, v => v.iter().map(|x| x.to_f64()).collect());
            if let Some((count, first)) = not_numbers(&numbers) {
                tracing::warn!("{}: {count} of {all} numbers are NaN, the first is number {first}", path.display());
            }
            Ok(numbers)
        }
    }
}

/// How many numbers are NaN, and which is the first, from 1.
fn not_numbers(numbers: &[f64]) -> Option<(usize, usize)> {
    let first = numbers.iter().position(|v| v.is_nan())?;
    Some((numbers.iter().filter(|v| v.is_nan()).count(), first + 1))
}

/// The mean of the numbers of several predictions: of each its file, its numbers and its weight.
///
/// # Errors
/// Where counts differ, weights make no mean, a number is NaN, or infinities of both signs meet.
pub fn mean(members: &[(PathBuf, Vec<f64>, f64)]) -> Result<Vec<f64>, ScoresError> {
    let Some((_, first, _)) = members.first() else { return Ok(Vec::new()) };
    let total: f64 = members.iter().map(|(_, _, weight)| weight).sum();
    let wrong = members.iter().map(|(_, _, weight)| *weight).find(|w| !(w.is_finite() && *w > 0.0));
    if let Some(weight) = wrong.or((!total.is_finite()).then_some(total)) {
        return Err(ScoresError::Weight(weight));
    }
    if let [(_, only, _)] = members {
        return Ok(only.clone());
    }
    let mut sums = vec![0.0; first.len()];
    for (path, values, weight) in members {
        if values.len() != first.len() {
            let (path, count, expected) = (path.clone(), values.len(), first.len());
            return Err(ScoresError::OtherCount { path, count, expected });
        }
        if let Some((count, first)) = not_numbers(values) {
            return Err(ScoresError::NaN { path: path.clone(), count, all: values.len(), first });
        }
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value * weight);
    }
    match sums.iter().position(|sum| sum.is_nan()) {
        Some(number) => Err(ScoresError::NoMean(number + 1)),
        None => Ok(sums.into_iter().map(|sum| sum / total).collect()),
    }
}

/// The separator of a table, by its name.
///
/// # Errors
/// Where it is no table.
pub fn separator_of(table: &Path) -> Result<char, ScoresError> {
    match table.extension().and_then(|e| e.to_str()).map(str::to_lowercase).as_deref() {
        Some("csv") => Ok(','),
        Some("tsv") => Ok('\t'),
        _ => Err(ScoresError::NoTable(table.to_owned())),
    }
}

/// A row: the name, then the numbers, so that each is read again as it is.
pub fn row(name: &str, values: &[f64], separator: char) -> String {
    let mut row = field(name, separator);
    for value in values {
        row.push(separator);
        row.push_str(&format!("{value:?}"));
    }
    row + "\n"
}

/// A name as it stands in a table.
fn field(name: &str, separator: char) -> String {
    if name.contains([separator, '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

/// Writes a table of one row.
///
/// # Errors
/// Where the system refuses.
pub fn write(table: &Path, name: &str, values: &[f64]) -> Result<(), ScoresError> {
    let text = row(name, values, separator_of(table)?);
    Ok(write_text(table, &text)?)
}

/// Adds a row to a table, which is begun where it is not there. Several programs may do so at once.
///
/// # Errors
/// Where the table has a row of that name or rows of another length, or the system refuses; the table is as it was then.
pub fn append(table: &Path, name: &str, values: &[f64]) -> Result<(), ScoresError> {
    let separator = separator_of(table)?;
    if std::fs::metadata(table).is_ok_and(|there| !there.is_file()) {
        return Err(ScoresError::NoFile(table.to_owned()));
    }
    let mut options = OpenOptions::new();
    let mut file = options.read(true).append(true).create(true).open(table).map_err(at(table))?;
    // One after another; where files cannot be locked, the rows are still added whole.
    match file.lock() {
        Err(e) if e.kind() != io::ErrorKind::Unsupported => return Err(at(table)(e).into()),
        _ => {}
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(at(table))?;
    let rows = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(separator as u8);
    for record in reader.from_reader(rows.as_bytes()).records() {
        let record = record.map_err(|reason| ScoresError::Table { path: table.to_owned(), reason })?;
        if record.get(0) == Some(name) {
            return Err(ScoresError::Twice { path: table.to_owned(), name: name.to_owned() });
        }
        let (theirs, ours) = (record.len().saturating_sub(1), values.len());
        if theirs != ours {
            return Err(ScoresError::Columns { path: table.to_owned(), theirs, ours });
        }
    }
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if rows.is_empty() || text.ends_with(['\n', '\r']) { "" } else { ending };
    let row = row(name, values, separator);
    let added = format!("{gap}{}{ending}", row.strip_suffix('\n').unwrap_or(&row));
    if let Err(e) = file.write_all(added.as_bytes()) {
        undo(&file, text.len());
        return Err(at(table)(e).into());
    }
    Ok(())
}

/// Takes back what was added of a row.
fn undo(file: &File, length: usize) {
    if let Err(e) = file.set_len(length as u64) {
        tracing::warn!("the table may end with an incomplete row: {e}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_again_as_they_are() {
        let values = [1.0, -0.0, 0.1, f64::from(0.1f32), 1e300, 5e-324, f64::NAN, f64::INFINITY, 12_345_678.0];
        let line = row("a/b.nii.gz", &values, ',');
        assert_eq!(&line[..15], "a/b.nii.gz,1.0,");
        let read: Vec<f64> = line.trim_end().split(',').skip(1).map(|f| f.parse().unwrap()).collect();
        assert!(read.iter().zip(&values).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()));
        assert_eq!(row("a,\"b\"", &[2.0], ','), "\"a,\"\"b\"\"\",2.0\n");
        assert_eq!(row("a,b", &[2.0], '\t'), "a,b\t2.0\n");
    }

    #[test]
    fn means_are_weighted() {
        let member = |values: &[f64], weight| (PathBuf::from("p.npy"), values.to_vec(), weight);
        assert_eq!(mean(&[member(&[0.1], 1.0)]).unwrap(), [0.1]);
        assert_eq!(mean(&[member(&[1.0, 4.0], 3.0), member(&[5.0, 0.0], 1.0)]).unwrap(), [2.0, 3.0]);
        let bad = |members: &[_], part: &str| {
            let error = mean(members).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        bad(&[member(&[1.0], 1.0), member(&[1.0, 2.0], 1.0)], "2 numbers cannot be averaged with the 1");
        bad(&[member(&[1.0], 0.0), member(&[1.0], 1.0)], "0: weights and their sum must be above 0");
        bad(&[member(&[1.0], -1.0), member(&[1.0], 3.0)], "-1: weights and");
        bad(&[member(&[1.0], f64::NAN)], "NaN: weights and");
        bad(&[member(&[1.0], 1e308), member(&[1.0], 1e308)], "inf: weights and their sum must be above 0");
    }

    #[test]
    fn rows_are_added_by_many_at_once_and_once_only() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("t.csv");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let table = &table;
                scope.spawn(move || {
                    (0..25).for_each(|i| append(table, &format!("{thread}/{i}"), &[f64::from(i), 0.5]).unwrap());
                });
            }
        });
        let text = std::fs::read_to_string(&table).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        let mut expected: Vec<String> =
            (0..4).flat_map(|t| (0..25).map(move |i| format!("{t}/{i},{i}.0,0.5"))).collect();
        expected.sort_unstable();
        assert_eq!(lines, expected);
        assert!(matches!(append(&table, "3/7", &[1.0, 2.0]), Err(ScoresError::Twice { .. })));
        assert_eq!(std::fs::read_to_string(&table).unwrap(), text);
        // A name that begins as another does; a table whose last line does not end.
        std::fs::write(&table, "ab,1.0").unwrap();
        append(&table, "a", &[2.0]).unwrap();
        assert_eq!(std::fs::read_to_string(&table).unwrap(), "ab,1.0\na,2.0\n");
    }

    #[test]
    fn tables_of_other_programs_are_gone_on_with_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let t = |text: &str, expected: Result<&str, &str>| {
            let table = folder.path().join("t.csv");
            std::fs::write(&table, text).unwrap();
            let done = append(&table, "a.nrrd", &[2.0]).map_err(|e| e.to_string());
            let after = std::fs::read_to_string(&table).unwrap();
            match (done, expected) {
                (Ok(()), Ok(expected)) => assert_eq!(after, expected),
                (Err(said), Err(part)) => assert!(said.contains(part) && after == text, "{said}"),
                (done, _) => panic!("{text:?}: {done:?}"),
            }
        };
        t("", Ok("a.nrrd,2.0\n"));
        t("b.nrrd,1.0\r\n", Ok("b.nrrd,1.0\r\na.nrrd,2.0\r\n"));
        t("source,score\r\nb,1", Ok("source,score\r\nb,1\r\na.nrrd,2.0\r\n"));
        t("\"x\na.nrrd,y\",1\n", Ok("\"x\na.nrrd,y\",1\na.nrrd,2.0\n"));
        for there in ["a.nrrd,1\n", "\"a.nrrd\",1\n", "\u{feff}a.nrrd,1\n", "b,2\ra.nrrd,1\r", "b,2\na.nrrd,1"] {
            t(there, Err("already has a row of a.nrrd"));
        }
        t("a.nrrd\n", Err("already has a row of a.nrrd"));
        t("b,1,2\n", Err("its rows have 2 numbers, but the new row has 1"));
        t("b;1\n", Err("its rows have 0 numbers"));
        let error = append(&folder.path().join("nowhere/t.csv"), "a", &[1.0]).unwrap_err().to_string();
        assert!(error.contains("nowhere"), "{error}");
        std::fs::create_dir(folder.path().join("d.csv")).unwrap();
        let error = append(&folder.path().join("d.csv"), "a", &[1.0]).unwrap_err().to_string();
        assert!(error.contains("not a file"), "{error}");
    }
}
