//! Reading the pixels of a stack into a volume.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;
use revoxel_core::{Dtype, Kind, Voxel, Voxels, parallel};

use super::bytes::Bytes;
use super::codec::{self, Decoded};
use super::collect::FolderContents;
use super::convert;
use super::fill;
use super::format::{Number, Photometric, PixelFormat};
use super::fragments::{Fragment, fragments};
use super::group::{NamedImage, PlaneId, format, plane};
use super::image::{Content, ImageFile};
use super::plan::{Plan, SliceFrom};
use super::problem::DicomError;
use super::syntax::Coding;
use crate::archive::{self, Want};
use crate::open::failed_to_read;
use crate::{Limits, ReadError, buffer};

/// What to read: per frame, the images in the order of the slices.
pub(super) struct Request<'a> {
    pub(super) found: &'a FolderContents,
    pub(super) frames: &'a [Vec<PlaneId>],
    pub(super) plan: &'a Plan,
    pub(super) format: PixelFormat,
    pub(super) kind: Kind,
    pub(super) limits: Limits,
}

/// An open file, and the positions of its frames if they are compressed.
struct Opened {
    bytes: Bytes,
    frames: Option<Vec<Vec<Fragment>>>,
    /// Whether the bytes come from a compressed picture.
    decoded: bool,
}

/// One image, and the destination of its values (three destinations for colours).
struct Job<'a, T> {
    id: PlaneId,
    to: Vec<&'a mut [T]>,
}

/// The voxel type of the values: 16-bit integers if all slices have the slope 1 and the same whole intercept, else
/// real numbers. Only the pixels show whether the values fit into 16 bits; if not, they become real numbers, too.
pub(super) fn target(request: &Request<'_>) -> Dtype {
    let format = &request.format;
    match format.photometric {
        Photometric::Palette { wide } => return if wide { Dtype::U16 } else { Dtype::U8 },
        _ if format.samples == 3 => return if format.sample_bytes() == 1 { Dtype::U8 } else { Dtype::U16 },
        _ => {}
    }
    let real = match format.number {
        Number::F64 => Dtype::F64,
        Number::Int { .. } if format.stored > 24 => Dtype::F64,
        _ => Dtype::F32,
    };
    let small = matches!(format.number, Number::Int { bits: 8 | 16, .. });
    if small && shared_intercept(request).is_some() { Dtype::I16 } else { real }
}

/// The intercept of all slices, if their rescaling only adds one whole number.
fn shared_intercept(request: &Request<'_>) -> Option<i32> {
    let files = &request.found.files;
    if request.frames.iter().flatten().any(|id| content(request, id.file).is_some_and(|c| c.table.is_some())) {
        return None;
    }
    let mut planes = request.frames.iter().flatten().filter_map(|id| plane(files, *id));
    let intercept = planes.clone().next()?.intercept;
    let whole = intercept.fract() == 0.0 && intercept.abs() <= 32768.0;
    let shared = whole && planes.all(|p| p.slope == 1.0 && p.intercept == intercept);
    shared.then_some(intercept as i32)
}

/// Reads all values.
pub(super) fn read(request: &Request<'_>) -> Result<Voxels, ReadError> {
    check_syntax(request)?;
    let limits = &request.limits;
    let (files, target) = (&request.found.files, target(request));
    check_limits(request, target)?;
    let opened = open_shared(request, limits)?;
    if let (Dtype::I16, Some(intercept)) = (target, shared_intercept(request)) {
        let fits = std::sync::atomic::AtomicBool::new(true);
        let values = all::<i16>(request, &|job, scratch| {
            let ok = integers(request, &opened, job, scratch, intercept)?;
            fits.fetch_and(ok, std::sync::atomic::Ordering::Relaxed);
            Ok(())
        })?;
        if fits.into_inner() {
            return Ok(values.into());
        }
    }
    let real = |job: PlaneId| plane(files, job).map_or((1.0, 0.0), |p| (p.slope, p.intercept));
    match target {
        Dtype::U8 => Ok(all::<u8>(request, &|job, scratch| colours(request, &opened, job, scratch))?.into()),
        Dtype::U16 => Ok(all::<u16>(request, &|job, scratch| colours(request, &opened, job, scratch))?.into()),
        Dtype::F64 => {
            Ok(all::<f64>(request, &|job, scratch| reals(request, &opened, real(job.id), job, scratch))?.into())
        }
        _ => Ok(all::<f32>(request, &|job, scratch| reals(request, &opened, real(job.id), job, scratch))?.into()),
    }
}

