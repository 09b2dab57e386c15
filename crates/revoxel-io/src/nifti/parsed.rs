//! A header with all its checks done, and where the voxels are.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use revoxel_core::{Affine, Grid};

use super::compose::VECTOR;
use super::datatype::Stored;
use super::header::{self, Header, Magic, Order, Version};
use super::offset::SingleFile;
use super::problem::{HeaderError, Problem};
use super::shape::Arrangement;
use super::{affine, analyze, extensions, offset, pair, remember, shape, spm};
use crate::codecs::gunzip::{self, GunzipError};
use crate::codecs::head::{self, Packed};
use crate::open::{failed_to_read, length_of};
use crate::stored::VoxelFile;
use crate::{Extension, FileInfo, Limits, ReadError, ReadOptions, Warning, values};

/// Everything that reading the voxels needs.
#[derive(Debug)]
pub(super) struct Parsed {
    /// The file with the header.
    pub(super) header: PathBuf,
    pub(super) info: FileInfo,
    pub(super) arrangement: Arrangement,
    /// Slope and intercept, where they do something.
    pub(super) scaling: Option<(f64, f64)>,
    /// Whether the byte order of the voxels differs from this machine's.
    pub(super) swapped: bool,
    /// Where the voxels are.
    pub(super) voxels: VoxelFile,
    /// SPM's file with the affine, if it is used.
    pub(super) matrix: Option<PathBuf>,
    /// The file with the header, if it is a separate compressed file.
    pub(super) packed_header: Option<PathBuf>,
}

impl Parsed {
    /// Reads and checks the header of a file, given by its name or by that of its voxels.
    pub(super) fn open(path: &Path, options: &ReadOptions) -> Result<Self, ReadError> {
        let file = HeaderFile::open(path)?;
        let field = |reason| ReadError::Nifti { path: file.path.clone(), reason: Box::new(reason) };
        let mut warnings = Vec::new();
        let (dim, axes) = shape::without_zeros(&file.header.dim);
        if !axes.is_empty() {
            warnings.push(Warning::ZeroDimensions(axes));
        }
        let header = &Header { dim, ..file.header.clone() };
        if header.magic == Magic::Absent {
            warnings.push(Warning::Analyze);
        }
        let arrangement = Stored::from_code(header.datatype, options.complex)
            .and_then(|stored| Arrangement::from_header(header, stored))
            .map_err(field)?;
        let Arrangement { shape, stored, .. } = arrangement;
        if header.bitpix != stored.bits() {
            warnings.push(Warning::Bitpix { value: header.bitpix, expected: stored.bits() });
        }
        let start = offset::voxels_start(header, file.single(&arrangement)?, &mut warnings).map_err(field)?;
        if stored.complex {
            warnings.push(Warning::ComplexChannels(stored.name()));
        }
        let voxels = file.voxels(start, &arrangement, &options.limits)?;
        let scaling = scaling(header, stored, &mut warnings).map_err(field)?;
        let (affine, matrix) = match file.spm_matrix(&mut warnings) {
            Some((affine, matrix)) => (affine, Some(matrix)),
            None if header.magic == Magic::Absent => {
                (analyze::affine(header, shape, &mut warnings).map_err(field)?, None)
            }
            None => (affine::affine(header, shape, &mut warnings).map_err(field)?, None),
        };
        let grid = Grid::new(shape, affine).map_err(|_| field(not_invertible(header)))?;
        let grid = if header.dim[0] == 2 || is_flat_vector(header, &grid) { grid.planar() } else { grid };
        let extensions = file.extensions(start, &mut warnings)?;
        let info = FileInfo {
            format: format_name(header),
            grid,
            stored: stored.dtype,
            dtype: match scaling {
                Some(_) => values::scaled(stored.dtype),
                None => stored.dtype,
            },
            channels: arrangement.channels(),
            facts: remember::facts(header, &arrangement, extensions),
            warnings,
            slices: None,
        };
        let swapped = header.order != Order::NATIVE;
        let packed_header = (file.packed.is_some() && file.path != voxels.path).then(|| file.path.clone());
        Ok(Self { header: file.path, info, arrangement, scaling, swapped, voxels, matrix, packed_header })
    }
}

/// Whether these are vectors of a 2-D image as ITK writes it: five axes, of which the third and the fourth have one entry.
/// A slice of a volume may have them, too; but a 2-D image of ITK lies in the plane z = 0 and is 1 mm thick.
fn is_flat_vector(header: &Header, grid: &Grid) -> bool {
    let rows = grid.affine().rows();
    let lies_flat = rows[2] == [0.0, 0.0, 1.0, 0.0] && [rows[0][2], rows[1][2]] == [0.0; 2];
    header.dim[0] == 5 && header.dim[3..=4] == [1, 1] && header.intent_code == VECTOR && lies_flat
}

