//! Tables: CSV with `x,y,z` columns, and `.fcsv`.

use revoxel_core::Frame;
use revoxel_invert::points::{Bounds, Space};

use super::{Item, Mapped, PointsError, Shape, slicer_name, slicer_space};

/// A table whose texts are kept as they are.
#[derive(Debug)]
pub(super) struct Table {
    lines: Vec<Line>,
    ending: &'static str,
    separator: char,
    groups: Vec<Group>,
    /// The column of the places' own names.
    label: Option<usize>,
    last_line_ends: bool,
}

#[derive(Debug)]
enum Line {
    /// A comment or an empty line.
    Other(String),
    /// The comment that states the space, up to the value, and the value.
    Space(String, String),
    Head(Vec<String>),
    Row(Vec<String>),
}

/// The columns of a place.
#[derive(Clone, Debug, PartialEq)]
struct Group {
    columns: Vec<usize>,
    /// The space that the columns' names state.
    space: Option<Space>,
}

/// The letters of the three columns, and what they state.
const LETTERS: [([&str; 3], Option<Space>); 4] = [
    (["x", "y", "z"], None),
    (["i", "j", "k"], Some(Space::Index)),
    (["r", "a", "s"], Some(Space::World(Frame::Ras))),
    (["l", "p", "s"], Some(Space::World(Frame::Lps))),
];

/// The names of the columns of a point, around its letter.
const POINTS: [&str; 5] = ["@", "centroid_@", "centre_@", "center_@", "pos_@"];
/// The names of the columns of a box: lowest and highest.
const BOXES: [[&str; 2]; 6] =
    [["start_@", "end_@"], ["min_@", "max_@"], ["@_min", "@_max"], ["@min", "@max"], ["@0", "@1"], ["@1", "@2"]];

impl Table {
    /// A table with columns x, y, z, or boxes; the first three columns are a point where there is no head.
    pub(super) fn csv(name: &str, text: &str) -> Result<(Self, Vec<Item>), PointsError> {
        let mut table = Self::lines(text);
        let first = table.lines.iter().position(|l| matches!(l, Line::Row(_)));
        let mut stated = None;
        for line in &mut table.lines {
            if let Line::Other(comment) = line
                && let Some((head, value)) = statement(comment, &["space"])
                && let Ok(space) = value.parse::<Space>()
            {
                stated = Some(space);
                *line = Line::Space(head, value.to_owned());
            }
        }
        if let Some(first) = first
            && let Line::Row(fields) = &table.lines[first]
            && !fields.iter().take(3).all(|f| number(f).is_some())
        {
            let fields = fields.clone();
            table.groups = groups(&fields);
            if table.groups.is_empty() {
                let problem = "no columns of a point (x, y, z; i, j, k; r, a, s; l, p, s) or of a box (x0 … z1, \
                               start_x … end_z, x_min … z_max)";
                return Err(PointsError::Content {
                    place: format!("{name}:{}", first + 1),
                    problem: problem.to_owned(),
                });
            }
            let error = |line: usize, problem| PointsError::Content { place: format!("{name}:{}", line + 1), problem };
            let named = |column: usize| plain(&fields[column]).to_lowercase();
            let mut used = table.groups.iter().flat_map(|group| &group.columns);
            if let Some(twice) = used.find(|used| (0..fields.len()).any(|c| c != **used && named(c) == named(**used))) {
                let problem = format!("two columns are named {}: rename one", named(*twice));
                return Err(error(first, problem));
            }
            let longer = |row: &Line| match row {
                Line::Row(row) => {
                    row.iter().skip(fields.len()).any(|field| !plain(field).is_empty()).then_some(row.len())
                }
                _ => None,
            };
            if let Some((line, count)) =
                table.lines.iter().enumerate().skip(first + 1).find_map(|(n, l)| Some((n, longer(l)?)))
            {
                let problem = format!("expected {} fields, one per column, found {count}", fields.len());
                return Err(error(line, problem));
            }
            let named = |name: &&str| fields.iter().position(|field| plain(field).eq_ignore_ascii_case(name));
            table.label = ["label", "name"].iter().find_map(named);
            table.lines[first] = Line::Head(fields);
        } else {
            table.groups = vec![Group { columns: vec![0, 1, 2], space: None }];
        }
        let items = table.items(name, stated)?;
        Ok((table, items))
    }