type Place<'a, T> = &'a (dyn Fn(&mut Job<'_, T>, &mut Vec<u8>) -> Result<(), ReadError> + Sync);

/// Reads every image into its destination, in parallel, and interpolates missing slices.
fn all<T: Voxel>(request: &Request<'_>, place: Place<'_, T>) -> Result<Vec<T>, ReadError> {
    let Request { plan, frames, format, .. } = request;
    let (plane, slices, samples) = (format.plane(), plan.slices.len(), format.channels());
    let count = [slices, frames.len(), samples].iter().try_fold(plane, |n, f| n.checked_mul(*f));
    let bytes = count.and_then(|n| n.checked_mul(size_of::<T>())).unwrap_or(usize::MAX) as u64;
    let path = || request.found.root.clone();
    let no_memory = || ReadError::Memory { path: path(), bytes };
    let mut values: Vec<T> = count.and_then(buffer::zeroed).ok_or_else(no_memory)?;
    let mut chunks: Vec<Option<&mut [T]>> = values.chunks_mut(plane).map(Some).collect();
    let mut jobs = Vec::with_capacity(chunks.len());
    for (f, frame) in frames.iter().enumerate() {
        for (s, from) in plan.slices.iter().enumerate() {
            let SliceFrom::Stack(number) = from else { continue };
            let places = (0..samples).map(|c| (f * samples + c) * slices + s);
            let to = places.filter_map(|i| chunks[i].take()).collect();
            jobs.push(Job { id: frame[*number], to });
        }
    }
    parallel::try_each_with(jobs.into_iter(), Vec::new, |scratch, mut job| place(&mut job, scratch))?;
    fill::fill(&mut values, plane, &plan.slices, request.kind);
    Ok(values)
}

/// Checks that the volume is within the limits, and that its files may decode to their size, before anything is
/// decoded.
fn check_limits(request: &Request<'_>, target: Dtype) -> Result<(), ReadError> {
    let Request { plan, frames, format, found, limits, .. } = request;
    let counts = [plan.slices.len(), frames.len(), format.channels(), format.plane()];
    let values = counts.iter().fold(1u64, |n, f| n.saturating_mul(*f as u64));
    limits.check_volume(&found.root, values.saturating_mul(target.size() as u64), false)?;
    let files: HashSet<usize> = frames.iter().flatten().map(|id| id.file).collect();
    if found.packing.is_none() && files.iter().all(|file| is_raw(request, *file)) {
        return Ok(());
    }
    let length = |path: &Path| std::fs::metadata(path).map(|m| m.len()).map_err(failed_to_read(path));
    let compressed = match found.packing {
        Some(_) => length(&found.root)?,
        None => files.iter().try_fold(0u64, |sum, file| Ok::<_, ReadError>(sum + length(&found.files[*file].path)?))?,
    };
    // What is filled in between slices comes out of no file.
    let images = frames.iter().flatten().count() as u64;
    limits.check_expansion(&found.root, compressed, images.saturating_mul(format.frame_bytes() as u64))
}

fn content<'a>(request: &Request<'a>, file: usize) -> Option<&'a Content> {
    request.found.files[file].file.content.as_ref().ok()
}

fn is_raw(request: &Request<'_>, file: usize) -> bool {
    let file = &request.found.files[file].file;
    file.pixels.length.is_some() && file.deflated_from.is_none()
}

