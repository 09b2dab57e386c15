//! Files of points and boxes: tables (CSV), JSON, and the markups of 3D Slicer (`.mrk.json`, `.fcsv`).
//!
//! A document keeps everything that is no coordinate as it is: further columns, fields, comments. What is known of
//! each place is added as a column or field `status`, but for Slicer's files, whose fields are fixed.

mod json;
pub mod marks;
pub mod new;
mod table;

use std::path::Path;

use revoxel_core::Frame;
use revoxel_invert::points::{Bounds, PointMap, Side, Space, Status};

use crate::problem::Setting;

/// Why a file of points cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PointsError {
    /// What it holds.
    #[error("{place}: {problem}")]
    Content {
        /// The file, with the line or the field.
        place: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Another space was given than the file states.
    #[error("{place}: the file states {}, but {} was given: give none", stated.name(), given.name())]
    OtherSpace {
        /// The file, with the line or the field.
        place: String,
        /// What the file states.
        stated: Space,
        /// What was given.
        given: Space,
    },
    /// Nobody says in which space the numbers are.
    #[error("{place}: unknown coordinates: choose index, ras or lps")]
    NoSpace {
        /// The file, with the line or the field.
        place: String,
    },
}

impl PointsError {
    /// What a caller can set, of what the message speaks of.
    pub const fn setting(&self) -> Option<Setting> {
        match self {
            Self::OtherSpace { .. } | Self::NoSpace { .. } => Some(Setting::Space),
            Self::Content { .. } => None,
        }
    }
}

/// What a place in a file holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A point.
    Point([f64; 3]),
    /// A box.
    Box(Bounds),
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What it holds.
    pub shape: Shape,
    /// The space that the file states for it.
    pub space: Option<Space>,
    /// How it is called when speaking of it.
    pub name: String,
    /// Its own name in the file, where it has one.
    pub label: Option<String>,
}

impl Item {
    /// The space that its numbers are in: what the file says, or what the caller gives.
    ///
    /// # Errors
    /// Where neither says it, or they contradict each other.
    pub(crate) fn space_or(&self, given: Option<Space>) -> Result<Space, PointsError> {
        let place = || self.name.clone();
        match (self.space, given) {
            (Some(stated), Some(given)) if stated != given => {
                Err(PointsError::OtherSpace { place: place(), stated, given })
            }
            (stated, given) => stated.or(given).ok_or_else(|| PointsError::NoSpace { place: place() }),
        }
    }
}

/// A place after the map.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapped {
    /// What it was.
    pub item: Item,
    /// What it is now.
    pub shape: Shape,
    /// What is known of it.
    pub status: Status,
}

/// A file of points, as read.
#[derive(Debug)]
pub struct Document {
    form: Form,
    items: Vec<Item>,
}

#[derive(Debug)]
enum Form {
    Table(table::Table),
    Fcsv(table::Table),
    Json(json::Json),
    Markups(json::Json),
}

/// The forms by the end of the file's name; the longest end first.
const ENDS: [(&str, &str); 5] =
    [(".mrk.json", "markups"), (".fcsv", "fcsv"), (".json", "json"), (".csv", "csv"), (".tsv", "csv")];

/// The form of a file by its name, where it is one of points.
pub fn form_of(path: &Path) -> Option<&'static str> {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_lowercase();
    ENDS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, form)| *form)
}

impl Document {
    /// Reads a file's text; its name says the form.
    ///
    /// # Errors
    /// Where the text is not of that form, or a place is not made of numbers.
    pub fn parse(path: &Path, text: &str) -> Result<Self, PointsError> {
        let name = path.display().to_string();
        let (form, items) = match form_of(path) {
            Some("csv") => {
                let (table, items) = table::Table::csv(&name, text)?;
                (Form::Table(table), items)
            }
            Some("fcsv") => {
                let (table, items) = table::Table::fcsv(&name, text)?;
                (Form::Fcsv(table), items)
            }
            Some("markups") => {
                let (json, items) = json::Json::markups(&name, text)?;
                (Form::Markups(json), items)
            }
            Some(_) => {
                let (json, items) = json::Json::plain(&name, text)?;
                (Form::Json(json), items)
            }
            None => {
                let problem = "not a file of points: use .csv, .tsv, .json, .mrk.json or .fcsv".to_owned();
                return Err(PointsError::Content { place: name, problem });
            }
        };
        Ok(Self { form, items })
    }

