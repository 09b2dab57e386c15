//! The position of one image, the scaling of its values, and what distinguishes it from others at the same position.

use super::conditions::CONDITIONS;
use super::dataset::DataSet;
use super::problem::{DicomError, Problem};
use super::tags::{self, Tag};
use super::vector::{cross, dot, norm, scaled, sub};

/// One image: a single-frame file, or a frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plane {
    /// Centre of the first pixel, LPS mm.
    pub(super) position: [f64; 3],
    /// Unit vector along a row, from column to column.
    pub(super) row: [f64; 3],
    /// Unit vector along a column, from row to row.
    pub(super) column: [f64; 3],
    /// PixelSpacing: between rows, between columns, mm.
    pub(super) spacing: [f64; 2],
    /// The possible distance to the next slice, and the attribute that gives it.
    pub(super) thickness: Option<(f64, &'static str)>,
    /// SliceThickness, mm.
    pub(super) slice_thickness: Option<f64>,
    pub(super) slope: f64,
    pub(super) intercept: f64,
    /// Whether slope and intercept exist.
    pub(super) has_rescale: [bool; 2],
    /// StackID.
    pub(super) stack: Option<String>,
    /// What the values mean, if images of one series may differ in it: `magnitude`, `phase`, `fat` …
    pub(super) quantity: String,
    /// The unit of the values, if given.
    pub(super) unit: Option<String>,
    pub(super) keys: Keys,
}

/// Values that can distinguish images at the same position.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Keys {
    pub(super) temporal: Option<f64>,
    pub(super) echo: Option<f64>,
    pub(super) echo_time: Option<f64>,
    pub(super) b_value: Option<f64>,
    pub(super) trigger: Option<f64>,
    /// DiffusionGradientOrientation, in thousandths.
    pub(super) gradient: Option<[i64; 3]>,
    /// NominalPercentageOfCardiacPhase.
    pub(super) percentage: Option<f64>,
    pub(super) acquisition: Option<f64>,
    /// When the image was acquired, s.
    pub(super) acquired: Option<f64>,
    /// ContentTime, with its date, s.
    pub(super) time: Option<f64>,
    /// FrameReferenceTime, ms.
    pub(super) reference_time: Option<f64>,
    /// InversionTime, ms.
    pub(super) inversion: Option<f64>,
    /// FlipAngle, degrees.
    pub(super) flip: Option<f64>,
    /// KVP.
    pub(super) kvp: Option<f64>,
    pub(super) series_number: Option<f64>,
    pub(super) instance: Option<f64>,
    /// RepetitionTime, ms.
    pub(super) repetition: Option<f64>,
    pub(super) kernel: Option<String>,
    pub(super) image_type: Option<String>,
    /// DimensionIndexValues.
    pub(super) dimensions: Vec<f64>,
    /// The values of [`CONDITIONS`](CONDITIONS) as texts; none where frames of one file share them.
    pub(super) conditions: Vec<Option<String>>,
}

/// The data sets that may contain an attribute, the most specific first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Groups<'a> {
    pub(super) frame: Option<&'a DataSet>,
    pub(super) shared: Option<&'a DataSet>,
    pub(super) root: &'a DataSet,
}

impl<'a> Groups<'a> {
    /// The item or root that contains an attribute of a functional group.
    pub(super) fn of(&self, sequence: Tag) -> &'a DataSet {
        let item = |set: Option<&'a DataSet>| set.and_then(|s| s.item(sequence));
        item(self.frame).or_else(|| item(self.shared)).unwrap_or(self.root)
    }
}

