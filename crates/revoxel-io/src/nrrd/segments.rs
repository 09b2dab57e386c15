//! Key/value pairs of 3D Slicer's segmentations that speak of voxel indices.

/// The value of a pair on a grid of another shape: extents of segments become the whole grid (they only save
/// time), offsets of the grid become 0. Everything else stays.
pub(super) fn on_shape(key: &str, value: &str, shape: [usize; 3]) -> String {
    let is_extent = key
        .strip_prefix("Segment")
        .and_then(|rest| rest.strip_suffix("_Extent"))
        .is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()));
    match key {
        _ if is_extent => shape.map(|n| format!("0 {}", n - 1)).join(" "),
        "Segmentation_ReferenceImageExtentOffset" => "0 0 0".to_owned(),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_and_offsets() {
        for (key, expected) in [
            ("Segment12_Extent", "0 3 0 4 0 5"),
            ("Segmentation_ReferenceImageExtentOffset", "0 0 0"),
            ("Segment0_Name", "x"),
            ("Segmentation_Extent", "x"),
        ] {
            assert_eq!(on_shape(key, "x", [4, 5, 6]), expected, "{key}");
        }
    }
}
