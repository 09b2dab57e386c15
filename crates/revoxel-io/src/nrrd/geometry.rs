//! Which axes are of space, and their geometry.

use revoxel_core::Affine;

use super::header::Header;
use super::space::{self, Space, World};
use super::{NrrdAxis, fields, gradients};
use crate::Warning;
use crate::textual::axes::{Axes, Role};
use crate::textual::{FieldError, Problem, numbers, place};

/// The axes of a file, with everything that the header says about them.
#[derive(Debug)]
pub(super) struct Geometry {
    pub(super) axes: Axes,
    /// Voxel index to RAS+ mm.
    pub(super) affine: Affine,
    /// The axes, to be kept.
    pub(super) described: Vec<NrrdAxis>,
    /// The distance of frames, if there is one axis of frames and the header gives it.
    pub(super) frame_spacing: Option<f64>,
    /// The time of the first frame, if there is one axis of frames and the header gives it.
    pub(super) time_offset: Option<f64>,
    /// Directions in RAS, as columns.
    pub(super) measurement_frame: Option<[[f64; 3]; 3]>,
    /// The name of the space, if it is to be kept.
    pub(super) space: Option<String>,
}

/// The numbers that old headers give per axis; NaN if absent.
struct Old {
    spacings: Vec<f64>,
    mins: Vec<f64>,
    maxs: Vec<f64>,
}

impl Old {
    fn of(header: &Header, axes: usize) -> Result<Self, FieldError> {
        let list = |field| match header.get(field) {
            None => Ok(vec![f64::NAN; axes]),
            Some(text) => {
                let numbers = numbers::reals(field, text)?;
                numbers::counted(field, text, numbers.len(), axes)?;
                Ok(numbers)
            }
        };
        Ok(Self { spacings: list("spacings")?, mins: list("axis mins")?, maxs: list("axis maxs")? })
    }
}

/// The geometry of a header.
pub(super) fn geometry(header: &Header, sizes: &[usize], warnings: &mut Vec<Warning>) -> Result<Geometry, FieldError> {
    let axes = sizes.len();
    let mut described = describe(header, sizes)?;
    let space = space::space(header, warnings)?;
    let old = Old::of(header, axes)?;
    let directions = match (space, header.get("space directions")) {
        (Some(space), Some(text)) => Some(fields::directions(text, axes, space.dimension)?),
        (None, Some(text)) => {
            return Err(FieldError::new(
                "space directions",
                text,
                Problem::Together("no space and no space dimension"),
            ));
        }
        (_, None) => None,
    };
    let (mut frame_spacing, mut time_offset) = (None, None);
    let roles: Vec<Role> = match (&directions, space) {
        (Some(directions), Some(space)) => {
            let mut roles = Vec::new();
            for (direction, axis) in directions.iter().zip(&described) {
                roles.push(match direction {
                    None => role_of_kind(axis.kind.as_deref()).unwrap_or(Role::Frames),
                    Some(v) => role_of_direction(header, v, &space, &mut frame_spacing)?,
                });
            }
            roles
        }
        _ => old_roles(&described, &old),
    };
    let of_space: Vec<usize> = (0..axes).filter(|axis| roles[*axis] == Role::Space).collect();
    if of_space.is_empty() {
        let field = if directions.is_some() { "space directions" } else { "kinds" };
        let value = header.get(field).unwrap_or("absent");
        return Err(FieldError::new(field, value, Problem::NoSpatialAxis));
    }
    if of_space.len() > 3 {
        let value = header.get("space directions").unwrap_or("absent");
        return Err(FieldError::new("space directions", value, Problem::TooManySpatialAxes(of_space.len())));
    }
    for axis in &of_space {
        described[*axis].space = true;
    }
    let world = space.map_or(World::Unknown, |space| space.world);
    let in_file = match (&directions, space) {
        (Some(directions), Some(space)) => {
            let steps = of_space.iter().filter_map(|axis| Some(padded(directions[*axis].as_ref()?)));
            let affine =
                place::affine(&steps.collect::<Vec<_>>(), origin(header, &space, warnings)?, space.dimension == 2);
            checked(header, "space directions", affine)?
        }
        _ => {
            let steps = old_steps(header, sizes, &described, &of_space, &old, warnings)?;
            let mut affine = old_affine(&described, &of_space, &old, &steps)?;
            if let Some(space) = space {
                warnings
                    .push(Warning::Assumed { field: "space directions", used: "parallel to the axes of the space" });
                affine = affine.with_translation(origin(header, &space, warnings)?);
            }
            checked(header, "spacings", affine)?
        }
    };
    let frames = (0..axes).filter(|axis| roles[*axis] == Role::Frames).collect::<Vec<_>>();
    if let [axis] = frames[..] {
        frame_spacing = frame_spacing.or(Some(old.spacings[axis])).filter(|v| v.is_finite() && *v != 0.0);
        time_offset = Some(old.mins[axis]);
    }
    if let Some(Space { time: true, dimension, .. }) = space {
        time_offset = time_of(header, "space origin", |text| {
            fields::finite_vectors("space origin", text, 1, dimension).map(|vectors| vectors[0][dimension - 1])
        })?;
        let unit = time_of(header, "space units", |text| {
            fields::quoted("space units", text, dimension).map(|units| units[dimension - 1].clone())
        })?;
        if let [axis] = frames[..] {
            let unit = unit.filter(|unit| !unit.is_empty() && unit != "???");
            described[axis].unit = described[axis].unit.take().or(unit);
        }
    }
    let in_mm = in_millimetres(header, space, in_file, warnings)?;
    Ok(Geometry {
        axes: Axes(sizes.iter().copied().zip(roles).collect()),
        affine: world.affine_to_ras(&in_mm),
        described,
        frame_spacing,
        time_offset: time_offset.filter(|v| v.is_finite() && *v != 0.0),
        measurement_frame: measurement_frame(header, space)?,
        space: space.filter(|space| space.dimension == 3).and_then(|space| space.world.name()).map(str::to_owned),
    })
}

