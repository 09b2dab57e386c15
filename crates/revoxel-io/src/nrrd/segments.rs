//! Key/value pairs of 3D Slicer's segmentations that contain voxel indices.

use std::collections::{BTreeMap, BTreeSet};

use revoxel_core::{Volume, Voxel, dispatch};

use crate::facts::axis_map::AxisMap;

/// The extent of a segment without voxels.
const NOWHERE: &str = "0 -1 0 -1 0 -1";

/// Marks extents as unknown after steps; writing the volume computes them again.
pub(super) fn forget_places(pairs: &mut [(String, String)], map: &AxisMap) {
    for (key, value) in pairs {
        if number(key, "_Extent").is_some() {
            value.clear();
        } else if key == "Segmentation_ReferenceImageExtentOffset" && !map.is_identity() {
            *value = "0 0 0".to_owned();
        }
    }
}

/// The pairs to write. Unknown extents of segments, or all extents if voxels `moved`, become the boxes around their
/// labels.
pub(super) fn placed(pairs: &[(String, String)], volume: &Volume, moved: bool) -> Vec<(String, String)> {
    let sought = |(key, value): &(String, String)| {
        let segment = number(key, "_Extent").filter(|_| moved || value.is_empty())?;
        Some((key.clone(), sought(pairs, segment, volume.channels())))
    };
    let sought: BTreeMap<String, Sought> = pairs.iter().filter_map(sought).collect();
    let boxes = boxes(volume, sought.values().copied());
    let place = |(key, value): &(String, String)| {
        let value = match sought.get(key).and_then(|sought| boxes.get(sought)) {
            Some(found) => extent(found),
            None if moved && key == "Segmentation_ReferenceImageExtentOffset" => "0 0 0".to_owned(),
            None => value.clone(),
        };
        (key.clone(), value)
    };
    pairs.iter().map(place).collect()
}

/// The segment number in a key.
fn number<'a>(key: &'a str, what: &str) -> Option<&'a str> {
    let number = key.strip_prefix("Segment")?.strip_suffix(what)?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(number)
}

/// What a segment is: its layer, and the bits of its label as a double, or any label.
type Sought = (usize, Option<u64>);

/// The first and the last index along each axis.
type Extent = [[i64; 2]; 3];

fn sought(pairs: &[(String, String)], segment: &str, channels: usize) -> Sought {
    let get = |what: &str| {
        let key = format!("Segment{segment}_{what}");
        pairs.iter().find(|(k, _)| *k == key).map(|(_, value)| value.trim())
    };
    let label = get("LabelValue").and_then(|text| text.parse::<f64>().ok());
    // Old files have a layer for each segment, and no key that says so.
    let own_layer = || if label.is_some() { None } else { segment.parse().ok() };
    let layer = get("Layer").and_then(|text| text.parse().ok()).or_else(own_layer).unwrap_or(0);
    (if layer < channels { layer } else { 0 }, label.map(bits))
}

fn bits(label: f64) -> u64 {
    // Both zeros are one label.
    (label + 0.0).to_bits()
}

/// The boxes around what is sought, in one pass over each layer.
fn boxes(volume: &Volume, all: impl Iterator<Item = Sought>) -> BTreeMap<Sought, Extent> {
    let mut boxes: BTreeMap<Sought, Extent> = all.map(|sought| (sought, [[i64::MAX, -1]; 3])).collect();
    let layers: BTreeSet<usize> = boxes.keys().map(|(layer, _)| *layer).collect();
    let [nx, ny, nz] = volume.grid().shape();
    dispatch!(volume.voxels(), voxels => {
        for layer in layers {
            for (row, values) in voxels[layer * nx * ny * nz..].chunks_exact(nx).take(ny * nz).enumerate() {
                let mut first = 0;
                for run in values.chunk_by(|a, b| a == b) {
                    let (label, last) = (run[0].to_f64(), first + run.len() - 1);
                    let sides = [[first, last], [row % ny; 2], [row / ny; 2]].map(|side| side.map(|index| index as i64));
                    for what in [Some(Some(bits(label))), (label != 0.0).then_some(None)].into_iter().flatten() {
                        boxes.entry((layer, what)).and_modify(|found| enclose(found, sides));
                    }
                    first = last + 1;
                }
            }
        }
    });
    boxes
}

fn enclose(found: &mut Extent, sides: Extent) {
    for (found, [from, to]) in found.iter_mut().zip(sides) {
        *found = [found[0].min(from), found[1].max(to)];
    }
}

fn extent(found: &Extent) -> String {
    match found[0][1] < 0 {
        true => NOWHERE.to_owned(),
        false => found.map(|[from, to]| format!("{from} {to}")).join(" "),
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::{Grid, Kind};

    use super::*;

    fn pairs(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn volume(channels: usize, set: &[(usize, [usize; 3], u8)]) -> Volume {
        let mut values = vec![0u8; 60 * channels];
        for (channel, [x, y, z], value) in set {
            values[60 * channel + x + 3 * (y + 4 * z)] = *value;
        }
        Volume::new(values.into(), Grid::without_geometry([3, 4, 5]).unwrap(), Kind::Label, channels).unwrap()
    }

    #[test]
    fn extents_are_boxes_around_labels() {
        let source = pairs(&[
            ("Segment0_Extent", ""),
            ("Segment0_LabelValue", "2"),
            ("Segment1_Extent", ""),
            ("Segment1_LabelValue", "1"),
            ("Segment1_Layer", "1"),
            ("Segment12_LabelValue", "7"),
            ("Segment12_Extent", ""),
            ("Segment_Extent", ""),
            ("Segment3_Extent", "1 1 1 1 1 1"),
        ]);
        let volume = volume(2, &[(0, [1, 2, 3], 2), (0, [2, 0, 4], 2), (0, [0, 0, 0], 1), (1, [0, 3, 1], 1)]);
        let placed = placed(&source, &volume, false);
        let of = |key: &str| placed.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
        assert_eq!((of("Segment0_Extent"), of("Segment1_Extent")), (Some("1 2 0 2 3 4"), Some("0 0 3 3 1 1")));
        assert_eq!((of("Segment12_Extent"), of("Segment_Extent")), (Some(NOWHERE), Some("")));
        assert_eq!(of("Segment3_Extent"), Some("1 1 1 1 1 1"));
    }

    #[test]
    fn old_files_have_a_layer_for_each_segment() {
        let volume = volume(2, &[(0, [1, 1, 1], 1), (1, [2, 3, 4], 1)]);
        let placed = placed(&pairs(&[("Segment0_Extent", "x"), ("Segment1_Extent", "x")]), &volume, true);
        assert_eq!(placed, pairs(&[("Segment0_Extent", "1 1 1 1 1 1"), ("Segment1_Extent", "2 2 3 3 4 4")]));
    }

    #[test]
    fn places_are_forgotten_where_voxels_moved() {
        let offset = "Segmentation_ReferenceImageExtentOffset";
        let source = pairs(&[("Segment0_Extent", "0 1 2 3 4 5"), (offset, "7 8 9"), ("Segment0_Name", "x")]);
        let mut stayed = source.clone();
        forget_places(&mut stayed, &AxisMap::of([3, 4, 5], &[]));
        assert_eq!(stayed, pairs(&[("Segment0_Extent", ""), (offset, "7 8 9"), ("Segment0_Name", "x")]));
        let crop = crate::facts::Move::Window { start: [1; 3], shape: [2; 3] };
        forget_places(&mut stayed, &AxisMap::of([3, 4, 5], &[crop]));
        assert_eq!(stayed[1].1, "0 0 0");
    }
}