    /// The fiducials of Slicer.
    pub(super) fn fcsv(name: &str, text: &str) -> Result<(Self, Vec<Item>), PointsError> {
        let mut table = Self::lines(text);
        table.separator = ',';
        let mut stated = None;
        let mut columns = vec![1, 2, 3];
        table.label = Some(11);
        for (at, line) in table.lines.iter_mut().enumerate() {
            let Line::Other(comment) = line else { continue };
            if let Some((head, value)) = statement(comment, &["CoordinateSystem"]) {
                let space = slicer_space(value).ok_or_else(|| PointsError::Content {
                    place: format!("{name}:{}", at + 1),
                    problem: format!("CoordinateSystem = {value}: expected LPS, RAS, or 0 for RAS"),
                })?;
                stated = Some(space);
                *line = Line::Space(head, value.to_owned());
            } else if let Some((_, value)) = statement(comment, &["columns"]) {
                let names: Vec<&str> = value.split(',').map(str::trim).collect();
                let place = |letter| names.iter().position(|n| n.eq_ignore_ascii_case(letter));
                if let (Some(x), Some(y), Some(z)) = (place("x"), place("y"), place("z")) {
                    columns = vec![x, y, z];
                    table.label = place("label");
                }
            }
        }
        // Files without the statement are of a time when there was only RAS.
        let stated = stated.or(Some(Space::World(Frame::Ras)));
        table.groups = vec![Group { columns, space: None }];
        let items = table.items(name, stated)?;
        Ok((table, items))
    }

    fn lines(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let data = text.lines().find(|l| !l.trim().is_empty() && !l.starts_with('#')).unwrap_or_default();
        let separator = [',', ';', '\t'].into_iter().find(|s| data.contains(*s)).unwrap_or(',');
        let line = |line: &str| {
            if line.trim().is_empty() || line.starts_with('#') {
                Line::Other(line.to_owned())
            } else {
                Line::Row(split(line, separator))
            }
        };
        Self {
            lines: text.lines().map(line).collect(),
            ending: if text.contains("\r\n") { "\r\n" } else { "\n" },
            separator,
            groups: Vec::new(),
            label: None,
            last_line_ends: text.ends_with('\n'),
        }
    }

    fn items(&self, name: &str, stated: Option<Space>) -> Result<Vec<Item>, PointsError> {
        let mut items = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            let (Line::Row(fields) | Line::Head(fields)) = line else { continue };
            let place = format!("{name}:{}", at + 1);
            if fields.last().is_some_and(|field| is_open(field)) {
                let problem = "unclosed quotation mark in this line".to_owned();
                return Err(PointsError::Content { place, problem });
            }
            let Line::Row(fields) = line else { continue };
            for group in &self.groups {
                let mut numbers = Vec::new();
                for column in &group.columns {
                    let text = fields.get(*column).map_or("", |f| f.as_str());
                    let problem = || format!("column {} holds {text:?}, expected a number", column + 1);
                    numbers.push(
                        number(text)
                            .ok_or_else(|| PointsError::Content { place: place.clone(), problem: problem() })?,
                    );
                }
                let three = |at: usize| [numbers[at], numbers[at + 1], numbers[at + 2]];
                let shape = match numbers.len() {
                    3 => Shape::Point(three(0)),
                    _ => Shape::Box(super::json::ordered(three(0), three(3), &place)?),
                };
                if let (Some(a), Some(b)) = (stated, group.space)
                    && a != b
                    && self.groups.len() == 1
                {
                    let problem = format!("the columns are {}, but a comment says {}", b.name(), a.name());
                    return Err(PointsError::Content { place, problem });
                }
                let label = self.label.and_then(|column| fields.get(column)).map(|f| plain(f).to_owned());
                let label = label.filter(|label| !label.is_empty());
                items.push(Item { shape, space: group.space.or(stated), name: place.clone(), label });
            }
        }
        Ok(items)
    }

    /// The text with mapped places; with a column `status` where that is allowed.
    pub(super) fn text(mut self, mapped: &[Mapped], to: Option<Space>, status: bool) -> String {
        let mut rows = mapped.chunks(self.groups.len().max(1));
        let separator = self.separator.to_string();
        let head = self.lines.iter().find_map(|l| if let Line::Head(names) = l { Some(names) } else { None });
        let known = head.and_then(|names| names.iter().position(|n| plain(n).eq_ignore_ascii_case("status")));
        let columns = head.map(Vec::len);
        let space = to.or(mapped.first().and_then(|m| m.item.space));
        if status && to.is_some() && self.groups.iter().all(|g| g.space.is_none()) {
            // A file that says nothing, or something else, says from now on what its numbers are.
            let stated = self.lines.iter().any(|l| matches!(l, Line::Space(..)));
            if !stated && to != mapped.first().and_then(|m| m.item.space) {
                self.lines.insert(0, Line::Space("# space = ".to_owned(), String::new()));
            }
        }
        let groups = &self.groups;
        let mut lines = Vec::new();
        for line in &mut self.lines {
            lines.push(match line {
                Line::Other(text) => text.clone(),
                // A file without places keeps what it states.
                Line::Space(head, value) => match space {
                    None => format!("{head}{value}"),
                    Some(space) if status => format!("{head}{}", space.name()),
                    Some(space) => format!("{head}{}", slicer_name(space)),
                },
                Line::Head(names) => {
                    if let Some(to) = to {
                        rename(names, groups, to);
                    }
                    if status && known.is_none() {
                        names.push("status".to_owned());
                    }
                    names.join(&separator)
                }
                Line::Row(fields) => {
                    let Some(row) = rows.next() else { continue };
                    for (group, mapped) in groups.iter().zip(row) {
                        let numbers = |shape: &Shape| match shape {
                            Shape::Point(p) => p.to_vec(),
                            Shape::Box(b) => [b.low, b.high].concat(),
                        };
                        let (before, after) = (numbers(&mapped.item.shape), numbers(&mapped.shape));
                        for ((column, before), after) in group.columns.iter().zip(before).zip(after) {
                            // Numbers that stay keep their digits.
                            if before.to_bits() != after.to_bits() {
                                fields[*column] = after.to_string();
                            }
                        }
                    }
                    if status {
                        // Of several places in a row, the first is the one that is spoken of.
                        let found = row.first().map_or("", |m| m.status.name()).to_owned();
                        // A line may end before the last column, or with separators after it.
                        fields.resize(columns.unwrap_or(fields.len()), String::new());
                        match known {
                            Some(column) if column < fields.len() => fields[column] = found,
                            _ => fields.push(found),
                        }
                    }
                    fields.join(&separator)
                }
            });
        }
        let mut text = lines.join(self.ending);
        if self.last_line_ends {
            text.push_str(self.ending);
        }
        text
    }
}