/// The entry of a field for time, if given.
fn time_of<T>(
    header: &Header,
    field: &str,
    read: impl FnOnce(&str) -> Result<T, FieldError>,
) -> Result<Option<T>, FieldError> {
    header.get(field).filter(|text| !text.eq_ignore_ascii_case("none")).map(read).transpose()
}

/// What the header says about each axis apart from its geometry.
fn describe(header: &Header, sizes: &[usize]) -> Result<Vec<NrrdAxis>, FieldError> {
    let mut axes: Vec<NrrdAxis> = sizes.iter().map(|size| NrrdAxis { size: *size, ..NrrdAxis::default() }).collect();
    let given = |text: String| Some(text).filter(|t| !t.is_empty() && t != "???" && !t.eq_ignore_ascii_case("none"));
    if let Some(text) = header.get("kinds") {
        for (axis, word) in axes.iter_mut().zip(fields::words("kinds", text, sizes.len())?) {
            axis.kind = given(word);
        }
    }
    if let Some(text) = header.get("centers") {
        for (axis, word) in axes.iter_mut().zip(fields::words("centers", text, sizes.len())?) {
            axis.center = given(word);
        }
    }
    if let Some(text) = header.get("labels") {
        for (axis, label) in axes.iter_mut().zip(fields::quoted("labels", text, sizes.len())?) {
            axis.label = given(label);
        }
    }
    if let Some(text) = header.get("units") {
        for (axis, unit) in axes.iter_mut().zip(fields::quoted("units", text, sizes.len())?) {
            axis.unit = given(unit);
        }
    }
    if let Some(text) = header.get("thicknesses") {
        let thicknesses = numbers::reals("thicknesses", text)?;
        numbers::counted("thicknesses", text, thicknesses.len(), sizes.len())?;
        for (axis, thickness) in axes.iter_mut().zip(thicknesses) {
            axis.thickness = Some(thickness).filter(|v| v.is_finite());
        }
    }
    Ok(axes)
}

