//! Facts that a format cannot store.

use std::path::Path;

use revoxel_core::Dtype;

use crate::by_name::{format_for_writing, is_array_name};
use crate::sink::Head;
use crate::{Dropped, Facts, TimeUnit};

/// The facts that are lost when a volume is written under this name, because its format cannot store them. An array
/// (`.npy`) stores none; nothing is listed for it.
pub fn left_out(path: &Path, head: &Head, facts: &Facts) -> Vec<Dropped> {
    if is_array_name(path) {
        return Vec::new();
    }
    let Ok(format) = format_for_writing(path) else { return Vec::new() };
    let (name, mut lost) = (format.name(), Lost(Vec::new()));
    match name {
        "NIfTI" => {
            lost.of_nrrd(facts);
            lost.of_metaimage(facts);
            lost.of_nifti_texts(facts);
        }
        "NRRD" => {
            lost.of_nifti(facts);
            lost.of_metaimage(facts);
            lost.of_time(facts, head.channels);
        }
        "MRtrix" => {
            lost.of_nifti(facts);
            lost.of_nrrd(facts);
            lost.of_metaimage(facts);
            lost.of_seconds(facts, head.channels);
            lost.some("time_offset", facts.time_offset.is_some());
            lost.some("colour", facts.colour);
        }
        "MGH" => {
            lost.of_nifti(facts);
            lost.of_nrrd(facts);
            lost.of_metaimage(facts);
            lost.some("description", facts.description.is_some());
            lost.some("vector", facts.vector);
            lost.some("colour", facts.colour);
            lost.some("time_offset", facts.time_offset.is_some());
            let is_time = facts.time_unit.is_some_and(TimeUnit::is_time);
            lost.some("frame_spacing", facts.frame_spacing.is_some() && !is_time);
        }
        _ => {
            lost.of_nifti(facts);
            lost.of_nrrd(facts);
            lost.of_seconds(facts, head.channels);
            lost.some("time_unit", facts.time_unit.is_some());
        }
    }
    if name != "MRtrix" {
        for (key, _) in facts.mif.iter().flat_map(|own| &own.keys) {
            lost.some(key, true);
        }
    }
    if name != "MGH" {
        lost.some("footer of MGH", facts.mgh.as_ref().is_some_and(|own| !own.footer.is_empty()));
    }
    let why = format!("{name} cannot store it");
    // Readers take three or four bytes for a colour, and those of colours with frames lie in another order.
    let frames = facts.frames.filter(|frames| *frames > 1 && head.channels.is_multiple_of(*frames));
    let looks_like_colour = |frames: usize| head.dtype == Dtype::U8 && matches!(head.channels / frames, 3 | 4);
    if name == "MetaImage" && facts.vector && !facts.colour && frames.is_some_and(looks_like_colour) {
        lost.some("frames", true);
        lost.some("frame_spacing", facts.frame_spacing.is_some());
        lost.some("time_offset", facts.time_offset.is_some());
    }
    let mut dropped: Vec<Dropped> = lost.0.into_iter().map(|fact| Dropped::new(fact, &why)).collect();
    if matches!(name, "NRRD" | "MetaImage") && facts.vector && facts.intent_code == Some(DISPLACEMENT) {
        let why = format!("the vectors are in RAS, but readers of {name} files expect LPS");
        dropped.push(Dropped::new("intent_code", why));
    }
    let of_source = facts.nrrd.as_ref().is_some_and(|own| own.axes.iter().any(|axis| !axis.space));
    if facts.colour && head.dtype != Dtype::U8 && !(name == "NRRD" && of_source) {
        let why = format!("the voxels are {}, but colours must be uint8: write uint8 to keep them", head.dtype);
        dropped.push(Dropped::new("colour", why));
    }
    dropped
}

/// The intent of a vector at each voxel.
const VECTOR: i32 = 1007;
/// The intent of a displacement, whose components are along RAS.
const DISPLACEMENT: i32 = 1006;

struct Lost(Vec<String>);

impl Lost {
    fn some(&mut self, fact: &str, is_there: bool) {
        if is_there {
            self.0.push(fact.to_owned());
        }
    }

    fn counted(&mut self, fact: &str, count: usize) {
        if count > 0 {
            self.0.push(format!("{fact} ({count})"));
        }
    }

    fn of_nifti(&mut self, facts: &Facts) {
        self.some("cal_min", facts.cal_min.is_some());
        self.some("cal_max", facts.cal_max.is_some());
        self.some("aux_file", facts.aux_file.is_some());
        // A vector is a vector in the other formats, too.
        let says_vector = facts.vector && matches!(facts.intent_code, Some(VECTOR | DISPLACEMENT));
        self.some("intent_code", facts.intent_code.is_some() && !says_vector);
        self.some("intent_name", facts.intent_name.is_some());
        self.some("intent_params", facts.intent_params.is_some());
        self.some("slices", facts.slices.is_some());
        self.counted("extensions", facts.extensions.len());
    }

