//! Siemens mosaics: all slices of a volume as the tiles of one picture.
//!
//! ```text
//! 0 1 2    N tiles stand in ⌈√N⌉ columns and as many rows.
//! 3 4 .    ImagePositionPatient is where the first pixel of a picture of that size would be if the first slice were
//! . . .    its centre: the first slice begins half of the picture less a tile further along rows and columns.
//! ```
//!
//! Tile k lies k times SpacingBetweenSlices from tile 0 along SliceNormalVector. Only Siemens' private header gives
//! its direction: for sagittal slices it usually is not row × column. Without it, the protocol's list of slices gives
//! the direction, if the first tile is at one of its ends. If neither does, the mosaic is refused.

use super::csa;
use super::dataset::DataSet;
use super::format::PixelFormat;
use super::plane::Plane;
use super::problem::DicomError;
use super::tags::{self, Tag};
use super::vector::{add, dot, norm, scaled, sub};

/// Positions in the protocol that differ by less from those of the tiles are equal, mm.
const SAME_PLACE_MM: f64 = 0.1;
/// Distances between slices that differ by less are equal, relative.
const SAME_SPACING: f64 = 0.01;
/// The maximum number of tiles.
const MOST_TILES: i64 = 4096;

/// The arrangement of the tiles in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tiling {
    /// Tiles in a row, and rows of tiles.
    pub(super) across: usize,
}

impl Tiling {
    /// The format of the picture with tiles of this format.
    pub(super) fn picture(self, tile: &PixelFormat) -> PixelFormat {
        PixelFormat { rows: tile.rows * self.across, columns: tile.columns * self.across, ..*tile }
    }

    /// Bytes of a row of tiles.
    pub(super) fn band_bytes(self, tile: &PixelFormat) -> usize {
        tile.frame_bytes() * self.across
    }

    /// The row of tiles that contains a tile.
    pub(super) const fn band(self, number: usize) -> usize {
        number / self.across
    }

    /// Extracts a tile from the samples of its row of tiles.
    pub(super) fn cut(self, band: &[u8], tile: &PixelFormat, number: usize, to: &mut Vec<u8>) {
        to.clear();
        let width = tile.columns * tile.sample_bytes();
        let column = number % self.across;
        band.chunks_exact(width * self.across).for_each(|row| to.extend_from_slice(&row[column * width..][..width]));
    }
}

/// Whether a file is a mosaic.
pub(super) fn is_mosaic(data: &DataSet, image_type: &str) -> bool {
    let siemens = || data.text(tags::SIEMENS_CREATOR).is_some_and(|c| c.starts_with("SIEMENS MR HEADER"));
    let tiles = || data.key(tags::MOSAIC_IMAGES).is_some_and(|n| n > 1.0);
    image_type.split('\\').any(|part| part.trim() == "MOSAIC") || (siemens() && tiles())
}

/// The tiles of a picture: their arrangement, the format of one, and the position of each.
pub(super) fn tiles(data: &DataSet, picture: &PixelFormat) -> Result<(Tiling, PixelFormat, Vec<Plane>), DicomError> {
    if picture.samples != 1 {
        return Err(refused(format!("its pixels have {} samples, expected 1", picture.samples)));
    }
    let image = headers(data, [tags::CSA_IMAGE, tags::CSA_IMAGE_2, tags::CSA_IMAGE_3]);
    let count = count(data, &image)?;
    let across = (1..).find(|n| n * n >= count).unwrap_or(1);
    if !picture.rows.is_multiple_of(across) || !picture.columns.is_multiple_of(across) {
        let (rows, columns) = (picture.rows, picture.columns);
        return Err(refused(format!(
            "{count} slices need {across}×{across} tiles, but {columns}×{rows} pixels cannot be divided evenly"
        )));
    }
    let tile = PixelFormat { rows: picture.rows / across, columns: picture.columns / across, ..*picture };
    let root = Plane::new(super::plane::Groups { frame: None, shared: None, root: data })?;
    let half = |whole: usize, part: usize| (whole - part) as f64 / 2.0;
    let along_row = scaled(root.row, root.spacing[1] * half(picture.columns, tile.columns));
    let along_column = scaled(root.column, root.spacing[0] * half(picture.rows, tile.rows));
    let first = add(root.position, add(along_row, along_column));
    let centre = |p: [f64; 3]| {
        let across = scaled(root.row, root.spacing[1] * tile.columns as f64 / 2.0);
        add(p, add(across, scaled(root.column, root.spacing[0] * tile.rows as f64 / 2.0)))
    };
    let slices = protocol(data).filter(|s| s.len() == count);
    let normal = root.normal();
    let spacing = spacing(data, slices.as_deref())?;
    let sign = sign(&image, normal, centre(first), slices.as_deref())?;
    let planes = (0..count).map(|k| {
        let position = add(first, scaled(normal, sign * spacing * k as f64));
        Plane { position, thickness: Some((spacing, "SpacingBetweenSlices (0018,0088)")), ..root.clone() }
    });
    Ok((Tiling { across }, tile, planes.collect()))
}

fn refused(why: String) -> DicomError {
    DicomError::Mosaic(why)
}

/// The private headers of a file.
fn headers(data: &DataSet, places: [Tag; 3]) -> Vec<&[u8]> {
    places.into_iter().filter_map(|tag| data.bytes(tag)).collect()
}