fn check_syntax(request: &Request<'_>) -> Result<(), ReadError> {
    for id in request.frames.iter().flatten() {
        let named = &request.found.files[id.file];
        let reason = match named.file.syntax {
            Some(syntax) if syntax.coding != Coding::Unknown => continue,
            Some(syntax) => DicomError::Syntax { name: syntax.name.to_owned(), uid: syntax.uid.to_owned() },
            None => DicomError::Syntax { name: "unknown or private".to_owned(), uid: named.file.syntax_uid.clone() },
        };
        return Err(ReadError::Dicom { path: named.path.clone(), reason: Box::new(reason) });
    }
    Ok(())
}

/// Opens the files that several images share, and all members of an archive.
fn open_shared(request: &Request<'_>, limits: &Limits) -> Result<HashMap<usize, Opened>, ReadError> {
    let mut images: HashMap<usize, usize> = HashMap::new();
    request.frames.iter().flatten().for_each(|id| *images.entry(id.file).or_default() += 1);
    if let Some(packing) = request.found.packing {
        let mut opened = HashMap::new();
        let wanted: HashMap<usize, usize> =
            images.keys().map(|file| (request.found.files[*file].member, *file)).collect();
        archive::visit(&request.found.root, packing, limits, Want::All, &mut |member| {
            let Some(file) = wanted.get(&member.index) else { return Ok(()) };
            let mut bytes = Vec::new();
            let shown = member.shown(&request.found.root);
            // What is behind the pixels is decoded for the checksum, and not kept.
            let most = request.found.files[*file].file.most_bytes();
            member.read.take(most).read_to_end(&mut bytes).map_err(failed_to_read(&shown))?;
            opened.insert(*file, open(request, *file, Some(bytes), limits)?);
            Ok(())
        })?;
        return Ok(opened);
    }
    // Mosaics can be many files: their tiles open them one by one, unless their pictures have to be decoded.
    let tiles = |file: usize| is_raw(request, file) && content(request, file).is_some_and(|c| c.tiling.is_some());
    let shared: Vec<usize> = images.into_iter().filter(|(f, count)| *count > 1 && !tiles(*f)).map(|(f, _)| f).collect();
    let one = |file: usize| -> Result<_, ReadError> { Ok((file, open(request, file, None, limits)?)) };
    Ok(parallel::try_map(shared.into_iter(), one)?.into_iter().collect())
}

/// Opens a file, or takes its bytes.
fn open(request: &Request<'_>, file: usize, bytes: Option<Vec<u8>>, limits: &Limits) -> Result<Opened, ReadError> {
    let named = &request.found.files[file];
    let path = &named.path;
    let bytes = match bytes {
        Some(bytes) => Bytes::Memory(bytes),
        None => {
            let file = File::open(path).map_err(failed_to_read(path))?;
            let length = file.metadata().map_err(failed_to_read(path))?.len();
            Bytes::Disk { file, length }
        }
    };
    let bytes = match named.file.deflated_from {
        Some(from) => Bytes::Memory(inflated(path, &bytes, from, &named.file, limits)?),
        None => bytes,
    };
    let frames = match named.file.pixels.length {
        Some(_) => None,
        None => {
            let count = named.file.content.as_ref().map_or(1, |c| c.stored().1);
            let frames = fragments(&bytes, named.file.pixels.offset, count);
            Some(frames.map_err(|e| ReadError::Dicom { path: path.clone(), reason: Box::new(e) })?)
        }
    };
    let opened = Opened { bytes, frames, decoded: false };
    match (&named.file.content, &opened.frames) {
        // A picture is decoded once for all of its tiles.
        (Ok(content), Some(frames)) if content.tiling.is_some() => {
            let decoded = decode(named, &content.stored().0, &opened.bytes, frames, 0)?;
            Ok(Opened { bytes: Bytes::Memory(decoded.bytes), frames: None, decoded: true })
        }
        _ => Ok(opened),
    }
}

