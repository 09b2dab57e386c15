//! Reading the values, as they are in the file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::str::FromStr;

use flate2::bufread::MultiGzDecoder;
use revoxel_core::{Buffer, Voxel};

use super::ascii;
use super::payload::{DataFile, Encoding, Payload, Skip};
use super::problem::Problem;
use crate::codecs::gunzip::{self, GunzipError};
use crate::codecs::{bunzip, zlib};
use crate::open::failed_to_read;
use crate::{ReadError, Warning, buffer};

/// All values, in the order of the files and in the byte order of this machine.
pub(crate) fn read<T: Voxel + FromStr>(payload: &Payload) -> Result<(Buffer<T>, Vec<Warning>), ReadError> {
    let mut warnings = Vec::new();
    let mut values = match &payload.files[..] {
        [file] => read_file(payload, file, &mut warnings)?,
        files if payload.is_raw() => read_raw_files(payload, files, &mut warnings)?.into(),
        files => {
            let mut values: Vec<T> = Vec::new();
            for file in files {
                let more: Buffer<T> = read_file(payload, file, &mut warnings)?;
                values.try_reserve(more.len()).map_err(|_| no_memory(payload, file))?;
                values.extend(&more);
            }
            values.into()
        }
    };
    if payload.swapped && payload.encoding != Encoding::Text {
        buffer::swap_bytes(&mut values);
    }
    Ok((values, warnings))
}

fn read_file<T: Voxel + FromStr>(
    payload: &Payload,
    file: &DataFile,
    warnings: &mut Vec<Warning>,
) -> Result<Buffer<T>, ReadError> {
    let count = payload.values_per_file();
    let encoding = payload.encoding_of(file);
    match encoding {
        Encoding::Raw => {
            let offset = raw_offset(payload, file, warnings)?;
            let read = || {
                let from = File::open(&file.path)?;
                match payload.swapped || payload.files.len() > 1 {
                    true => buffer::read_at(&from, offset, count).map(Buffer::from),
                    false => buffer::map_or_read(&from, offset, count),
                }
            };
            read().map_err(|reason| raw_failed(payload, file, reason))
        }
        Encoding::Text | Encoding::Hex => {
            let start = bytes_start(payload, file)?;
            let bytes = rest_of(file, start, None)?;
            let values = match encoding {
                Encoding::Hex => ascii::hex(&bytes, count),
                _ => ascii::text(&bytes, count),
            };
            let problem = |problem| match problem {
                Problem::HexDigit { .. } | Problem::Value { .. } => payload.fail_encoded(file, problem),
                _ => payload.fail(file, payload.names.sizes, &payload.sizes, problem),
            };
            values.map_err(problem)?.ok_or_else(|| no_memory(payload, file)).map(Buffer::from)
        }
        Encoding::Gzip => gunzipped(payload, file, count, warnings),
        Encoding::Zlib | Encoding::Bzip2 => {
            let compressed = rest_of(file, payload.lines_end(file)?, payload.compressed)?;
            let Skip::Bytes(skip) = payload.skip else { return Err(to_end_unsupported(payload, file)) };
            let decoded = match encoding {
                Encoding::Zlib => zlib::decode(&compressed, skip as usize, count),
                _ => {
                    let limit = payload.limits.most_decoded(compressed.len() as u64);
                    let decoded = bunzip::decode(&compressed, skip as usize, count, limit);
                    decoded.map(|(values, tail)| (Vec::into(values), tail))
                }
            };
            let (values, tail) = decoded.map_err(|reason| payload.fail_encoded(file, Problem::Stream(reason)))?;
            warn_of_tail(file, tail.extra, tail.junk, warnings);
            Ok(values)
        }
    }
}

fn gunzipped<T: Voxel>(
    payload: &Payload,
    file: &DataFile,
    count: usize,
    warnings: &mut Vec<Warning>,
) -> Result<Buffer<T>, ReadError> {
    let compressed = rest_of(file, payload.lines_end(file)?, payload.compressed)?;
    let fail = |reason| payload.fail_encoded(file, Problem::Gunzip(reason));
    let skip = match payload.skip {
        Skip::Bytes(skip) => skip,
        Skip::ToEnd => {
            // Decoded twice, so that no more than the values is ever kept.
            let limit = payload.limits.most_decoded(compressed.len() as u64);
            let mut stream = MultiGzDecoder::new(&compressed[..]).take(limit.saturating_add(1));
            let total = io::copy(&mut stream, &mut io::sink());
            let needed = payload.bytes_per_file();
            let damaged = |_| fail(GunzipError::Damaged { decoded: limit.saturating_add(1) - stream.limit() });
            let decoded = total.map_err(damaged)?;
            payload.limits.check_expansion(&file.path, compressed.len() as u64, decoded)?;
            decoded.checked_sub(needed).ok_or_else(|| fail(GunzipError::TooShort { decoded, needed }))?
        }
    };
    let (values, tail) = gunzip::decode(&compressed, skip as usize, count).map_err(fail)?;
    warn_of_tail(file, tail.extra, tail.junk, warnings);
    Ok(values)
}

