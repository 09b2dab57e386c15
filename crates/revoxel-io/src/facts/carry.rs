//! Which facts of a header still hold after steps, crops, turns and inversion.

use super::axis_map::AxisMap;
use super::change::{Change, Values};
use super::dropped::Dropped;
use super::names::names_labels;
use super::{Extension, Facts, slice_timing};
use crate::metaimage::carry as metaimage;
use crate::mgh::facts as mgh;
use crate::mif::facts as mif;
use crate::nrrd::carry as nrrd;

/// Facts of a result, and the source's facts that were left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Carried {
    /// Facts that hold.
    pub facts: Facts,
    /// Facts that do not.
    pub dropped: Vec<Dropped>,
}

/// The facts of a source that hold for a result: unchanged if nothing happened, or turned and cropped with the axes to
/// which they refer. Facts that do not hold are left out and listed.
pub fn carry(facts: &Facts, change: &Change<'_>) -> Carried {
    let map = AxisMap::of(change.shape, change.moves);
    let [before, after] = change.channels;
    let mut carried = Carried { facts: facts.clone(), dropped: Vec::new() };
    let frames_hold = match change.values {
        Values::Other { frames } => frames && before == after && !facts.vector && !facts.colour,
        _ => before == after,
    };
    if !frames_hold {
        let why = match before == after {
            true => "the channels differ from the source".to_owned(),
            false => format!("the result has {after} channels, the source has {before}"),
        };
        carried.channels(&why);
    }
    match change.values {
        Values::Same => {}
        Values::Changed => carried.values("values were changed"),
        Values::Relabelled => {
            carried.values("values were changed");
            carried.extensions("label numbers changed", |extension| !names_labels(extension));
        }
        Values::Other { .. } => carried.other("the values differ from the source"),
    }
    if let Some(timing) = carried.facts.slices {
        carried.facts.slices = slice_timing::carry(timing, &map, &mut carried.dropped);
    }
    if !map.exact {
        // A comment is text about the volume, as its description is; all else may speak of voxels.
        carried.extensions("voxels were interpolated, and it may refer to the original ones", |extension| {
            extension.code == COMMENT
        });
    }
    let Carried { facts: held, dropped } = &mut carried;
    if let Some(own) = facts.nrrd.as_deref() {
        held.nrrd = Some(Box::new(nrrd::carry(own, &map, change.values, frames_hold, dropped)));
    }
    if let Some(own) = facts.mgh.as_deref() {
        held.mgh = mgh::carry(own, change.values, dropped).map(Box::new);
    }
    if let Some(own) = facts.mif.as_deref() {
        held.mif = Some(Box::new(mif::carry(own, &map, change.values, frames_hold, dropped)));
    }
    if let Some(own) = facts.metaimage.as_deref() {
        held.metaimage = Some(Box::new(metaimage::carry(own, change.values, frames_hold, dropped)));
    }
    carried
}

/// How the fact begins that names of labels were left out.
pub const LABEL_NAMES: &str = "names of labels";

/// The code of an extension that is a comment.
const COMMENT: i32 = 6;

/// Intents that name a statistic: changed values no longer follow its distribution.
const STATISTICS: std::ops::RangeInclusive<i32> = 2..=24;

impl Carried {
    fn drop(&mut self, fact: impl Into<String>, why: &str) {
        self.dropped.push(Dropped::new(fact, why));
    }

    /// Drops a fact that is present.
    fn take<T>(&mut self, name: &str, why: &str, fact: impl FnOnce(&mut Facts) -> &mut Option<T>) {
        if fact(&mut self.facts).take().is_some() {
            self.drop(name, why);
        }
    }

    /// Drops facts about the channels.
    fn channels(&mut self, why: &str) {
        let frames = self.facts.frames.take();
        if frames.is_some_and(|frames| frames > 1) {
            self.drop("frames", why);
        }
        self.take("frame_spacing", why, |facts| &mut facts.frame_spacing);
        self.take("time_offset", why, |facts| &mut facts.time_offset);
        for (name, flag) in [("vector", self.facts.vector), ("colour", self.facts.colour)] {
            if flag {
                self.drop(name, why);
            }
        }
        (self.facts.vector, self.facts.colour) = (false, false);
        self.intent(why);
    }

    /// Drops facts about the original values.
    fn values(&mut self, why: &str) {
        self.take("cal_min", why, |facts| &mut facts.cal_min);
        self.take("cal_max", why, |facts| &mut facts.cal_max);
        if self.facts.intent_code.is_some_and(|code| STATISTICS.contains(&code)) {
            self.intent(why);
        }
    }

    /// Drops facts about anything but position and time.
    fn other(&mut self, why: &str) {
        self.values(why);
        self.intent(why);
        self.take("description", why, |facts| &mut facts.description);
        self.take("aux_file", why, |facts| &mut facts.aux_file);
        self.facts.text_bytes = None;
        self.extensions(why, |_| false);
    }

    fn intent(&mut self, why: &str) {
        self.take("intent_code", why, |facts| &mut facts.intent_code);
        self.take("intent_name", why, |facts| &mut facts.intent_name);
        self.take("intent_params", why, |facts| &mut facts.intent_params);
    }

