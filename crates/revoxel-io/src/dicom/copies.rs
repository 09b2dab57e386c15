//! Images with the position and the pixels of another one.
//!
//! Pixels are compared only if files have the same instance UID, or if nothing else explains repeated positions; and
//! only those of the images in question.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

use super::bytes::Bytes;
use super::collect::FolderContents;
use super::group::{self, Group, NamedImage, PlaneId, groups, plane};
use super::places::same_places;
use super::plane::Plane;
use super::problem::DicomError;
use super::report::{SkipReason, Skipped};
use crate::archive::{self, Want};
use crate::{Limits, ReadError, ReadOptions, RescalePolicy};

/// The largest distance of copies, mm.
const SAME_PLACE: f64 = 1e-3;

/// The groups of the found images, without copies, and without images that have no position if others have one.
pub(super) fn sorted_out(found: &mut FolderContents, options: &ReadOptions) -> Result<Vec<Group>, ReadError> {
    set_aside(found);
    let twins = twins(found);
    let same = copies(found, &twins, &options.limits)?;
    let others = twins.iter().map(|pile| pile.len() - 1).sum::<usize>() - same.len();
    found.equal_instances += others;
    drop_copies(found, &same);
    let mut groups = groups(&found.files, options);
    let suspects: Vec<Vec<PlaneId>> = groups.iter().filter(|g| is_suspect(g)).flat_map(|g| piles(found, g)).collect();
    let same = copies(found, &suspects, &options.limits)?;
    if !same.is_empty() {
        drop_copies(found, &same);
        groups = group::groups(&found.files, options);
    }
    if options.rescale == RescalePolicy::Assume {
        group::assume_rescale(&mut found.files, &groups);
        groups = group::groups(&found.files, options);
    }
    Ok(groups)
}

/// Leaves out images without a position, if others have one.
fn set_aside(found: &mut FolderContents) {
    if found.files.iter().all(|named| named.file.content.is_err()) {
        return;
    }
    let focus = found.focus.clone();
    let (aside, kept) = std::mem::take(&mut found.files).into_iter().partition(|named: &NamedImage| {
        let unplaced = named.file.content.as_ref().is_err_and(DicomError::is_unplaced);
        unplaced && focus.as_ref() != Some(&named.path)
    });
    found.files = kept;
    let aside: Vec<NamedImage> = aside;
    for named in aside {
        let reason = named.file.content.err().map_or_else(String::new, |e| e.to_string());
        found.skipped.push(Skipped { path: named.path, reason: SkipReason::Unplaced(reason) });
    }
}

/// Piles of files with the same instance UID.
fn twins(found: &FolderContents) -> Vec<Vec<PlaneId>> {
    let mut piles: HashMap<&str, Vec<PlaneId>> = HashMap::new();
    for (file, named) in found.files.iter().enumerate() {
        if let (Some(uid), Ok(_)) = (&named.file.instance, &named.file.content) {
            piles.entry(uid).or_default().push(PlaneId { file, frame: 0 });
        }
    }
    piles.retain(|_, pile| pile.len() > 1);
    let mut piles: Vec<Vec<PlaneId>> = piles.into_values().collect();
    piles.sort_by_key(|pile| pile[0].file);
    piles
}

/// The copies in piles of images, each with the original file.
fn copies(found: &FolderContents, piles: &[Vec<PlaneId>], limits: &Limits) -> Result<HashMap<usize, usize>, ReadError> {
    let mut copies: HashMap<usize, usize> = HashMap::new();
    if piles.is_empty() {
        return Ok(copies);
    }
    let members = members(found, piles, limits)?;
    for pile in piles {
        let mut kept: Vec<(PlaneId, Option<Vec<u8>>)> = Vec::new();
        for id in pile {
            let pixels = pixels(found, *id, &members);
            let same = |(other, bytes): &&(PlaneId, Option<Vec<u8>>)| {
                pixels.is_some() && *bytes == pixels && alike(found, *id, *other)
            };
            match kept.iter().find(same) {
                Some((original, _)) => _ = copies.insert(id.file, original.file),
                None => kept.push((*id, pixels)),
            }
        }
    }
    Ok(copies)
}

fn drop_copies(found: &mut FolderContents, copies: &HashMap<usize, usize>) {
    let mut dropped: Vec<usize> = copies.keys().copied().collect();
    dropped.sort_unstable();
    for file in &dropped {
        let reason = SkipReason::Copy(found.files[copies[file]].path.display().to_string());
        found.skipped.push(Skipped { path: found.files[*file].path.clone(), reason });
    }
    for file in dropped.into_iter().rev() {
        found.files.remove(file);
    }
}

