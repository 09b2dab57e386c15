//! JSON: plain lists of points and boxes, and Slicer's `.mrk.json`.
//!
//! A point is `[x, y, z]`, or an object with `x`, `y`, `z` or with `position: [x, y, z]`. A box is six numbers
//! (lowest corner, highest corner), or an object with `start` and `end`, or with `box` of six numbers. They stand in
//! a list, in an object's `points` or `boxes`, or alone; `space` beside them says what the numbers are.

use revoxel_core::Frame;
use revoxel_invert::points::{Bounds, Space};
use serde_json::{Map, Number, Value};

use super::{Item, Mapped, PointsError, Shape, slicer_name, slicer_space};

/// A document, and where its numbers stand.
#[derive(Debug)]
pub(super) struct Json {
    root: Value,
    slots: Vec<Slot>,
    /// Points without a place.
    unplaced: Vec<String>,
}

/// Where the numbers of a place stand: JSON pointers, three or six.
#[derive(Debug)]
struct Slot {
    numbers: Vec<String>,
    /// The object around them, where they stand in one.
    object: Option<String>,
    /// Where the space is stated.
    space: Option<String>,
}

impl Json {
    /// A plain document.
    pub(super) fn plain(name: &str, text: &str) -> Result<(Self, Vec<Item>), PointsError> {
        let root: Value = parse(name, text)?;
        let mut found = Finder { name, root: &root, slots: Vec::new(), items: Vec::new(), space: None };
        if root.get("space").is_some() {
            let stated = root["space"].as_str().unwrap_or_default();
            let space =
                stated.parse().map_err(|e| PointsError::Content { place: format!("{name}: space"), problem: e })?;
            found.space = Some(("/space".to_owned(), space));
        }
        match &root {
            Value::Object(map) if map.contains_key("points") || map.contains_key("boxes") => {
                found.list("points")?;
                found.list("boxes")?;
            }
            Value::Array(list) if !list.first().is_some_and(Value::is_number) => {
                (0..list.len()).try_for_each(|i| found.item(&format!("/{i}")))?;
            }
            _ => found.item("")?,
        }
        let (slots, items) = (found.slots, found.items);
        Ok((Self { root, slots, unplaced: Vec::new() }, items))
    }

    /// The markups of Slicer: the control points of every markup, in the frame that it declares.
    pub(super) fn markups(name: &str, text: &str) -> Result<(Self, Vec<Item>), PointsError> {
        let root: Value = parse(name, text)?;
        let error = |place: &str, problem: &str| PointsError::Content {
            place: format!("{name}: {}", place.trim_start_matches('/').replace('/', ".")),
            problem: problem.to_owned(),
        };
        let markups = root.get("markups").and_then(Value::as_array);
        let markups = markups.ok_or_else(|| error("", "no list of markups: expected a markups file of Slicer"))?;
        let mut found = Finder { name, root: &root, slots: Vec::new(), items: Vec::new(), space: None };
        let mut unplaced = Vec::new();
        for (m, markup) in markups.iter().enumerate() {
            let system = format!("/markups/{m}/coordinateSystem");
            let space = match markup.get("coordinateSystem") {
                // What Slicer takes where it is left out.
                None => Space::World(Frame::Lps),
                Some(value) => {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    let space = slicer_space(&text).filter(|s| *s != Space::Index);
                    space.ok_or_else(|| error(&system, &format!("{text:?}: expected LPS or RAS")))?
                }
            };
            found.space = Some((system, space));
            let points = markup.get("controlPoints").and_then(Value::as_array);
            for (p, point) in points.into_iter().flatten().enumerate() {
                // Points that were not placed yet have no position.
                let at = format!("/markups/{m}/controlPoints/{p}");
                if point.get("position").is_some_and(Value::is_array) {
                    found.item(&at)?;
                } else {
                    unplaced.push(found.called(&at, point));
                }
            }
        }
        let (slots, items) = (found.slots, found.items);
        Ok((Self { root, slots, unplaced }, items))
    }

    /// The points without a place, as they are called when speaking of them.
    pub(super) fn unplaced(&self) -> &[String] {
        &self.unplaced
    }