/// The role of an axis that was read.
pub(super) fn role(axis: &NrrdAxis) -> Role {
    match axis.space {
        true => Role::Space,
        false => role_of_kind(axis.kind.as_deref()).unwrap_or(Role::Frames),
    }
}

/// Whether an axis of frames is (or may be) time, and not a list of volumes.
pub(super) fn is_in_time(axis: &NrrdAxis) -> bool {
    let kind = axis.kind.as_deref().map(str::to_ascii_lowercase);
    matches!(kind.as_deref(), None | Some("time" | "domain" | "space"))
}

/// The role that a kind implies, unless it is one of space.
fn role_of_kind(kind: Option<&str>) -> Option<Role> {
    let kind = kind?.to_ascii_lowercase();
    match kind.as_str() {
        "domain" | "space" => None,
        "time" | "list" | "stub" | "scalar" => Some(Role::Frames),
        _ if kind.ends_with("color") => Some(Role::Colour),
        _ => Some(Role::Vector),
    }
}

fn role_of_direction(
    header: &Header,
    direction: &[f64],
    space: &Space,
    frame_spacing: &mut Option<f64>,
) -> Result<Role, FieldError> {
    let [in_space @ .., time] = direction else { return Ok(Role::Space) };
    match (space.time, in_space.iter().any(|v| *v != 0.0), *time != 0.0) {
        (true, true, true) => {
            let value = header.get("space directions").unwrap_or_default();
            Err(FieldError::new("space directions", value, Problem::TimeMixed))
        }
        (true, false, true) => {
            *frame_spacing = Some(*time);
            Ok(Role::Frames)
        }
        _ => Ok(Role::Space),
    }
}

/// Without directions, kinds decide, then whether there is a spacing; at most three axes are of space.
fn old_roles(described: &[NrrdAxis], old: &Old) -> Vec<Role> {
    let some_spacing = old.spacings.iter().any(|v| v.is_finite());
    let mut left = 3;
    let role = |(axis, spacing): (&NrrdAxis, &f64)| {
        let role = match (role_of_kind(axis.kind.as_deref()), axis.kind.is_some()) {
            (Some(role), _) => role,
            (None, false) if some_spacing && spacing.is_nan() => Role::Frames,
            (None, _) if left == 0 => Role::Frames,
            (None, _) => Role::Space,
        };
        left -= usize::from(role == Role::Space);
        role
    };
    described.iter().zip(&old.spacings).map(role).collect()
}

