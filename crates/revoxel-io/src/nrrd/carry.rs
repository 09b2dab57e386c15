//! Which facts of an NRRD header still hold after steps.

use super::{NrrdAxis, NrrdFacts, gradients, segments};
use crate::facts::axis_map::AxisMap;
use crate::facts::change::Values;
use crate::facts::dropped::Dropped;

/// The facts of a result. `channels_hold`: its channels are the source's.
pub(crate) fn carry(
    own: &NrrdFacts,
    map: &AxisMap,
    values: Values,
    channels_hold: bool,
    dropped: &mut Vec<Dropped>,
) -> NrrdFacts {
    let mut held = NrrdFacts { axes: axes(own, map, channels_hold, dropped), ..own.clone() };
    if let Values::Other { .. } = values {
        let why = "the values differ from the source";
        held.encoding = None;
        let frame = held.measurement_frame.take().map(|_| "measurement frame".to_owned());
        let fields = held.fields.drain(..).map(|(name, _)| name);
        let names = frame.into_iter().chain(fields).chain(held.key_values.drain(..).map(|(key, _)| key));
        dropped.extend(names.map(|name| Dropped::new(name, why)));
        return held;
    }
    if values != Values::Same {
        let why = "values were changed";
        drop_where(&mut held.fields, dropped, why, |name| {
            matches!(name, "min" | "max" | "old min" | "old max" | "sample units")
        });
    }
    if !channels_hold {
        let why = "the channels differ from the source";
        drop_where(&mut held.fields, dropped, why, |name| name == "number");
        let of_channels = |key: &str| gradients::is_of_channels(key) || key.starts_with("axis ");
        drop_where(&mut held.key_values, dropped, why, of_channels);
        if held.key_values.iter().any(|(key, layer)| is_layer(key) && layer.trim() != "0") {
            let why = "the layers of the segments are the channels of the source";
            drop_where(&mut held.key_values, dropped, why, is_of_segment);
        }
    }
    if map.shape().iter().product::<usize>() != map.source().iter().product::<usize>() {
        drop_where(&mut held.fields, dropped, "the number of voxels changed", |name| name == "number");
    }
    if values == Values::Relabelled {
        let why = "label numbers changed";
        drop_where(&mut held.key_values, dropped, why, |key| key.starts_with("Segment"));
    }
    if !map.is_identity() || values != Values::Same {
        segments::forget_places(&mut held.key_values, map);
    }
    gradients::carry(&mut held, map, dropped);
    held
}