fn read_raw_files<T: Voxel>(
    payload: &Payload,
    files: &[DataFile],
    warnings: &mut Vec<Warning>,
) -> Result<Vec<T>, ReadError> {
    let count = payload.values_per_file();
    // The files were checked to have room for all of this.
    let no_memory = || ReadError::Memory { path: files[0].path.clone(), bytes: payload.bytes_per_file() };
    let mut values: Vec<T> = buffer::zeroed(payload.values).ok_or_else(no_memory)?;
    for (file, part) in files.iter().zip(values.chunks_mut(count.max(1))) {
        let offset = raw_offset(payload, file, warnings)?;
        let mut fill = || {
            let mut from = File::open(&file.path)?;
            from.seek(SeekFrom::Start(offset))?;
            from.read_exact(bytemuck::cast_slice_mut(part))
        };
        fill().map_err(failed_to_read(&file.path))?;
    }
    Ok(values)
}

/// Where raw values start. Only here is it known whether they fit after the skipped lines.
fn raw_offset(payload: &Payload, file: &DataFile, warnings: &mut Vec<Warning>) -> Result<u64, ReadError> {
    let needed = payload.bytes_per_file();
    let lines_end = payload.lines_end(file)?;
    let length = file.length;
    let past_end =
        |offset| payload.fail(file, payload.names.sizes, &payload.sizes, Problem::PastEnd { needed, offset, length });
    let offset = match payload.skip {
        Skip::Bytes(skip) => lines_end.saturating_add(skip),
        Skip::ToEnd => length.checked_sub(needed).filter(|at| *at >= lines_end).ok_or_else(|| past_end(lines_end))?,
    };
    let rest = offset.checked_add(needed).and_then(|end| length.checked_sub(end)).ok_or_else(|| past_end(offset))?;
    warn_of_tail(file, rest, 0, warnings);
    Ok(offset)
}

/// Where texts start.
fn bytes_start(payload: &Payload, file: &DataFile) -> Result<u64, ReadError> {
    match payload.skip {
        Skip::Bytes(skip) => Ok(payload.lines_end(file)?.saturating_add(skip)),
        Skip::ToEnd => Err(to_end_unsupported(payload, file)),
    }
}

/// The bytes of a file from a position on.
fn rest_of(file: &DataFile, start: u64, most: Option<u64>) -> Result<Buffer<u8>, ReadError> {
    let read = || {
        let length = file.length.saturating_sub(start).min(most.unwrap_or(u64::MAX));
        buffer::map_or_read(&File::open(&file.path)?, start, length as usize)
    };
    read().map_err(failed_to_read(&file.path))
}

fn warn_of_tail(file: &DataFile, extra: u64, junk: u64, warnings: &mut Vec<Warning>) {
    let path = || file.path.clone();
    match (extra, junk) {
        (0, 0) => {}
        (0, bytes) => warnings.push(Warning::TrailingJunk { path: path(), bytes }),
        (bytes, _) => warnings.push(Warning::MoreData { path: path(), bytes }),
    }
}

fn to_end_unsupported(payload: &Payload, file: &DataFile) -> ReadError {
    let problem = Problem::Unsupported("values at the end of a file must be raw or gzip");
    payload.fail(file, payload.names.skip, -1, problem)
}

fn no_memory(payload: &Payload, file: &DataFile) -> ReadError {
    ReadError::Memory { path: file.path.clone(), bytes: payload.bytes_per_file() }
}

fn raw_failed(payload: &Payload, file: &DataFile, reason: io::Error) -> ReadError {
    match reason.kind() {
        io::ErrorKind::OutOfMemory => no_memory(payload, file),
        _ => ReadError::Io { path: file.path.clone(), reason },
    }
}
