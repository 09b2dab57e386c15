//! Images at the place of another one with the same pixels.
//!
//! Only where nothing else explains why positions repeat are pixels looked at, and only those of the images in
//! question.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

use super::bytes::Bytes;
use super::collect::Found;
use super::group::{self, Group, PlaneId, groups, plane};
use super::plane::Plane;
use super::problem::DicomError;
use super::report::{SkipReason, Skipped};
use super::stack::same_places;
use crate::archive::{self, Want};
use crate::{Limits, ReadError};

/// The groups of what was found, without copies.
pub(super) fn groups_without_copies(found: &mut Found, limits: &Limits) -> Result<Vec<Group>, ReadError> {
    let groups = groups(&found.files);
    let suspects: Vec<Vec<PlaneId>> = groups.iter().filter(|g| is_suspect(g)).flat_map(|g| piles(found, g)).collect();
    let members = members(found, &suspects, limits)?;
    let mut copies: HashMap<usize, usize> = HashMap::new();
    for pile in &suspects {
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
    if copies.is_empty() {
        return Ok(groups);
    }
    let mut dropped: Vec<usize> = copies.keys().copied().collect();
    dropped.sort_unstable();
    for file in &dropped {
        let reason = SkipReason::Copy(found.files[copies[file]].path.display().to_string());
        found.skipped.push(Skipped { path: found.files[*file].path.clone(), reason });
    }
    for file in dropped.into_iter().rev() {
        found.files.remove(file);
    }
    Ok(group::groups(&found.files))
}

/// Whether the images of a group are no stack because some are at the same place.
fn is_suspect(group: &Group) -> bool {
    use DicomError::{OnePosition, Repeated, UnequalFrames};
    matches!(&group.stack, Err((None, Repeated { .. } | UnequalFrames { .. } | OnePosition { .. })))
}

/// The images of a group that share their place; those that are a file each.
fn piles(found: &Found, group: &Group) -> Vec<Vec<PlaneId>> {
    let ids: Vec<PlaneId> = group.planes.iter().copied().filter(|id| is_single(found, *id)).collect();
    let planes: Vec<&Plane> = ids.iter().filter_map(|id| plane(&found.files, *id)).collect();
    let sorted = |mut pile: Vec<PlaneId>| {
        pile.sort_by_key(|id| id.file);
        pile
    };
    same_places(&planes).into_iter().map(|pile| sorted(pile.into_iter().map(|i| ids[i]).collect())).collect()
}

fn is_single(found: &Found, id: PlaneId) -> bool {
    let file = &found.files[id.file].file;
    file.deflated_from.is_none() && file.content.as_ref().is_ok_and(|c| c.planes.len() == 1)
}

/// Whether the same stored pixels mean the same values.
fn alike(found: &Found, a: PlaneId, b: PlaneId) -> bool {
    let scale = |id| plane(&found.files, id).map(|p| (p.slope, p.intercept));
    let file = |id: PlaneId| &found.files[id.file].file;
    scale(a) == scale(b)
        && group::format(&found.files, a) == group::format(&found.files, b)
        && file(a).syntax_uid == file(b).syntax_uid
}

/// The bytes of the files in question, where they are in an archive.
fn members(found: &Found, piles: &[Vec<PlaneId>], limits: &Limits) -> Result<HashMap<usize, Vec<u8>>, ReadError> {
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

/// The pixels as they are stored; `None` where they cannot be read, which is told later.
fn pixels(found: &Found, id: PlaneId, members: &HashMap<usize, Vec<u8>>) -> Option<Vec<u8>> {
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