/// Whether a key of 3D Slicer is about one segment.
fn is_of_segment(key: &str) -> bool {
    key.strip_prefix("Segment").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_layer(key: &str) -> bool {
    is_of_segment(key) && key.ends_with("_Layer")
}

/// Drops the pairs with such names, and lists them.
fn drop_where(
    pairs: &mut Vec<(String, String)>,
    dropped: &mut Vec<Dropped>,
    why: &str,
    is_lost: impl Fn(&str) -> bool,
) {
    dropped.extend(pairs.iter().filter(|(name, _)| is_lost(name)).map(|(name, _)| Dropped::new(name, why)));
    pairs.retain(|(name, _)| !is_lost(name));
}

/// The axes in the order of the result.
fn axes(own: &NrrdFacts, map: &AxisMap, channels_hold: bool, dropped: &mut Vec<Dropped>) -> Vec<NrrdAxis> {
    let mut axes: Vec<NrrdAxis> = own.axes.iter().filter(|axis| axis.space || channels_hold).cloned().collect();
    let count = axes.iter().filter(|axis| axis.space).count();
    if count == 0 || map.is_identity() {
        return axes;
    }
    // Axes that the file does not have come behind those that it has, and are added where they move to the front.
    let needed = (0..3).filter(|axis| map.from(*axis) < count).map(|axis| axis + 1).max().unwrap_or(3);
    let behind = axes.iter().rposition(|axis| axis.space).map_or(0, |at| at + 1);
    for _ in count..needed {
        axes.insert(behind, NrrdAxis { size: 1, space: true, ..NrrdAxis::default() });
    }
    let sources: Vec<NrrdAxis> = axes.iter().filter(|axis| axis.space).cloned().collect();
    let said = sources.iter().any(|axis| axis.label.is_some() || axis.thickness.is_some());
    if !map.aligned && said {
        let why = "the axes of the result are not parallel to those of the source";
        dropped.push(Dropped::new("labels, thicknesses", why));
    } else if !map.exact && sources.iter().any(|axis| axis.thickness.is_some()) {
        dropped.push(Dropped::new("thicknesses", "voxels were interpolated"));
    }
    for (axis, slot) in axes.iter_mut().filter(|axis| axis.space).enumerate() {
        let source = sources.get(map.from(axis)).filter(|_| map.aligned).cloned().unwrap_or_default();
        let thickness = source.thickness.filter(|_| map.exact);
        *slot = NrrdAxis { size: map.shape()[axis], space: true, thickness, ..source };
    }
    axes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Move;
    use revoxel_core::SignedPermutation;

    fn axis(size: usize, label: &str) -> NrrdAxis {
        NrrdAxis { size, space: true, label: Some(label.to_owned()), ..NrrdAxis::default() }
    }

    fn own() -> NrrdFacts {
        let list = NrrdAxis { size: 2, kind: Some("list".into()), ..NrrdAxis::default() };
        let pair = |key: &str| (key.to_owned(), "x".to_owned());
        NrrdFacts {
            axes: vec![axis(4, "a"), list, axis(5, "b"), axis(6, "c")],
            fields: vec![pair("max"), pair("number")],
            key_values: vec![pair("Segment0_Name"), pair("Segment0_Extent"), pair("DWMRI_gradient_0000"), pair("k")],
            ..NrrdFacts::default()
        }
    }

    fn on(moves: &[Move], values: Values, channels_hold: bool) -> (NrrdFacts, Vec<String>) {
        let mut dropped = Vec::new();
        let held = carry(&own(), &AxisMap::of([4, 5, 6], moves), values, channels_hold, &mut dropped);
        (held, dropped.into_iter().map(|d| d.fact).collect())
    }

    #[test]
    fn axes_go_with_the_voxels() {
        assert_eq!(on(&[], Values::Same, true), (own(), vec![]));
        let turn = Move::Turn(SignedPermutation::new([2, 0, 1], [false; 3]).unwrap());
        let (held, dropped) = on(&[turn], Values::Same, true);
        let axes: Vec<_> = held.axes.iter().map(|axis| (axis.size, axis.label.as_deref())).collect();
        assert_eq!(axes, [(6, Some("c")), (2, None), (4, Some("a")), (5, Some("b"))]);
        assert!(dropped.is_empty());
        let flat = NrrdFacts { axes: vec![axis(4, "a"), axis(5, "b")], ..NrrdFacts::default() };
        let on_flat = |moves: &[Move]| {
            let map = AxisMap::of([4, 5, 1], moves);
            let held = carry(&flat, &map, Values::Same, true, &mut Vec::new());
            held.axes.into_iter().map(|axis| (axis.size, axis.label)).collect::<Vec<_>>()
        };
        let a_b = [Some("a".to_owned()), Some("b".to_owned())];
        let swap = Move::Turn(SignedPermutation::new([1, 0, 2], [true, false, false]).unwrap());
        assert_eq!(on_flat(&[swap]), [(5, a_b[1].clone()), (4, a_b[0].clone())]);
        assert_eq!(on_flat(&[turn]), [(1, None), (4, a_b[0].clone()), (5, a_b[1].clone())]);
    }

    #[test]
    fn what_no_longer_holds_is_listed() {
        let (held, dropped) = on(&[], Values::Changed, false);
        assert_eq!(dropped, ["max", "number", "DWMRI_gradient_0000"]);
        assert_eq!((held.axes.len(), held.key_values.len()), (3, 3));
        assert_eq!(held.key_values[1], ("Segment0_Extent".to_owned(), String::new()));
        let (held, dropped) = on(&[], Values::Other { frames: false }, false);
        assert_eq!((held.key_values.len(), held.fields.len(), dropped.len()), (0, 0, 6));
        assert_eq!(on(&[], Values::Relabelled, true).1, ["max", "Segment0_Name", "Segment0_Extent"]);
    }

    #[test]
    fn layers_are_channels() {
        let of = |layers: [&str; 2], channels_hold: bool| {
            let pairs = (0..2).flat_map(|n| {
                [(format!("Segment{n}_Name"), "name".to_owned()), (format!("Segment{n}_Layer"), layers[n].to_owned())]
            });
            let own = NrrdFacts { key_values: pairs.collect(), ..NrrdFacts::default() };
            let mut dropped = Vec::new();
            let held = carry(&own, &AxisMap::of([4, 5, 6], &[]), Values::Same, channels_hold, &mut dropped);
            (held.key_values.len(), dropped.len())
        };
        assert_eq!(of(["0", "1"], true), (4, 0));
        assert_eq!(of(["0", "1"], false), (0, 4));
        assert_eq!(of(["0", "0"], false), (4, 0));
    }
}