    /// The formats with text headers store the time step only along an axis of frames.
    /// Of formats in which steps along the fourth axis are seconds.
    fn of_seconds(&mut self, facts: &Facts, channels: usize) {
        self.of_time(facts, channels);
        let is_time = facts.time_unit.is_none_or(TimeUnit::is_time);
        let has_axis = channels > 1 || facts.frames.is_some();
        self.some("frame_spacing", has_axis && facts.frame_spacing.is_some() && !is_time);
    }

    fn of_time(&mut self, facts: &Facts, channels: usize) {
        if channels == 1 && facts.frames.is_none() {
            self.some("frame_spacing", facts.frame_spacing.is_some());
            self.some("time_offset", facts.time_offset.is_some());
        }
    }

    fn of_nrrd(&mut self, facts: &Facts) {
        let Some(own) = facts.nrrd.as_deref() else { return };
        self.some("measurement frame", own.measurement_frame.is_some());
        for (name, _) in &own.fields {
            self.some(name, true);
        }
        for (key, _) in &own.key_values {
            self.some(key, true);
        }
    }

    fn of_metaimage(&mut self, facts: &Facts) {
        for (key, _) in facts.metaimage.iter().flat_map(|own| &own.keys) {
            self.some(key, true);
        }
    }

    /// NIfTI has 80, 24 and 16 bytes for its texts.
    fn of_nifti_texts(&mut self, facts: &Facts) {
        // A text of a NIfTI file has its own bytes, which are written again.
        let own = facts.text_bytes.as_deref().cloned().unwrap_or_default();
        let cut = |own: &Option<Vec<u8>>, text: &Option<String>, bytes: usize| {
            own.is_none() && text.as_ref().is_some_and(|text| text.len() > bytes)
        };
        self.some("description (beyond 80 bytes)", cut(&own.description, &facts.description, 80));
        self.some("aux_file (beyond 24 bytes)", cut(&own.aux_file, &facts.aux_file, 24));
        self.some("intent_name (beyond 16 bytes)", cut(&own.intent_name, &facts.intent_name, 16));
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::Grid;

    use super::*;
    use crate::Extension;
    use crate::nrrd::NrrdFacts;

    fn lost(name: &str, dtype: Dtype, facts: &Facts) -> Vec<String> {
        let head = Head { grid: Grid::without_geometry([2, 2, 2]).unwrap(), dtype, channels: 1 };
        left_out(Path::new(name), &head, facts).into_iter().map(|d| d.fact).collect()
    }

    #[test]
    fn each_format_has_room_for_its_own() {
        let nrrd = NrrdFacts { key_values: vec![("Segment0_Name".into(), "liver".into())], ..NrrdFacts::default() };
        let facts = Facts {
            description: Some("x".repeat(81)),
            cal_max: Some(9.0),
            frame_spacing: Some(2.0),
            time_unit: Some(crate::TimeUnit::Second),
            extensions: vec![Extension { code: 6, content: vec![] }],
            nrrd: Some(Box::new(nrrd)),
            ..Facts::default()
        };
        assert_eq!(lost("a.nii.gz", Dtype::U8, &facts), ["Segment0_Name", "description (beyond 80 bytes)"]);
        assert_eq!(lost("a.nrrd", Dtype::U8, &facts), ["cal_max", "extensions (1)", "frame_spacing"]);
        let expected = ["cal_max", "extensions (1)", "Segment0_Name", "frame_spacing", "time_unit"];
        assert_eq!(lost("a.mha", Dtype::U8, &facts), expected);
        assert!(lost("a.npy", Dtype::U8, &facts).is_empty());
        let colour = Facts { colour: true, ..Facts::default() };
        assert!(lost("a.nii", Dtype::U8, &colour).is_empty());
        // Vectors of three bytes with frames are written as plain channels.
        let vectors = Facts { vector: true, frames: Some(2), frame_spacing: Some(2.0), ..Facts::default() };
        let head = |dtype| Head { grid: Grid::without_geometry([2, 2, 2]).unwrap(), dtype, channels: 6 };
        let of = |dtype| {
            left_out(Path::new("a.mha"), &head(dtype), &vectors).into_iter().map(|d| d.fact).collect::<Vec<_>>()
        };
        assert_eq!(of(Dtype::U8), ["frames", "frame_spacing"]);
        assert!(of(Dtype::I16).is_empty());
        assert_eq!(lost("a.nii", Dtype::F32, &colour), ["colour"]);
    }
}