    /// The text with mapped places; with a field `status` where that is allowed.
    pub(super) fn text(mut self, mapped: &[Mapped], to: Option<Space>, status: bool) -> String {
        for (slot, mapped) in self.slots.iter().zip(mapped) {
            let numbers = |shape: &Shape| match shape {
                Shape::Point(p) => p.to_vec(),
                Shape::Box(b) => [b.low, b.high].concat(),
            };
            let (before, after) = (numbers(&mapped.item.shape), numbers(&mapped.shape));
            // Whole numbers stay whole numbers where all of the place's are.
            let whole = slot.numbers.iter().all(|p| self.root.pointer(p).is_some_and(|v| v.is_i64() || v.is_u64()))
                && after.iter().all(|v| v.fract() == 0.0 && v.abs() < 9e15);
            for ((pointer, before), after) in slot.numbers.iter().zip(before).zip(after) {
                if before.to_bits() != after.to_bits()
                    && let Some(value) = self.root.pointer_mut(pointer)
                {
                    let number = if whole { Some((after as i64).into()) } else { Number::from_f64(after) };
                    *value = number.map_or(Value::Null, Value::Number);
                }
            }
            if let (Some(pointer), Some(to)) = (&slot.space, to)
                && let Some(value) = self.root.pointer_mut(pointer)
            {
                *value = if status { to.name() } else { slicer_name(to) }.into();
            }
            if let (true, Some(object)) = (status, &slot.object)
                && let Some(Value::Object(map)) = self.root.pointer_mut(object)
            {
                map.insert("status".to_owned(), mapped.status.name().into());
            }
        }
        if status && let Value::Object(map) = &mut self.root {
            lists_of_status(map, &self.slots, mapped);
            if let (Some(to), false) = (to, map.contains_key("space"))
                && mapped.iter().any(|m| m.item.space != Some(to))
            {
                map.insert("space".to_owned(), to.name().into());
            }
        }
        let mut text = serde_json::to_string_pretty(&self.root).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// The name that a place has in the file.
fn label(place: &Value) -> Option<&str> {
    ["label", "name"].iter().find_map(|field| place.get(field).and_then(Value::as_str))
}

/// Places that are bare lists of numbers have their status in a list beside theirs, with that of the objects among them.
fn lists_of_status(root: &mut Map<String, Value>, slots: &[Slot], mapped: &[Mapped]) {
    for list in ["points", "boxes"] {
        let inside = |s: &Slot| s.numbers[0].starts_with(&format!("/{list}/"));
        let here: Vec<_> = slots.iter().zip(mapped).filter(|(s, _)| inside(s)).collect();
        if here.iter().any(|(s, _)| s.object.is_none()) {
            let names: Vec<Value> = here.iter().map(|(_, m)| m.status.name().into()).collect();
            root.insert(format!("{list}_status"), names.into());
        }
    }
}

fn parse(name: &str, text: &str) -> Result<Value, PointsError> {
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text))
        .map_err(|e| PointsError::Content { place: name.to_owned(), problem: format!("not JSON: {e}") })
}

/// A box whose corners are in order.
pub(super) fn ordered(low: [f64; 3], high: [f64; 3], place: &str) -> Result<Bounds, PointsError> {
    if (0..3).any(|a| low[a] > high[a]) {
        let problem = format!("a box from {low:?} to {high:?}: the end is before the start");
        return Err(PointsError::Content { place: place.to_owned(), problem });
    }
    Ok(Bounds { low, high })
}

struct Finder<'a> {
    name: &'a str,
    root: &'a Value,
    slots: Vec<Slot>,
    items: Vec<Item>,
    space: Option<(String, Space)>,
}

impl Finder<'_> {
    fn list(&mut self, field: &str) -> Result<(), PointsError> {
        match self.root.get(field) {
            None => Ok(()),
            Some(Value::Array(list)) => (0..list.len()).try_for_each(|i| self.item(&format!("/{field}/{i}"))),
            Some(_) => Err(self.error(field, "expected a list")),
        }
    }

    fn item(&mut self, at: &str) -> Result<(), PointsError> {
        let value = self.root.pointer(at).unwrap_or(&Value::Null);
        let under = |fields: &[&str]| fields.iter().map(|f| format!("{at}/{f}")).collect::<Vec<_>>();
        let three = |field: &str| (0..3).map(|i| format!("{at}/{field}/{i}")).collect::<Vec<_>>();
        let (numbers, object) = match value {
            Value::Array(list) if list.len() == 3 || list.len() == 6 => {
                ((0..list.len()).map(|i| format!("{at}/{i}")).collect(), None)
            }
            Value::Object(map) if map.contains_key("position") => (three("position"), Some(at)),
            Value::Object(map) if map.contains_key("start") && map.contains_key("end") => {
                ([three("start"), three("end")].concat(), Some(at))
            }
            Value::Object(map) if map.contains_key("box") => {
                ((0..6).map(|i| format!("{at}/box/{i}")).collect(), Some(at))
            }
            Value::Object(map) if ["x", "y", "z"].iter().all(|l| map.contains_key(*l)) => {
                (under(&["x", "y", "z"]), Some(at))
            }
            _ => {
                let problem =
                    "expected a point ([x, y, z], x y z, position) or a box (six numbers, start and end, box)";
                return Err(self.error(at, problem));
            }
        };
        let mut values = Vec::new();
        for pointer in &numbers {
            let number = self.root.pointer(pointer).and_then(Value::as_f64).filter(|v| v.is_finite());
            values.push(number.ok_or_else(|| self.error(pointer, "expected a number"))?);
        }
        let triple = |i: usize| [values[i], values[i + 1], values[i + 2]];
        let place = self.place(at);
        let shape = match values.len() {
            3 => Shape::Point(triple(0)),
            _ => Shape::Box(ordered(triple(0), triple(3), &place)?),
        };
        let (name, label) = (self.called(at, value), label(value).map(ToOwned::to_owned));
        self.items.push(Item { shape, space: self.space.as_ref().map(|s| s.1), name, label });
        let (object, space) = (object.map(str::to_owned), self.space.as_ref().map(|s| s.0.clone()));
        self.slots.push(Slot { numbers, object, space });
        Ok(())
    }

    /// A place with the label that stands there.
    fn called(&self, at: &str, value: &Value) -> String {
        let place = self.place(at);
        label(value).map_or(place.clone(), |label| format!("{place} ({label})"))
    }

    fn place(&self, at: &str) -> String {
        let field = at.trim_start_matches('/').replace('/', ".");
        if field.is_empty() { self.name.to_owned() } else { format!("{}: {field}", self.name) }
    }

    fn error(&self, at: &str, problem: &str) -> PointsError {
        PointsError::Content { place: self.place(at), problem: problem.to_owned() }
    }
}