/// The decoded rest of a deflated file, up to the end of its pixels.
fn inflated(path: &Path, bytes: &Bytes, from: u64, file: &ImageFile, limits: &Limits) -> Result<Vec<u8>, ReadError> {
    let needed = file.most_bytes();
    limits.check_expansion(path, bytes.length(), needed)?;
    let compressed = bytes.part(from, bytes.length().saturating_sub(from)).map_err(failed_to_read(path))?;
    let mut decoded = Vec::new();
    let stream = DeflateDecoder::new(&compressed[..]);
    stream.take(needed).read_to_end(&mut decoded).map_err(failed_to_read(path))?;
    Ok(decoded)
}

/// Samples of one image, as they are in an uncompressed file.
struct Raw {
    big_endian: bool,
    planar: bool,
    /// Colours that need no conversion.
    rgb: bool,
}

/// Reads the samples of an image into `scratch`.
fn samples(
    request: &Request<'_>,
    opened: &HashMap<usize, Opened>,
    id: PlaneId,
    scratch: &mut Vec<u8>,
) -> Result<Raw, ReadError> {
    let named = &request.found.files[id.file];
    let path: &PathBuf = &named.path;
    let fail = |reason| ReadError::Dicom { path: path.clone(), reason: Box::new(reason) };
    let own;
    let Opened { bytes, frames, decoded } = match opened.get(&id.file) {
        Some(shared) => shared,
        None => {
            own = open(request, id.file, None, &request.limits)?;
            &own
        }
    };
    let Ok(content) = &named.file.content else { return Err(fail(DicomError::NotDicom)) };
    let Some(syntax) = named.file.syntax else { return Err(fail(DicomError::NotDicom)) };
    let (own_format, start) = (&content.format, if *decoded { 0 } else { named.file.pixels.offset });
    let big_endian = syntax.big_endian && !decoded;
    if let Some(frames) = frames {
        let decoded = self::decode(named, own_format, bytes, frames, id.frame)?;
        *scratch = decoded.bytes;
        return Ok(Raw { big_endian: false, planar: decoded.planar, rgb: decoded.rgb });
    }
    let (length, number) = match content.tiling {
        Some(tiling) => (tiling.band_bytes(own_format), tiling.band(id.frame)),
        None => (own_format.stored_bytes(), id.frame),
    };
    make_room(scratch, length).map_err(failed_to_read(path))?;
    bytes.read_at(start + (number * length) as u64, scratch).map_err(failed_to_read(path))?;
    if own_format.shared_colours || content.tiling.is_some() {
        let mut frame = Vec::new();
        let no_room = |_| std::io::ErrorKind::OutOfMemory.into();
        frame.try_reserve_exact(own_format.frame_bytes()).map_err(no_room).map_err(failed_to_read(path))?;
        match content.tiling {
            Some(tiling) => tiling.cut(scratch, own_format, id.frame, &mut frame),
            None => convert::unshare(scratch, own_format.sample_bytes(), &mut frame),
        }
        *scratch = frame;
    }
    Ok(Raw { big_endian, planar: own_format.planar && !own_format.shared_colours, rgb: false })
}

/// The samples of a compressed frame, as many as the format requires.
fn decode(
    named: &NamedImage,
    format: &PixelFormat,
    bytes: &Bytes,
    frames: &[Vec<Fragment>],
    number: usize,
) -> Result<Decoded, ReadError> {
    let path = &named.path;
    let fail = |reason| ReadError::Dicom { path: path.clone(), reason: Box::new(reason) };
    let Some(syntax) = named.file.syntax else { return Err(fail(DicomError::NotDicom)) };
    let compressed = joined(bytes, frames.get(number).map_or(&[][..], |f| &f[..])).map_err(failed_to_read(path))?;
    let mut decoded = codec::decode(syntax.coding, compressed, format)
        .map_err(|reason| fail(DicomError::Codec { frame: number + 1, name: syntax.name, uid: syntax.uid, reason }))?;
    decoded.bytes.truncate(format.frame_bytes());
    Ok(decoded)
}