/// The distances of samples of the axes of space.
fn old_steps(
    header: &Header,
    sizes: &[usize],
    described: &[NrrdAxis],
    of_space: &[usize],
    old: &Old,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<f64>, FieldError> {
    let mut steps = Vec::new();
    for axis in of_space.iter().copied() {
        let intervals = sizes[axis] - usize::from(!is_cell(&described[axis]));
        let from_bounds = (old.maxs[axis] - old.mins[axis]) / intervals.max(1) as f64;
        let step = if old.spacings[axis].is_nan() { from_bounds } else { old.spacings[axis] };
        if step.is_nan() {
            let field = "spacings";
            if !warnings.iter().any(|w| matches!(w, Warning::Assumed { field: "spacings", .. })) {
                warnings.push(Warning::Assumed { field, used: "1 mm" });
            }
            steps.push(1.0);
        } else if !step.is_finite() {
            return Err(FieldError::new("spacings", header.get("spacings").unwrap_or("absent"), Problem::NotFinite));
        } else {
            steps.push(step);
        }
    }
    Ok(steps)
}

/// Steps along the axes of the world. `axis mins` is the start of the first cell, or the position of the first node.
fn old_affine(described: &[NrrdAxis], of_space: &[usize], old: &Old, steps: &[f64]) -> Result<Affine, FieldError> {
    let mut columns = Vec::new();
    let mut origin = [0.0; 3];
    for (row, (axis, step)) in of_space.iter().zip(steps).enumerate() {
        let to_mm = described[*axis].unit.as_deref().and_then(fields::millimetres).unwrap_or(1.0);
        let (step, min) = (step * to_mm, old.mins[*axis] * to_mm);
        columns.push([0, 1, 2].map(|r| if r == row { step } else { 0.0 }));
        if min.is_infinite() {
            return Err(FieldError::new("axis mins", min, Problem::NotFinite));
        }
        if !min.is_nan() {
            origin[row] = if is_cell(&described[*axis]) { min + step / 2.0 } else { min };
        }
    }
    Ok(place::affine(&columns, origin, true))
}

/// Samples are cells unless the header says nodes.
fn is_cell(axis: &NrrdAxis) -> bool {
    axis.center.as_deref().is_none_or(|center| !center.eq_ignore_ascii_case("node"))
}

fn origin(header: &Header, space: &Space, warnings: &mut Vec<Warning>) -> Result<[f64; 3], FieldError> {
    match header.get("space origin") {
        Some(text) if !text.eq_ignore_ascii_case("none") => {
            let vectors = fields::finite_vectors("space origin", text, 1, space.dimension)?;
            Ok(padded(&vectors[0]))
        }
        _ => {
            warnings.push(Warning::Assumed { field: "space origin", used: "(0, 0, 0)" });
            Ok([0.0; 3])
        }
    }
}

/// The first three numbers, padded with zeros.
fn padded(vector: &[f64]) -> [f64; 3] {
    [0, 1, 2].map(|i| vector.get(i).copied().unwrap_or(0.0))
}

fn checked(header: &Header, field: &str, affine: Affine) -> Result<Affine, FieldError> {
    match affine.inverse().is_some_and(|inverse| inverse.is_finite()) {
        true => Ok(affine),
        false => Err(FieldError::new(field, header.get(field).unwrap_or("absent"), Problem::Singular)),
    }
}

fn in_millimetres(
    header: &Header,
    space: Option<Space>,
    affine: Affine,
    warnings: &mut Vec<Warning>,
) -> Result<Affine, FieldError> {
    let field = "space units";
    let (Some(space), Some(text)) = (space, header.get(field)) else { return Ok(affine) };
    let units = fields::quoted(field, text, space.dimension)?;
    let mut rows = affine.rows();
    for (row, unit) in rows.iter_mut().zip(&units).filter(|(_, unit)| !unit.is_empty() && *unit != "???") {
        match fields::millimetres(unit) {
            Some(1.0) => {}
            Some(to_mm) => *row = row.map(|v| v * to_mm),
            None => warnings.push(Warning::UnknownUnit { field, value: unit.clone() }),
        }
    }
    Ok(Affine::from_rows(rows))
}

/// The measurement frame in RAS: the given one or, for gradients, the assumed one. Frames of spaces without three
/// dimensions are left out.
fn measurement_frame(header: &Header, space: Option<Space>) -> Result<Option<[[f64; 3]; 3]>, FieldError> {
    let Some(space) = space else { return Ok(None) };
    let Some(text) = header.get("measurement frame") else {
        // Vectors are along the axes of the space then, and the space that is written is LPS.
        let identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let in_ras = space.world.affine_to_ras(&Affine::from_linear(identity, [0.0; 3]));
        let is_lps = matches!(space.world, World::Lps | World::Unknown);
        let meant = !is_lps && space.dimension == 3 && gradients::any(&header.key_values);
        return Ok(meant.then(|| [0, 1, 2].map(|axis| in_ras.column(axis))));
    };
    if space.dimension != 3 || text.to_ascii_lowercase().contains("none") {
        return Ok(None);
    }
    let columns = fields::finite_vectors("measurement frame", text, 3, 3)?;
    let linear = [0, 1, 2].map(|row| [0, 1, 2].map(|column| columns[column][row]));
    let in_ras = space.world.affine_to_ras(&Affine::from_linear(linear, [0.0; 3]));
    Ok(Some([0, 1, 2].map(|axis| in_ras.column(axis))))
}
