//! Where one image lies, how its values are scaled, and what tells it from others at the same place.

use super::dataset::DataSet;
use super::problem::{DicomError, Problem};
use super::tags::{self, Tag};
use super::vector::{cross, dot, norm, scaled, sub};

/// One image: a single-frame file, or a frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plane {
    /// Centre of the first pixel, LPS mm.
    pub(super) position: [f64; 3],
    /// Unit vector along a row: from column to column.
    pub(super) row: [f64; 3],
    /// Unit vector along a column: from row to row.
    pub(super) column: [f64; 3],
    /// PixelSpacing: from row to row, from column to column, mm.
    pub(super) spacing: [f64; 2],
    /// What the distance to the next slice may be, and which attribute says so.
    pub(super) thickness: Option<(f64, &'static str)>,
    pub(super) slope: f64,
    pub(super) intercept: f64,
    /// StackID.
    pub(super) stack: Option<String>,
    pub(super) keys: Keys,
}

/// What can tell images at the same place apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Keys {
    pub(super) temporal: Option<f64>,
    pub(super) echo: Option<f64>,
    pub(super) echo_time: Option<f64>,
    pub(super) b_value: Option<f64>,
    pub(super) trigger: Option<f64>,
    pub(super) acquisition: Option<f64>,
    pub(super) time: Option<f64>,
    pub(super) instance: Option<f64>,
    /// DimensionIndexValues.
    pub(super) dimensions: Vec<f64>,
}

/// The places where an attribute may stand, the most particular first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Groups<'a> {
    pub(super) frame: Option<&'a DataSet>,
    pub(super) shared: Option<&'a DataSet>,
    pub(super) root: &'a DataSet,
}

impl<'a> Groups<'a> {
    /// The item or root in which an attribute of a functional group stands.
    pub(super) fn of(&self, sequence: Tag) -> &'a DataSet {
        let item = |set: Option<&'a DataSet>| set.and_then(|s| s.item(sequence));
        item(self.frame).or_else(|| item(self.shared)).unwrap_or(self.root)
    }
}

impl Plane {
    /// Reads everything about one image.
    pub(super) fn new(groups: Groups<'_>) -> Result<Self, DicomError> {
        let position = groups.of(tags::PLANE_POSITION).array::<3>(tags::POSITION)?;
        let position =
            position.ok_or_else(|| DicomError::missing(tags::POSITION, "the place of the image in the patient"))?;
        let (row, column) = orientation(groups.of(tags::PLANE_ORIENTATION))?;
        let measures = groups.of(tags::PIXEL_MEASURES);
        let spacing = spacing(measures)?;
        let values = groups.of(tags::PIXEL_VALUES);
        if groups.root.item(tags::MODALITY_LUT).is_some() {
            let problem = Problem::Unsupported("a look-up table in place of slope and intercept");
            return Err(DicomError::field(tags::MODALITY_LUT, "present", problem));
        }
        let slope = values.number(tags::SLOPE)?.unwrap_or(1.0);
        if slope == 0.0 || !slope.is_finite() {
            return Err(DicomError::field(tags::SLOPE, slope, Problem::Must("a finite number other than 0")));
        }
        let intercept = values.number(tags::INTERCEPT)?.unwrap_or(0.0);
        let stack = groups.of(tags::FRAME_CONTENT).text(tags::STACK_ID);
        Ok(Self {
            position,
            row,
            column,
            spacing,
            thickness: thickness(measures),
            slope,
            intercept,
            stack,
            keys: Keys::new(groups),
        })
    }

    /// The slices' normal: row × column.
    pub(super) fn normal(&self) -> [f64; 3] {
        cross(self.row, self.column)
    }
}

/// The two directions, at right angles and of length 1.
fn orientation(set: &DataSet) -> Result<([f64; 3], [f64; 3]), DicomError> {
    const TOLERANCE: f64 = 1e-3;
    let six = set.array::<6>(tags::ORIENTATION)?;
    let six =
        six.ok_or_else(|| DicomError::missing(tags::ORIENTATION, "the directions of the image in the patient"))?;
    let [a, b, c, d, e, f] = six;
    let (row, column) = ([a, b, c], [d, e, f]);
    let unit = |v| (norm(v) - 1.0).abs() <= TOLERANCE;
    if !unit(row) || !unit(column) || dot(row, column).abs() > TOLERANCE {
        let must = "two vectors of length 1 at right angles";
        return Err(DicomError::field(tags::ORIENTATION, format!("{six:?}"), Problem::Must(must)));
    }
    let row = scaled(row, 1.0 / norm(row));
    let column = sub(column, scaled(row, dot(row, column)));
    Ok((row, scaled(column, 1.0 / norm(column))))
}

fn spacing(set: &DataSet) -> Result<[f64; 2], DicomError> {
    let need = "the size of a pixel in the patient (an ImagerPixelSpacing is not that)";
    let spacing = set.array::<2>(tags::PIXEL_SPACING)?.ok_or_else(|| DicomError::missing(tags::PIXEL_SPACING, need))?;
    if spacing.iter().any(|s| !(1e-6..1e6).contains(s)) {
        let must = "two lengths in mm, larger than 0";
        return Err(DicomError::field(tags::PIXEL_SPACING, format!("{spacing:?}"), Problem::Must(must)));
    }
    Ok(spacing)
}

fn thickness(set: &DataSet) -> Option<(f64, &'static str)> {
    let positive = |tag: Tag| set.key(tag).filter(|v| (1e-6..1e6).contains(v));
    let between = positive(tags::SPACING_BETWEEN).map(|mm| (mm, "SpacingBetweenSlices (0018,0088)"));
    between.or_else(|| positive(tags::SLICE_THICKNESS).map(|mm| (mm, "SliceThickness (0018,0050)")))
}

impl Keys {
    fn new(groups: Groups<'_>) -> Self {
        let content = groups.of(tags::FRAME_CONTENT);
        let root = groups.root;
        let vendor =
            || [tags::SIEMENS_B_VALUE, tags::PHILIPS_B_VALUE, tags::GE_B_VALUE].iter().find_map(|t| root.key(*t));
        Self {
            temporal: content.key(tags::TEMPORAL_INDEX).or_else(|| root.key(tags::TEMPORAL_POSITION)),
            echo: root.key(tags::ECHO_NUMBER),
            echo_time: groups.of(tags::MR_ECHO).key(tags::EFFECTIVE_ECHO_TIME).or_else(|| root.key(tags::ECHO_TIME)),
            b_value: groups.of(tags::MR_DIFFUSION).key(tags::B_VALUE).or_else(vendor),
            trigger: groups.of(tags::CARDIAC).key(tags::TRIGGER_DELAY).or_else(|| root.key(tags::TRIGGER_TIME)),
            acquisition: content.key(tags::FRAME_NUMBER).or_else(|| root.key(tags::ACQUISITION_NUMBER)),
            time: content.text(tags::FRAME_TIME).and_then(|t| moment(&t)).or_else(|| root.key(tags::CONTENT_TIME)),
            instance: root.key(tags::INSTANCE_NUMBER),
            dimensions: content.numbers(tags::DIMENSIONS).ok().flatten().unwrap_or_default(),
        }
    }
}

/// A date and time as a number that grows with it: digits up to the time zone.
fn moment(text: &str) -> Option<f64> {
    text.split(['+', '-']).next()?.get(6..)?.parse().ok()
}
