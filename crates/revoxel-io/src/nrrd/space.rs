//! The world coordinates of a header.

use revoxel_core::{Affine, Frame};

use super::header::Header;
use crate::Warning;
use crate::textual::{FieldError, Problem, numbers};

/// A space: its dimensions and their directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Space {
    /// Numbers per vector.
    pub(super) dimension: usize,
    /// Whether the last dimension is time.
    pub(super) time: bool,
    pub(super) world: World,
}

/// The directions of the space axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum World {
    Ras,
    Las,
    Lps,
    /// Not given; treated as LPS.
    Unknown,
}

impl World {
    /// The name of a space of three dimensions, if it is written as it was read.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Ras => Some("right-anterior-superior"),
            Self::Las => Some("left-anterior-superior"),
            Self::Lps | Self::Unknown => None,
        }
    }

    /// The space in the facts, else LPS.
    pub(super) fn of(name: Option<&str>) -> Self {
        [Self::Ras, Self::Las].into_iter().find(|world| world.name() == name).unwrap_or(Self::Lps)
    }

    /// The name of a space to be written.
    pub(super) fn written(self) -> &'static str {
        self.name().unwrap_or("left-posterior-superior")
    }

    /// Converts an index → RAS+ affine to an index → world affine; the map is its own inverse.
    pub(super) fn affine_from_ras(self, affine: &Affine) -> Affine {
        self.affine_to_ras(affine)
    }

    /// Converts an index → world affine to an index → RAS+ affine. All signs are changed here.
    pub(super) fn affine_to_ras(self, affine: &Affine) -> Affine {
        match self {
            Self::Ras => Frame::Ras.affine_to_ras(affine),
            Self::Lps | Self::Unknown => Frame::Lps.affine_to_ras(affine),
            Self::Las => {
                let [x, y, z] = affine.rows();
                Affine::from_rows([x.map(|v| 0.0 - v), y, z])
            }
        }
    }
}

/// The space of a header; `None` for the old style without one.
pub(super) fn space(header: &Header, warnings: &mut Vec<Warning>) -> Result<Option<Space>, FieldError> {
    const KNOWN: &str = "right-anterior-superior (RAS), left-anterior-superior (LAS), left-posterior-superior (LPS), \
         scanner-xyz, 3D-right-handed, 3D-left-handed, and these with -time";
    let unknown = |field, value: &str| Warning::UnknownFrame { field, value: value.to_owned() };
    match (header.get("space"), header.get("space dimension")) {
        (Some(name), Some(_)) => Err(FieldError::new("space", name, Problem::Together("space dimension"))),
        (Some(name), None) => {
            let words = name.split(|c: char| c.is_whitespace() || c == '-' || c == '_').filter(|word| !word.is_empty());
            let lower = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
            let (base, time) = match lower.strip_suffix("-time") {
                Some(base) => (base, true),
                None => match lower.as_str() {
                    "rast" | "last" | "lpst" => (&lower[..3], true),
                    _ => (lower.as_str(), false),
                },
            };
            let world = match base {
                "right-anterior-superior" | "ras" => World::Ras,
                "left-anterior-superior" | "las" => World::Las,
                "left-posterior-superior" | "lps" => World::Lps,
                "scanner-xyz" | "3d-right-handed" | "3d-left-handed" => {
                    warnings.push(unknown("space", name));
                    World::Unknown
                }
                _ => return Err(FieldError::new("space", name, Problem::UnknownWord(KNOWN))),
            };
            Ok(Some(Space { dimension: 3 + usize::from(time), time, world }))
        }
        (None, Some(text)) => match numbers::integer("space dimension", text)? {
            // Of four dimensions (ITK writes series so) the last is time.
            n @ 1..=4 => {
                warnings.push(unknown("space dimension", text));
                Ok(Some(Space { dimension: n as usize, time: n == 4, world: World::Unknown }))
            }
            _ => Err(FieldError::new("space dimension", text, Problem::OutOfRange(1, 4))),
        },
        (None, None) => {
            warnings.push(unknown("space", "absent"));
            Ok(None)
        }
    }
}