/// The number of slices.
fn count(data: &DataSet, headers: &[&[u8]]) -> Result<usize, DicomError> {
    const NAME: &str = "NumberOfImagesInMosaic";
    let private = headers.iter().find_map(|h| csa::numbers(h, NAME)).map(|n| n[0] as i64);
    let standard = data.whole(tags::MOSAIC_IMAGES)?;
    match (private, standard) {
        (Some(a), Some(b)) if a != b => {
            Err(refused(format!("{NAME} is {a} in the CSA header and {b} in {}", tags::MOSAIC_IMAGES)))
        }
        (Some(n), _) | (None, Some(n)) if (1..=MOST_TILES).contains(&n) => Ok(n as usize),
        (Some(n), _) | (None, Some(n)) => Err(refused(format!("{NAME} is {n}"))),
        (None, None) => {
            Err(refused(format!("neither a CSA header nor {} gives the number of slices", tags::MOSAIC_IMAGES)))
        }
    }
}

/// The centres of the slices in the protocol's list, LPS mm.
fn protocol(data: &DataSet) -> Option<Vec<[f64; 3]>> {
    let series = headers(data, [tags::CSA_SERIES, tags::CSA_SERIES_2, tags::CSA_SERIES_3]);
    let names = ["MrPhoenixProtocol", "MrProtocol"];
    let text = series.iter().find_map(|h| names.iter().find_map(|name| csa::values(h, name).into_iter().next()))?;
    let mut slices: Vec<[f64; 3]> = Vec::new();
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        let Some(rest) = name.trim().strip_prefix("sSliceArray.") else { continue };
        if rest == "lSize" {
            // A coordinate of 0 is left out.
            let size = value.trim().parse::<i64>().ok().filter(|n| (1..=MOST_TILES).contains(n))?;
            slices.resize(size as usize, [0.0; 3]);
            continue;
        }
        let Some((number, field)) = rest.strip_prefix("asSlice[").and_then(|r| r.split_once("].sPosition.")) else {
            continue;
        };
        let axis = ["dSag", "dCor", "dTra"].iter().position(|f| *f == field);
        let (Some(axis), Ok(number), Ok(value)) = (axis, number.parse::<usize>(), value.trim().parse::<f64>()) else {
            continue;
        };
        if number >= slices.len() && number < MOST_TILES as usize {
            slices.resize(number + 1, [0.0; 3]);
        }
        slices.get_mut(number)?[axis] = value;
    }
    (!slices.is_empty()).then_some(slices)
}

/// The distance between slices.
fn spacing(data: &DataSet, slices: Option<&[[f64; 3]]>) -> Result<f64, DicomError> {
    let stated = data.number(tags::SPACING_BETWEEN)?.filter(|v| (1e-6..1e6).contains(v));
    let listed = match slices {
        Some([first, .., last]) => {
            let steps = slices.map_or(1, |s| s.len() - 1) as f64;
            let mean = scaled(sub(*last, *first), 1.0 / steps);
            let even = |(k, p): (usize, &[f64; 3])| norm(sub(*p, add(*first, scaled(mean, k as f64)))) < SAME_PLACE_MM;
            if !slices.unwrap_or_default().iter().enumerate().all(even) {
                return Err(refused(
                    "the slices of the protocol (sSliceArray) are not evenly spaced on a line".to_owned(),
                ));
            }
            Some(norm(mean))
        }
        _ => None,
    };
    match (stated, listed) {
        (Some(stated), Some(listed)) if (stated - listed).abs() > SAME_SPACING * stated => Err(refused(format!(
            "SpacingBetweenSlices (0018,0088) is {stated} mm, but the slices of the protocol (sSliceArray) are \
             {listed:.4} mm apart"
        ))),
        (Some(spacing), _) | (None, Some(spacing)) => Ok(spacing),
        (None, None) => Err(refused(
            "SpacingBetweenSlices (0018,0088) is missing: it gives the distance between slices (SliceThickness leaves \
             out the gap)"
                .to_owned(),
        )),
    }
}

/// Whether the tiles run along row × column (1) or against it (−1).
fn sign(headers: &[&[u8]], normal: [f64; 3], first: [f64; 3], slices: Option<&[[f64; 3]]>) -> Result<f64, DicomError> {
    const NAME: &str = "SliceNormalVector";
    const PARALLEL: f64 = 0.999;
    let stated = match headers.iter().find_map(|h| csa::numbers(h, NAME)) {
        None => None,
        Some(vector) => match <[f64; 3]>::try_from(&vector[..]).map(|v| dot(v, normal) / norm(v)) {
            Ok(along) if along.abs() > PARALLEL => Some(along.signum()),
            _ => {
                return Err(refused(format!(
                    "{NAME} of the CSA header is {vector:?}: must be perpendicular to the slices"
                )));
            }
        },
    };
    let listed = match slices {
        Some([one, .., other]) => {
            let along = dot(sub(*other, *one), normal);
            let is_first = |p: &[f64; 3]| norm(sub(*p, first)) < SAME_PLACE_MM;
            match (is_first(one), is_first(other)) {
                (true, _) => Some(along.signum()),
                (_, true) => Some(-along.signum()),
                _ => None,
            }
        }
        _ => None,
    };
    match (stated, listed) {
        (Some(stated), Some(listed)) if stated != listed => {
            Err(refused(format!("{NAME} of the CSA header points away from the slices of the protocol (sSliceArray)")))
        }
        (Some(sign), _) | (None, Some(sign)) => Ok(sign),
        (None, None) => Err(refused(format!(
            "the direction of the slices is unknown: the file has neither {NAME} in the CSA header (0029,1010) nor the \
             protocol in (0029,1020), which are removed together with private attributes"
        ))),
    }
}