/// The file with the header.
struct HeaderFile {
    path: PathBuf,
    /// The given path, if it is that of the voxels.
    given_voxels: Option<PathBuf>,
    header: Header,
    /// How the file is compressed.
    packed: Option<Packed>,
    /// Whether the four bytes after the header announce extensions.
    has_extensions: bool,
}

impl HeaderFile {
    fn open(path: &Path) -> Result<Self, ReadError> {
        let (mut bytes, mut length, mut packed) = first_bytes(path)?;
        let mut given_voxels = None;
        let mut path = path.to_owned();
        if pair::is_voxels(&path) && !header::is_header(&bytes) {
            match pair::existing(&path, "hdr") {
                Ok(header) => given_voxels = Some(std::mem::replace(&mut path, header)),
                Err(partner) => return Err(ReadError::MissingPartner { path, partner }),
            }
            (bytes, length, packed) = first_bytes(&path)?;
        }
        match Header::parse(&bytes, length) {
            Ok(header) => {
                let has_extensions = bytes.get(header.version.length()).is_some_and(|flag| *flag != 0);
                Ok(Self { path, given_voxels, header, packed, has_extensions })
            }
            Err(reason) => Err(ReadError::Nifti { path, reason: Box::new(reason) }),
        }
    }

    /// Whether the voxels are in the same file.
    fn is_single(&self) -> bool {
        match self.header.magic {
            Magic::Single => true,
            Magic::Pair => false,
            Magic::Absent => !pair::is_header(&self.path) && self.given_voxels.is_none(),
        }
    }

    /// What determines the start of the voxels, if they are in the same file.
    fn single(&self, arrangement: &Arrangement) -> Result<Option<SingleFile>, ReadError> {
        if !self.is_single() {
            return Ok(None);
        }
        let length = if self.packed.is_none() { Some(length_of(&self.path)?) } else { None };
        Ok(Some(SingleFile { has_extensions: self.has_extensions, length, needed: arrangement.bytes() }))
    }

    /// Finds the voxels and checks that the file can contain them, before anything is allocated for them.
    fn voxels(&self, offset: u64, arrangement: &Arrangement, limits: &Limits) -> Result<VoxelFile, ReadError> {
        let path = self.voxel_path()?;
        let length = length_of(&path)?;
        let needed = offset.saturating_add(arrangement.bytes());
        let packed = match path == self.path {
            true => self.packed,
            false => packed(&path, length, needed).map_err(failed_to_read(&path))?,
        };
        let field = |reason| ReadError::Nifti { path: self.path.clone(), reason: Box::new(reason) };
        let most = match packed {
            None => length,
            Some(Packed::Bzip2) => limits.most_decoded(length),
            Some(_) => gunzip::most_decoded(length),
        };
        if offset > most {
            let value = self.header.show(self.header.vox_offset);
            return Err(field(HeaderError::new("vox_offset", value, Problem::OffsetPastEnd(most))));
        }
        if packed.is_none() && needed > length {
            let problem = Problem::PastEnd { needed: arrangement.bytes(), offset, length };
            return Err(field(HeaderError::new("dim", arrangement.text(), problem)));
        }
        if needed > most && packed != Some(Packed::Bzip2) {
            let reason = GunzipError::Impossible { needed, compressed: length, most };
            return Err(ReadError::Gunzip { path, reason });
        }
        if packed.is_some() {
            limits.check_expansion(&path, length, needed)?;
        }
        Ok(VoxelFile { path, packed, length, offset })
    }

    /// The affine of the `.mat` file that SPM writes beside an Analyze pair, if there is one, and the file.
    fn spm_matrix(&self, warnings: &mut Vec<Warning>) -> Option<(Affine, PathBuf)> {
        if self.header.magic != Magic::Absent || self.is_single() {
            return None;
        }
        let path = pair::partner(&self.path, "mat", pair::is_packed_name(&self.path));
        match spm::affine(&path) {
            Ok(affine) => {
                warnings.push(Warning::SpmMatrix(path.clone()));
                Some((affine, path))
            }
            Err(Some(why)) => {
                warnings.push(Warning::SpmMatrixUnusable { path, why });
                None
            }
            Err(None) => None,
        }
    }