/// The bytes of all fragments of a frame.
fn joined(bytes: &Bytes, parts: &[Fragment]) -> std::io::Result<Vec<u8>> {
    let mut compressed = Vec::new();
    make_room(&mut compressed, parts.iter().map(|p| p.length).sum::<u64>() as usize)?;
    let mut rest = &mut compressed[..];
    for part in parts {
        let (to, after) = rest.split_at_mut(part.length as usize);
        bytes.read_at(part.offset, to)?;
        rest = after;
    }
    Ok(compressed)
}

/// Zeros, as many as are needed.
fn make_room(bytes: &mut Vec<u8>, length: usize) -> std::io::Result<()> {
    bytes.clear();
    bytes.try_reserve_exact(length).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
    bytes.resize(length, 0);
    Ok(())
}

/// Integers of 16 bits. Returns whether all fit.
fn integers(
    request: &Request<'_>,
    opened: &HashMap<usize, Opened>,
    job: &mut Job<'_, i16>,
    scratch: &mut Vec<u8>,
    intercept: i32,
) -> Result<bool, ReadError> {
    let named = &request.found.files[job.id.file];
    let Some((own, to)) = format(&request.found.files, job.id).zip(job.to.first_mut()) else { return Ok(true) };
    let big_endian = named.file.syntax.is_some_and(|s| s.big_endian);
    let plain = !opened.contains_key(&job.id.file) && is_raw(request, job.id.file);
    let whole = content(request, job.id.file).is_some_and(|c| c.tiling.is_none());
    if plain && whole && own.sample_bytes() == 2 {
        // Straight from the file into the volume.
        let path = &named.path;
        let file = File::open(path).map_err(failed_to_read(path))?;
        let bytes = Bytes::Disk { file, length: 0 };
        let target: &mut [u8] = bytemuck::cast_slice_mut(to);
        bytes.read_at(named.file.pixels.offset, target).map_err(failed_to_read(path))?;
        return Ok(convert::in_place(to, big_endian, own, intercept));
    }
    let raw = samples(request, opened, job.id, scratch)?;
    Ok(convert::to_i16(scratch, raw.big_endian, own, intercept, to))
}

fn reals<T: Voxel>(
    request: &Request<'_>,
    opened: &HashMap<usize, Opened>,
    scale: (f64, f64),
    job: &mut Job<'_, T>,
    scratch: &mut Vec<u8>,
) -> Result<(), ReadError> {
    let raw = samples(request, opened, job.id, scratch)?;
    if let Some((own, to)) = content(request, job.id.file).zip(job.to.first_mut()) {
        match &own.table {
            Some(table) => convert::through(scratch, raw.big_endian, &own.format, table, to),
            None => convert::to_real(scratch, raw.big_endian, &own.format, scale, to),
        }
    }
    Ok(())
}

fn colours<T: Voxel>(
    request: &Request<'_>,
    opened: &HashMap<usize, Opened>,
    job: &mut Job<'_, T>,
    scratch: &mut Vec<u8>,
) -> Result<(), ReadError> {
    let raw = samples(request, opened, job.id, scratch)?;
    if let (Some(own), [red, green, blue]) = (content(request, job.id.file), &mut job.to[..]) {
        let colours: [&mut [T]; 3] = [red, green, blue];
        match &own.palette {
            Some(palette) => {
                let both = palette.0.iter().zip(colours);
                both.for_each(|(table, to)| convert::through(scratch, raw.big_endian, &own.format, table, to));
            }
            None => convert::to_colours(scratch, raw.big_endian, raw.planar, !raw.rgb, &own.format, colours),
        }
    }
    Ok(())
}