    fn extensions(&mut self, why: &str, keep: impl Fn(&Extension) -> bool) {
        let (kept, dropped) = std::mem::take(&mut self.facts.extensions).into_iter().partition(keep);
        self.facts.extensions = kept;
        let dropped: Vec<Extension> = dropped;
        for extension in dropped {
            let code = extension.code;
            let fact = match names_labels(&extension) {
                true => format!("{LABEL_NAMES} (extension, code {code})"),
                false => format!("extension (code {code})"),
            };
            self.drop(fact, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::SignedPermutation;

    use super::super::axis_map::Move;
    use super::*;
    use crate::{Extension, SliceTiming, TimeUnit};

    fn facts() -> Facts {
        Facts {
            version: Some(1),
            sform_code: Some(4),
            time_unit: Some(TimeUnit::Second),
            frame_spacing: Some(2.5),
            time_offset: Some(1.5),
            frames: Some(3),
            description: Some("scan".to_owned()),
            aux_file: Some("roi".to_owned()),
            cal_min: Some(3.0),
            cal_max: Some(90.0),
            intent_code: Some(3),
            slices: Some(SliceTiming { dim_info: 57, code: 1, start: 0, end: 3, duration: 0.1 }),
            extensions: vec![
                Extension { code: 6, content: b"comment!".to_vec() },
                Extension { code: 4, content: vec![0; 8] },
            ],
            ..Facts::default()
        }
    }

    fn on(moves: &[Move], values: Values, after: usize) -> (Facts, Vec<String>) {
        let change = Change { shape: [6, 5, 4], moves, values, channels: [3, after] };
        let Carried { facts, dropped } = carry(&facts(), &change);
        (facts, dropped.into_iter().map(|d| d.fact).collect())
    }

    #[test]
    fn exact_moves_keep_everything() {
        assert_eq!(on(&[], Values::Same, 3), (facts(), vec![]));
        let turn = Move::Turn(SignedPermutation::flips([true, true, false]));
        assert_eq!(on(&[turn], Values::Same, 3), (facts(), vec![]));
        let window = Move::Window { start: [2, -1, 0], shape: [9, 9, 4] };
        assert_eq!(on(&[window, turn], Values::Same, 3), (facts(), vec![]));
    }

    #[test]
    fn what_no_longer_holds_is_listed() {
        let (held, dropped) = on(&[], Values::Changed, 3);
        assert_eq!((held.cal_min, held.cal_max, held.intent_code), (None, None, None));
        assert_eq!((held.frame_spacing, held.description.as_deref()), (Some(2.5), Some("scan")));
        assert_eq!(dropped, ["cal_min", "cal_max", "intent_code"]);
        let resample = Move::Resample { axes: Some(SignedPermutation::IDENTITY), shape: [3, 3, 3] };
        let (held, dropped) = on(&[resample], Values::Same, 3);
        assert_eq!((held.extensions.len(), held.cal_max, held.time_offset), (1, Some(90.0), Some(1.5)));
        assert_eq!(dropped, ["slice_code, slice_start, slice_end, slice_duration", "extension (code 4)"]);
        let (held, dropped) = on(&[], Values::Changed, 2);
        assert_eq!((held.frames, held.frame_spacing, held.time_offset), (None, None, None));
        assert_eq!(dropped[..4], ["frames", "frame_spacing", "time_offset", "intent_code"]);
    }

    #[test]
    fn names_of_labels_stay_with_their_numbers() {
        let table = b"<CaretExtension><LabelTable><Label Key=\"1\">a</Label></LabelTable></CaretExtension>".to_vec();
        let afni = b"<AFNI_atr atr_name=\"VALUE_LABEL_DTABLE\">".to_vec();
        let comment = Extension { code: 6, content: b"comment!".to_vec() };
        let named = Facts {
            extensions: vec![
                Extension { code: 0, content: table },
                comment.clone(),
                Extension { code: 4, content: afni },
            ],
            ..Facts::default()
        };
        let on = |values| {
            let carried = carry(&named, &Change { shape: [2; 3], moves: &[], values, channels: [1, 1] });
            let dropped: Vec<String> = carried.dropped.into_iter().map(|dropped| dropped.fact).collect();
            (carried.facts.extensions, dropped)
        };
        assert_eq!(on(Values::Changed), (named.extensions.clone(), vec![]));
        let gone = ["names of labels (extension, code 0)", "names of labels (extension, code 4)"];
        assert_eq!(on(Values::Relabelled), (vec![comment], gone.map(str::to_owned).to_vec()));
    }

    #[test]
    fn other_values_keep_place_and_time() {
        let (held, dropped) = on(&[], Values::Other { frames: true }, 3);
        let expected = Facts {
            description: None,
            aux_file: None,
            cal_min: None,
            cal_max: None,
            intent_code: None,
            extensions: vec![],
            ..facts()
        };
        assert_eq!(held, expected);
        assert_eq!(dropped.len(), 7, "{dropped:?}");
        for (values, after) in [(Values::Other { frames: true }, 1), (Values::Other { frames: false }, 3)] {
            let (held, _) = on(&[], values, after);
            assert_eq!((held.frames, held.frame_spacing, held.slices), (None, None, facts().slices));
        }
    }
}