/// Column names after the space has changed: those whose letters state one get the letters of the new one.
fn rename(names: &mut [String], groups: &[Group], to: Space) {
    let Some((letters, _)) = LETTERS.iter().find(|(_, space)| *space == Some(to)) else { return };
    for group in groups.iter().filter(|g| g.space.is_some_and(|s| s != to)) {
        for (position, column) in group.columns.iter().enumerate() {
            let name = plain(&names[*column]).to_owned();
            let patterns = POINTS.iter().copied().chain(BOXES.iter().flatten().copied());
            for pattern in patterns {
                let (before, after) = pattern.split_once('@').unwrap_or((pattern, ""));
                let inner = name.strip_prefix(before).and_then(|n| n.strip_suffix(after));
                if inner.is_some_and(|n| n.len() == 1) {
                    names[*column] = pattern.replace('@', letters[position % 3]);
                    break;
                }
            }
        }
    }
}

/// The columns that hold places.
fn groups(names: &[String]) -> Vec<Group> {
    let names: Vec<String> = names.iter().map(|n| plain(n).to_lowercase()).collect();
    let mut found: Vec<Group> = Vec::new();
    let mut add = |patterns: &[&str]| {
        for (letters, space) in LETTERS {
            let wanted = patterns.iter().flat_map(|p| letters.iter().map(move |l| p.replace('@', l)));
            let columns: Option<Vec<usize>> = wanted.map(|w| names.iter().position(|n| *n == w)).collect();
            if let Some(columns) = columns
                && !found.iter().any(|g| g.columns.iter().any(|c| columns.contains(c)))
            {
                found.push(Group { columns, space });
            }
        }
    };
    BOXES.iter().for_each(|b| add(b));
    POINTS.iter().for_each(|p| add(&[p]));
    found
}

/// A comment `# key = value` or `# key: value`: what stands before the value, and the value.
fn statement<'a>(comment: &'a str, keys: &[&str]) -> Option<(String, &'a str)> {
    let at = comment.find(['=', ':'])?;
    let key = comment[..at].trim_start_matches('#').trim();
    if !keys.iter().any(|k| key.eq_ignore_ascii_case(k)) {
        return None;
    }
    let value = comment[at + 1..].trim();
    let head = &comment[..comment.len() - comment[at + 1..].trim_start().len()];
    Some((head.to_owned(), value))
}

/// A line at its separators, outside quotes; the fields as they stand.
fn split(line: &str, separator: char) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        // Only a field that begins with a quote is quoted: 19" is a length in inches.
        let begins = fields.last().is_some_and(|field| field.trim_start().starts_with('"') || field.trim().is_empty());
        quoted ^= c == '"' && begins;
        match fields.last_mut() {
            Some(field) if c != separator || quoted => field.push(c),
            _ => fields.push(String::new()),
        }
    }
    fields
}

/// Whether a quoted field has no end.
fn is_open(field: &str) -> bool {
    field.trim_start().starts_with('"') && field.matches('"').count() % 2 == 1
}

fn plain(field: &str) -> &str {
    field.trim().trim_matches('"').trim()
}

fn number(field: &str) -> Option<f64> {
    plain(field).parse().ok().filter(|v: &f64| v.is_finite())
}

impl From<Bounds> for Shape {
    fn from(bounds: Bounds) -> Self {
        Self::Box(bounds)
    }
}
