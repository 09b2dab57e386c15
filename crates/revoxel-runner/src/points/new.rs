//! Files of points made anew, which the same programs read as those that are mapped.

use std::path::Path;

use revoxel_core::Frame;
use serde_json::{Map, Value, json};

use super::{PointsError, form_of};

/// A point of a new file.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPoint {
    /// Where it is, RAS+ mm.
    pub ras: [f64; 3],
    /// What it is called.
    pub name: String,
    /// What else is known of it: the same names for all points.
    pub fields: Vec<(&'static str, Value)>,
}

/// The text of a file of points; its name says the form. Tables have columns `r`, `a`, `s`, JSON says its space, and the
/// files of Slicer are in LPS.
///
/// # Errors
/// Where the name is not one of a file of points.
pub fn text(path: &Path, points: &[NewPoint]) -> Result<String, PointsError> {
    match form_of(path) {
        Some("csv") => {
            let tabs = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tsv"));
            Ok(table(points, if tabs { "\t" } else { "," }))
        }
        Some("fcsv") => Ok(fcsv(points)),
        Some("markups") => Ok(pretty(&markups(points))),
        Some(_) => Ok(pretty(&plain(points))),
        None => {
            let problem = "not a file of points: use .csv, .tsv, .json, .mrk.json or .fcsv".to_owned();
            Err(PointsError::Content { place: path.display().to_string(), problem })
        }
    }
}

fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

fn table(points: &[NewPoint], separator: &str) -> String {
    let fields = points.first().map_or(&[][..], |p| &p.fields);
    let head: Vec<&str> = ["r", "a", "s", "name"].into_iter().chain(fields.iter().map(|(name, _)| *name)).collect();
    let mut text = head.join(separator) + "\n";
    for point in points {
        let numbers = point.ras.iter().map(f64::to_string);
        let name = std::iter::once(point.name.clone());
        let fields = point.fields.iter().map(|(_, value)| value.to_string());
        text.push_str(&(numbers.chain(name).chain(fields).collect::<Vec<_>>().join(separator) + "\n"));
    }
    text
}

fn plain(points: &[NewPoint]) -> Value {
    let point = |p: &NewPoint| {
        let fields = p.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let own = [("name".to_owned(), json!(p.name)), ("position".to_owned(), json!(p.ras))];
        Value::Object(own.into_iter().chain(fields).collect::<Map<_, _>>())
    };
    json!({ "space": "ras", "points": points.iter().map(point).collect::<Vec<_>>() })
}

/// What else is known, where a form has one field for it.
fn described(point: &NewPoint) -> String {
    point.fields.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join("; ")
}

fn markups(points: &[NewPoint]) -> Value {
    let control = |(number, point): (usize, &NewPoint)| {
        json!({
            "id": (number + 1).to_string(),
            "label": point.name,
            "description": described(point),
            "position": Frame::Lps.point_from_ras(point.ras),
            "positionStatus": "defined",
        })
    };
    json!({ "markups": [{
        "type": "Fiducial",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "controlPoints": points.iter().enumerate().map(control).collect::<Vec<_>>(),
    }] })
}

fn fcsv(points: &[NewPoint]) -> String {
    let mut text = "# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n\
                    # columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
        .to_owned();
    for (number, point) in points.iter().enumerate() {
        let [x, y, z] = Frame::Lps.point_from_ras(point.ras);
        let (name, what) = (&point.name, described(point));
        text.push_str(&format!("{},{x},{y},{z},0,0,0,1,1,1,0,{name},{what},\n", number + 1));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::{Document, Shape};
    use revoxel_invert::points::Space;

    #[test]
    fn every_form_is_read_back_as_it_was_written() {
        let point = |ras, name: &str, value: f64| NewPoint {
            ras,
            name: name.to_owned(),
            fields: vec![("channel", json!(0)), ("value", json!(value))],
        };
        let points = [point([1.25, -2.0, 1e-7], "peak-1", 0.75), point([-30.1, 0.3, 123.456], "peak-2", 0.5)];
        for file in ["p.csv", "p.tsv", "p.json", "p.mrk.json", "p.fcsv"] {
            let text = text(Path::new(file), &points).unwrap();
            let document = Document::parse(Path::new(file), &text).unwrap();
            assert_eq!(document.items().len(), 2, "{text}");
            for (item, point) in document.items().iter().zip(&points) {
                let (Some(Space::World(frame)), Shape::Point(at)) = (item.space, item.shape) else {
                    panic!("{file}: {item:?}");
                };
                assert_eq!(frame.point_to_ras(at), point.ras, "{file}");
            }
            assert!(text.contains("peak-2") && text.contains("0.75"), "{text}");
        }
        assert!(text(Path::new("p.txt"), &points).unwrap_err().to_string().contains("use .csv"));
        assert_eq!(text(Path::new("p.csv"), &[]).unwrap(), "r,a,s,name\n");
    }
}
