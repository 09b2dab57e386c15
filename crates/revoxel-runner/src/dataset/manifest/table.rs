//! Lists of cases as tables: one row for each case, one column for each input.

use revoxel_pipeline::{CASE, CaseList};

use super::{BETWEEN, Row, Rows};

/// The rows of a table.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn rows(text: &str, list: &CaseList, extension: &str) -> Result<Rows, Vec<String>> {
    let delimiter = if extension == "tsv" { b'\t' } else { b',' };
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns: Vec<String> = match reader.headers() {
        Ok(columns) => columns.iter().map(str::to_owned).collect(),
        Err(error) => return Err(vec![error.to_string()]),
    };
    if let Some(twice) = columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name)) {
        return Err(vec![format!("two columns have the name {:?}", twice.1)]);
    }
    let names = list.name.as_deref().unwrap_or(CASE);
    if !columns.iter().any(|column| column == names) {
        let all = columns.join(", ");
        return Err(vec![format!(
            "it has no column {names:?} with the names of the cases; its columns are {all}; write \
                                 `name: COLUMN` under `cases`"
        )]);
    }
    let mut rows = Rows { rows: Vec::new(), columns };
    let mut problems = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                problems.push(error.to_string());
                continue;
            }
        };
        if record.iter().all(str::is_empty) {
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = Row { place: format!("line {line}"), ..Row::default() };
        for (column, cell) in rows.columns.iter().zip(&record).filter(|(_, cell)| !cell.is_empty()) {
            if column == names {
                row.name = Some(cell.to_owned());
            }
            if column == "split" {
                row.split = Some(cell.to_owned());
            }
            row.columns.insert(column.clone(), cell.split(BETWEEN).map(|part| part.trim().to_owned()).collect());
        }
        rows.rows.push(row);
    }
    if problems.is_empty() { Ok(rows) } else { Err(problems) }
}