    /// The places, in the order of the file.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The points of markups that have a name but no place yet; they are not among the [`items`](Self::items).
    pub fn unplaced(&self) -> &[String] {
        match &self.form {
            Form::Markups(json) => json.unplaced(),
            _ => &[],
        }
    }

    /// Maps every place to the other side. `space` is what the file's numbers are where it does not say; `to` what
    /// they become, the same space where it is not given.
    ///
    /// # Errors
    /// Where nobody says what the numbers are, or file and caller contradict each other.
    pub fn map(
        &self,
        map: &PointMap,
        from: Side,
        space: Option<Space>,
        to: Option<Space>,
    ) -> Result<Vec<Mapped>, PointsError> {
        let one = |item: &Item| {
            let from_space = item.space_or(space)?;
            let to = to.unwrap_or(from_space);
            let (shape, status) = match item.shape {
                Shape::Point(point) => {
                    let (point, status) = map.point(point, from, from_space, to);
                    (Shape::Point(point), status)
                }
                Shape::Box(bounds) => {
                    let (bounds, status) = map.bounds(&bounds, from, from_space, to);
                    (Shape::Box(bounds), status)
                }
            };
            let is_number = match shape {
                Shape::Point(point) => point.iter().all(|v| v.is_finite()),
                Shape::Box(bounds) => bounds.low.iter().chain(&bounds.high).all(|v| v.is_finite()),
            };
            if !is_number {
                let problem = "the mapped coordinates are not finite".to_owned();
                return Err(PointsError::Content { place: item.name.clone(), problem });
            }
            Ok(Mapped { item: Item { space: Some(from_space), ..item.clone() }, shape, status })
        };
        self.items.iter().map(one).collect()
    }

    /// The file with its places as mapped. `to` as it was given to [`map`](Self::map).
    pub fn text(self, mapped: &[Mapped], to: Option<Space>) -> String {
        match self.form {
            Form::Table(table) => table.text(mapped, to, true),
            Form::Fcsv(table) => table.text(mapped, to, false),
            Form::Json(json) => json.text(mapped, to, true),
            Form::Markups(json) => json.text(mapped, to, false),
        }
    }
}

/// A table of mapped places: what `--to` another form of file gets.
pub fn as_csv(mapped: &[Mapped], to: Option<Space>) -> String {
    let boxes = mapped.iter().any(|m| matches!(m.shape, Shape::Box(_)));
    let space = |m: &Mapped| to.or(m.item.space).map_or("", Space::name);
    let quoted = |name: &str| {
        if name.contains([',', '"', '\n']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
    };
    let mut text =
        String::from(if boxes { "x0,y0,z0,x1,y1,z1,name,space,status\n" } else { "x,y,z,name,space,status\n" });
    for m in mapped {
        let numbers = match m.shape {
            Shape::Point(p) if boxes => [p, p].concat(),
            Shape::Point(p) => p.to_vec(),
            Shape::Box(b) => [b.low, b.high].concat(),
        };
        let numbers: Vec<String> = numbers.iter().map(f64::to_string).collect();
        text.push_str(&format!(
            "{},{},{},{}\n",
            numbers.join(","),
            quoted(m.item.label.as_ref().unwrap_or(&m.item.name)),
            space(m),
            m.status.name()
        ));
    }
    text
}

/// A frame by the names that Slicer's files use.
fn slicer_space(name: &str) -> Option<Space> {
    match name.trim().to_ascii_uppercase().as_str() {
        "0" | "RAS" => Some(Space::World(Frame::Ras)),
        "1" | "LPS" => Some(Space::World(Frame::Lps)),
        "2" | "IJK" => Some(Space::Index),
        _ => None,
    }
}

/// The name of a space in Slicer's files.
const fn slicer_name(space: Space) -> &'static str {
    match space {
        Space::Index => "IJK",
        Space::World(Frame::Ras) => "RAS",
        Space::World(Frame::Lps) => "LPS",
    }
}

#[cfg(test)]
mod tests;