impl Plane {
    /// Reads all facts about one image.
    pub(super) fn new(groups: Groups<'_>) -> Result<Self, DicomError> {
        let position = groups.of(tags::PLANE_POSITION).array::<3>(tags::POSITION)?;
        let position =
            position.ok_or_else(|| DicomError::missing(tags::POSITION, "the position of the image in the patient"))?;
        let (row, column) = orientation(groups.of(tags::PLANE_ORIENTATION))?;
        let measures = groups.of(tags::PIXEL_MEASURES);
        let spacing = spacing(measures)?;
        let values = groups.of(tags::PIXEL_VALUES);
        let (slope, intercept) = (values.number(tags::SLOPE)?, values.number(tags::INTERCEPT)?);
        let has_rescale = [slope.is_some(), intercept.is_some()];
        let slope = slope.unwrap_or(1.0);
        if slope == 0.0 || !slope.is_finite() {
            return Err(DicomError::field(tags::SLOPE, slope, Problem::Must("a finite number other than 0")));
        }
        let stack = groups.of(tags::FRAME_CONTENT).text(tags::STACK_ID);
        Ok(Self {
            position,
            row,
            column,
            spacing,
            thickness: thickness(measures),
            slice_thickness: measures.key(tags::SLICE_THICKNESS).filter(|mm| *mm > 0.0),
            slope,
            intercept: intercept.unwrap_or(0.0),
            has_rescale,
            stack,
            quantity: quantity(groups),
            unit: unit(groups),
            keys: Keys::new(groups),
        })
    }

    /// The slices' normal: row × column.
    pub(super) fn normal(&self) -> [f64; 3] {
        cross(self.row, self.column)
    }
}

/// The two directions, made perpendicular and of length 1.
fn orientation(set: &DataSet) -> Result<([f64; 3], [f64; 3]), DicomError> {
    const TOLERANCE: f64 = 1e-3;
    let six = set.array::<6>(tags::ORIENTATION)?;
    let six =
        six.ok_or_else(|| DicomError::missing(tags::ORIENTATION, "the orientation of the image in the patient"))?;
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
    let need = "the pixel size in the patient (ImagerPixelSpacing does not)";
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
            gradient: gradient(groups),
            percentage: groups.of(tags::CARDIAC).key(tags::CARDIAC_PERCENT),
            acquisition: content.key(tags::FRAME_NUMBER).or_else(|| root.key(tags::ACQUISITION_NUMBER)),
            acquired: acquired(content, root),
            time: dated(root, tags::CONTENT_DATE, tags::CONTENT_TIME),
            reference_time: root.key(tags::FRAME_REFERENCE_TIME),
            inversion: root.key(tags::INVERSION_TIME),
            flip: root.key(tags::FLIP_ANGLE),
            kvp: root.key(tags::KVP),
            series_number: root.key(tags::SERIES_NUMBER),
            instance: root.key(tags::INSTANCE_NUMBER),
            repetition: groups.of(tags::MR_TIMING).key(tags::REPETITION_TIME).filter(|ms| *ms > 0.0),
            kernel: groups.of(tags::CT_RECONSTRUCTION).text(tags::KERNEL).or_else(|| root.text(tags::KERNEL)),
            image_type: image_type(groups),
            dimensions: content.numbers(tags::DIMENSIONS).ok().flatten().unwrap_or_default(),
            conditions: match groups.frame {
                Some(_) => Vec::new(),
                None => CONDITIONS.iter().map(|condition| root.text(condition.tag)).collect(),
            },
        }
    }
}

/// ImageType, or FrameType if the frame has one.
fn image_type(groups: Groups<'_>) -> Option<String> {
    let own = [tags::MR_FRAME_TYPE, tags::CT_FRAME_TYPE, tags::PET_FRAME_TYPE];
    own.iter().find_map(|tag| groups.of(*tag).text(tags::FRAME_TYPE)).or_else(|| groups.root.text(tags::IMAGE_TYPE))
}