    fn voxel_path(&self) -> Result<PathBuf, ReadError> {
        if self.is_single() {
            return Ok(self.path.clone());
        }
        if let Some(given) = &self.given_voxels {
            return Ok(given.clone());
        }
        if !pair::is_header(&self.path) {
            let reason = HeaderError::new("magic", "\"ni1\"", Problem::PairInSingleFile);
            return Err(ReadError::Nifti { path: self.path.clone(), reason: Box::new(reason) });
        }
        let missing = |partner| ReadError::MissingPartner { path: self.path.clone(), partner };
        pair::existing(&self.path, "img").map_err(missing)
    }

    fn extensions(&self, voxels_start: u64, warnings: &mut Vec<Warning>) -> Result<Vec<Extension>, ReadError> {
        let start = self.header.version.length() as u64 + 4;
        if !self.has_extensions || self.header.magic == Magic::Absent {
            return Ok(Vec::new());
        }
        let most = extensions::most_bytes(self.packed.map(|_| length_of(&self.path)).transpose()?);
        let end = if self.is_single() { voxels_start } else { start + most };
        if end.saturating_sub(start) > most {
            warnings.push(Warning::ExtensionsTooLarge(end - start));
            return Ok(Vec::new());
        }
        let head = head::head(&self.path, end).map_err(failed_to_read(&self.path))?;
        Ok(extensions::parse(&self.header, head.bytes.get(start as usize..).unwrap_or(&[]), warnings))
    }
}

/// The bytes of a header, the length of the (decoded) file if known, and how the file is compressed.
fn first_bytes(path: &Path) -> Result<(Vec<u8>, u64, Option<Packed>), ReadError> {
    let length = length_of(path)?;
    let head = head::head(path, header::LENGTH_2 as u64 + 4).map_err(failed_to_read(path))?;
    match head.failure(path, header::LENGTH_1 as u64) {
        Some(error) if head.bytes.len() < header::LENGTH_1 => Err(error),
        _ => {
            let length = if head.packed.is_some() { head.bytes.len() as u64 } else { length };
            Ok((head.bytes, length, head.packed))
        }
    }
}

/// How the voxels of a pair are compressed. Plain voxels can begin like a compressed stream by chance: they cannot be
/// decoded, and the file has exactly their length.
fn packed(path: &Path, length: u64, needed: u64) -> io::Result<Option<Packed>> {
    let mut file = BufReader::new(File::open(path)?);
    let magic = Packed::of(file.fill_buf()?);
    // No writer makes a zlib stream of them.
    let found = Packed::of_stream(file)?.filter(|packed| *packed != Packed::Zlib);
    Ok(found.or(magic.filter(|_| length != needed)))
}

/// Slope and intercept, if they apply: a slope of 0 or an invalid one means no scaling, and colours have none.
fn scaling(header: &Header, stored: Stored, warnings: &mut Vec<Warning>) -> Result<Option<(f64, f64)>, HeaderError> {
    let (slope, intercept) = (header.scl_slope, header.scl_inter);
    if stored.components > 1 && !stored.complex {
        return Ok(None);
    }
    if slope == 0.0 || !slope.is_finite() {
        // Many programs write NaN where they mean no scaling.
        if slope.is_infinite() {
            let why = "the voxels are used as stored";
            warnings.push(Warning::NotApplied { field: "scl_slope", value: header.show(slope), why });
        }
        if intercept != 0.0 && intercept.is_finite() {
            let why = "because scl_slope is 0 or not finite, which means no scaling; ITK adds it";
            warnings.push(Warning::NotApplied { field: "scl_inter", value: header.show(intercept), why });
        }
        return Ok(None);
    }
    if stored.complex && intercept != 0.0 {
        return Err(HeaderError::new("scl_inter", header.show(intercept), Problem::ComplexIntercept));
    }
    if !intercept.is_finite() {
        return Err(HeaderError::new("scl_inter", header.show(intercept), Problem::NotFinite));
    }
    Ok((slope != 1.0 || intercept != 0.0).then_some((slope, intercept)))
}

/// The affine passed its own checks, but the grid's are stricter.
fn not_invertible(header: &Header) -> HeaderError {
    HeaderError::new("pixdim", format!("{:?}", &header.pixdim[1..4]), Problem::Singular)
}

const fn format_name(header: &Header) -> &'static str {
    match (header.magic, header.version) {
        (Magic::Absent, _) => "Analyze 7.5",
        (_, Version::One) => "NIfTI-1",
        (_, Version::Two) => "NIfTI-2",
    }
}