/// Whether the images of a group form no stack because some have the same position.
fn is_suspect(group: &Group) -> bool {
    use DicomError::{IncompleteFrame, OnePosition, Repeated, UnequalFrames};
    matches!(
        &group.stack,
        Err((None, Repeated { .. } | UnequalFrames { .. } | OnePosition { .. } | IncompleteFrame { .. }))
    )
}

/// Piles of images of a group at the same position. Files with several images are ignored.
fn piles(found: &FolderContents, group: &Group) -> Vec<Vec<PlaneId>> {
    let ids: Vec<PlaneId> = group.planes.iter().copied().filter(|id| is_single(found, *id)).collect();
    let planes: Vec<&Plane> = ids.iter().filter_map(|id| plane(&found.files, *id)).collect();
    let sorted = |mut pile: Vec<PlaneId>| {
        pile.sort_by_key(|id| id.file);
        pile
    };
    same_places(&planes).into_iter().map(|pile| sorted(pile.into_iter().map(|i| ids[i]).collect())).collect()
}

fn is_single(found: &FolderContents, id: PlaneId) -> bool {
    let file = &found.files[id.file].file;
    file.deflated_from.is_none() && file.content.as_ref().is_ok_and(|c| c.planes.len() == 1)
}

/// Whether the same stored pixels mean the same values.
fn alike(found: &FolderContents, a: PlaneId, b: PlaneId) -> bool {
    let file = |id: PlaneId| &found.files[id.file].file;
    let planes = |id: PlaneId| file(id).content.as_ref().map(|c| c.planes.iter()).into_iter().flatten();
    let same = |a: &Plane, b: &Plane| {
        let near = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < SAME_PLACE);
        (a.slope, a.intercept) == (b.slope, b.intercept) && near(a.position, b.position) && near(a.row, b.row)
    };
    planes(a).count() == planes(b).count()
        && planes(a).zip(planes(b)).all(|(a, b)| same(a, b))
        && file(a).series == file(b).series
        && group::format(&found.files, a) == group::format(&found.files, b)
        && file(a).syntax_uid == file(b).syntax_uid
}

/// The bytes of the files in question, if they are in an archive.
fn members(
    found: &FolderContents,
    piles: &[Vec<PlaneId>],
    limits: &Limits,
) -> Result<HashMap<usize, Vec<u8>>, ReadError> {
    let mut members = HashMap::new();
    let file = |id: &PlaneId| &found.files[id.file];
    let most = |id: &PlaneId| (file(id).member, file(id).file.most_bytes());
    let wanted: HashMap<usize, u64> = piles.iter().flatten().map(most).collect();
    if let (Some(packing), false) = (found.packing, wanted.is_empty()) {
        archive::visit(&found.root, packing, limits, Want::Heads, &mut |member| {
            let Some(most) = wanted.get(&member.index) else { return Ok(()) };
            let mut bytes = Vec::new();
            if member.read.take(*most).read_to_end(&mut bytes).is_ok() {
                members.insert(member.index, bytes);
            }
            Ok(())
        })?;
    }
    Ok(members)
}

/// The stored pixels; `None` if they cannot be read, which is reported later.
fn pixels(found: &FolderContents, id: PlaneId, members: &HashMap<usize, Vec<u8>>) -> Option<Vec<u8>> {
    let named = &found.files[id.file];
    let element = named.file.pixels;
    let open = || {
        let file = File::open(&named.path).ok()?;
        let length = file.metadata().ok()?.len();
        Some(Bytes::Disk { file, length })
    };
    let most = named.file.most_bytes();
    let part = |length: u64| {
        let there = length.min(most).checked_sub(element.offset)?;
        Some((element.offset, element.length.map_or(there, |length| length.min(there))))
    };
    if found.packing.is_some() {
        let bytes = members.get(&named.member)?;
        let (offset, length) = part(bytes.len() as u64)?;
        let start = usize::try_from(offset).ok()?;
        return bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?).map(<[u8]>::to_vec);
    }
    let bytes = open()?;
    let (offset, length) = part(bytes.length())?;
    if offset.checked_add(length)? > bytes.length() {
        return None;
    }
    let mut pixels = vec![0; usize::try_from(length).ok()?];
    bytes.read_at(offset, &mut pixels).ok()?;
    Some(pixels)
}