/// The direction of the diffusion gradient, from the standard's or a vendor's attribute.
fn gradient(groups: Groups<'_>) -> Option<[i64; 3]> {
    let root = groups.root;
    let direction = |set: &DataSet, tag| set.array::<3>(tag).ok().flatten();
    let standard = groups.of(tags::MR_DIFFUSION).item(tags::GRADIENTS).and_then(|set| direction(set, tags::GRADIENT));
    let by_axis = |tags: [Tag; 3]| Some([root.key(tags[0])?, root.key(tags[1])?, root.key(tags[2])?]);
    standard
        .or_else(|| direction(root, tags::GRADIENT))
        .or_else(|| direction(root, tags::SIEMENS_GRADIENT))
        .or_else(|| by_axis([tags::GE_GRADIENT_X, tags::GE_GRADIENT_Y, tags::GE_GRADIENT_Z]))
        .or_else(|| by_axis([tags::PHILIPS_GRADIENT_X, tags::PHILIPS_GRADIENT_Y, tags::PHILIPS_GRADIENT_Z]))
        .map(|v| v.map(|v| (v * 1000.0).round() as i64))
}

/// When an image was acquired, in seconds that are comparable with those of other images.
fn acquired(content: &DataSet, root: &DataSet) -> Option<f64> {
    let moment = |text: String| moment(&text);
    let of_frame = content.text(tags::FRAME_TIME).and_then(moment);
    let of_image = || root.text(tags::ACQUISITION_DATE_TIME).and_then(moment);
    of_frame.or_else(of_image).or_else(|| dated(root, tags::ACQUISITION_DATE, tags::ACQUISITION_TIME))
}

/// A time of day with its date, if any, in seconds.
fn dated(root: &DataSet, date: Tag, time: Tag) -> Option<f64> {
    let time = time_of_day(&root.text(time)?)?;
    Some(root.text(date).and_then(|date| day(&date)).unwrap_or(0.0) * 86400.0 + time)
}

/// Puts times of day without a date that pass midnight in order; a series never takes longer than a day.
pub(super) fn over_midnight(times: &mut [Option<f64>]) {
    const DAY: f64 = 86400.0;
    const LONGEST: f64 = 20.0 * 3600.0;
    let known = || times.iter().flatten().copied();
    let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    // All times have one date or none. De-identified files keep one date even where the scan passes midnight.
    let day = (low / DAY).floor() * DAY;
    if high < day + DAY && high - low > LONGEST {
        times.iter_mut().flatten().filter(|time| **time < day + DAY / 2.0).for_each(|time| *time += DAY);
    }
}

/// A date and time (YYYYMMDDHHMMSS.FFFFFF, perhaps with a time zone) in seconds.
fn moment(text: &str) -> Option<f64> {
    let text = text.split(['+', '-']).next()?;
    Some(day(text.get(..8)?)? * 86400.0 + time_of_day(text.get(8..)?)?)
}

/// A date (YYYYMMDD) in days.
fn day(text: &str) -> Option<f64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    // Days since a day long ago: years begin in March, so that leap days come last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some((365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day) as f64)
}

/// A time (HHMMSS.FFFFFF, or a part of it) in seconds.
fn time_of_day(text: &str) -> Option<f64> {
    let text = text.trim().replace(':', "");
    let number = |range: std::ops::Range<usize>| text.get(range).map_or(Some(0.0), |t| t.parse::<f64>().ok());
    let seconds = text.get(4..).filter(|rest| !rest.is_empty()).map_or(Some(0.0), |rest| rest.parse::<f64>().ok())?;
    let minutes = if text.len() < 4 { 0.0 } else { number(2..4)? };
    text.get(..2)?.parse::<f64>().ok().map(|hours| hours * 3600.0 + minutes * 60.0 + seconds)
}

