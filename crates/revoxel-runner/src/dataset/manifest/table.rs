//! Lists of cases as tables: one row for each case, one column for each input.

use revoxel_pipeline::{CASE, CaseList};

use super::{BETWEEN, Row, Rows};

/// The rows of a table. Blanks around a cell do not count, but for a path with blanks that is `there`.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn rows(
    text: &str,
    list: &CaseList,
    extension: &str,
    there: &dyn Fn(&str) -> bool,
) -> Result<Rows, Vec<String>> {
    let delimiter = if extension == "tsv" { b'\t' } else { b',' };
    let trim = csv::Trim::Headers;
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(trim).from_reader(text.as_bytes());
    let columns: Vec<String> = match reader.headers() {
        Ok(columns) => columns.iter().map(str::to_owned).collect(),
        Err(error) => return Err(vec![error.to_string()]),
    };
    if let Some(twice) = columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name)) {
        return Err(vec![format!("two columns have the name {:?}", twice.1)]);
    }
    let names = list.name.as_deref().unwrap_or(CASE);
    if let Some(other) = separator(&columns, names, delimiter) {
        return Err(vec![other]);
    }
    if !columns.iter().any(|column| column == names) {
        let all = columns.join(", ");
        return Err(vec![format!(
            "it has no column {names:?} with the names of the cases; its columns are {all}; write \
                                 `name: COLUMN` under `cases`"
        )]);
    }
    let mut rows = Rows { columns, ..Rows::default() };
    let mut problems = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                problems.push(error.to_string());
                continue;
            }
        };
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = Row { place: format!("line {line}"), ..Row::default() };
        for (column, cell) in rows.columns.iter().zip(&record).filter(|(_, cell)| !cell.trim().is_empty()) {
            if column == names {
                row.name = Some(cell.trim().to_owned());
            }
            if column == "split" {
                row.split = Some(cell.trim().to_owned());
            }
            let part = |part: &str| match part.trim() {
                trimmed if trimmed.len() < part.len() && there(part) => part.to_owned(),
                trimmed => trimmed.to_owned(),
            };
            row.columns.insert(column.clone(), cell.split(BETWEEN).map(part).collect());
        }
        rows.rows.push(row);
    }
    if problems.is_empty() { Ok(rows) } else { Err(problems) }
}

/// What is said of a table whose cells another character separates: no column has the name that is looked for.
fn separator(columns: &[String], names: &str, delimiter: u8) -> Option<String> {
    if columns.iter().any(|column| column == names) {
        return None;
    }
    let others = [(b';', "';'"), (b'\t', "tabs"), (b',', "','")].into_iter().filter(|(other, _)| *other != delimiter);
    let (_, shown) = others.into_iter().find(|(other, _)| {
        columns.iter().any(|column| column.split(char::from(*other)).any(|cell| cell.trim() == names))
            || matches!(columns, [only] if only.contains(char::from(*other)))
    })?;
    let expected = if delimiter == b'\t' { "tabs in a .tsv" } else { "',' in a .csv" };
    Some(format!("the cells seem to be separated by {shown}: expected {expected}; save the table in that form"))
}