/// The names in ImageType or FrameType, and our names.
const QUANTITIES: &[(&[&str], &str)] = &[
    (&["M", "M_FFE", "M_SE", "M_IR", "MAG", "MAGNITUDE"], "magnitude"),
    (&["P", "P_FFE", "P_SE", "PHASE", "PHASE MAP", "PHASE_MAP", "VELOCITY", "VELOCITY MAP"], "phase"),
    (&["R", "R_FFE", "R_IR", "R_SE", "REAL"], "real part"),
    (&["I", "I_FFE", "I_IR", "I_SE", "IMAGINARY"], "imaginary part"),
    (&["FIELD_MAP", "FIELD MAP", "B0 MAP", "B0_MAP"], "field map"),
    (&["W", "WATER"], "water"),
    (&["F", "FAT"], "fat"),
    (&["IP", "IN_PHASE", "IN PHASE", "INPHASE"], "in phase"),
    (&["OP", "OPP_PHASE", "OPPOSED_PHASE", "OPP PHASE", "OUT_PHASE", "OUT_OF_PHASE", "OUTPHASE"], "opposed phase"),
    (&["FF", "FAT_FRACTION", "FAT FRACTION", "FAT_FRAC"], "fat fraction"),
    (&["R2_STAR", "R2*", "R2STAR", "R2STAR MAP", "R2_STAR_MAP"], "R2*"),
    (&["T2_STAR", "T2*", "T2_STAR_MAP", "T2 STAR MAP"], "T2*"),
    (&["T1", "T1 MAP", "T1_MAP"], "T1"),
    (&["T2", "T2 MAP", "T2_MAP"], "T2"),
    (&["ADC", "ADC_UNSPECIFIED"], "ADC"),
    (&["FA", "FRACTIONAL_ANISOTROPY"], "FA"),
    (&["TRACEW", "TRACE"], "trace"),
];

/// What the values of an image mean, if images of one series may differ in it.
fn quantity(groups: Groups<'_>) -> String {
    let root = groups.root;
    let component = groups.of(tags::MR_FRAME_TYPE).text(tags::COMPLEX_COMPONENT);
    let component = component.or_else(|| root.text(tags::COMPLEX_COMPONENT));
    let of_ge = root.key(tags::GE_RAW_TYPE).and_then(|number| {
        ["magnitude", "phase", "real part", "imaginary part"].get(number as usize).copied().filter(|_| number >= 0.0)
    });
    let types = image_type(groups).unwrap_or_default();
    // The first two values say whether an image is original or derived.
    let words = types.split('\\').skip(2).chain(component.as_deref());
    let named = words.filter_map(|word| {
        let word = word.trim();
        QUANTITIES.iter().find(|(words, _)| words.iter().any(|w| w.eq_ignore_ascii_case(word))).map(|(_, name)| *name)
    });
    let mut names: Vec<&str> = named.chain(of_ge).collect();
    names.sort_unstable();
    names.dedup();
    names.join(" ")
}

/// Units, or RescaleType.
fn unit(groups: Groups<'_>) -> Option<String> {
    // US is "unspecified", which tells nothing.
    let rescale = || groups.of(tags::PIXEL_VALUES).text(tags::RESCALE_TYPE).filter(|name| name != "US");
    groups.root.text(tags::UNITS).or_else(rescale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midnight_is_passed() {
        let mut times = [Some(86390.0), None, Some(5.0)];
        over_midnight(&mut times);
        assert_eq!(times, [Some(86390.0), None, Some(86405.0)]);
        let mut times = [Some(2.0 * 86400.0 + 86390.0), Some(2.0 * 86400.0 + 5.0)];
        over_midnight(&mut times);
        assert_eq!(times, [Some(2.0 * 86400.0 + 86390.0), Some(3.0 * 86400.0 + 5.0)]);
        let mut times = [Some(30000.0), Some(5.0)];
        over_midnight(&mut times);
        assert_eq!(times, [Some(30000.0), Some(5.0)]);
    }

    #[test]
    fn times_are_seconds() {
        assert_eq!(time_of_day("120130.5"), Some(43290.5));
        assert_eq!(time_of_day("12:01:30"), Some(43290.0));
        assert_eq!((time_of_day("1201"), time_of_day("12"), time_of_day("1")), (Some(43260.0), Some(43200.0), None));
        assert_eq!(moment("20240301000010.25+0100").zip(moment("20240229235959")).map(|(a, b)| a - b), Some(11.25));
        assert_eq!(day("20240101").zip(day("20231231")).map(|(a, b)| a - b), Some(1.0));
        assert!(moment("2024").is_none() && moment("2024xx01000000").is_none());
    }
}
