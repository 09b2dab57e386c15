//! Label maps as MONAI and SimpleITK measure them.

use revoxel_runner::compare::{Criteria, LabelDifference, compare};
use serde::Deserialize;

use crate::parity::{Array, Arrays, volume};
use crate::support::root;

#[derive(Deserialize)]
struct Recorded {
    labels: Vec<Row>,
}

/// Two label maps and what the peers say of their labels.
#[derive(Deserialize)]
struct Row {
    name: String,
    a: Array,
    b: Array,
    tolerance_mm: f64,
    expected: Vec<Expected>,
    peer_is_wrong: Option<String>,
}

/// One label. The distances are MONAI's, and its Dice; none where it says NaN or infinity.
#[derive(Deserialize)]
struct Expected {
    label: i128,
    hd95_mm: Option<f64>,
    hausdorff_mm: Option<f64>,
    surface_dice: f64,
    dice: Option<f64>,
    itk_dice: f64,
    itk_volume_similarity: f64,
}

impl Expected {
    /// Whether a distance of ours is the peer's; single precision is allowed for.
    fn has_distances_of(&self, found: &LabelDifference) -> bool {
        let near =
            |peer: Option<f64>, ours: f64| peer.map_or(ours.is_infinite(), |p| (p - ours).abs() <= 1e-5 * (1.0 + p));
        found.surface.is_some_and(|s| {
            near(self.hd95_mm, s.hd95_mm)
                && near(self.hausdorff_mm, s.hausdorff_mm)
                && (self.surface_dice - s.surface_dice).abs() < 1e-6
        })
    }
}

#[test]
fn labels_are_measured_as_monai_and_simpleitk_measure_them() {
    let text = std::fs::read_to_string(root().join("tests/parity/metrics.json")).unwrap();
    let recorded: Recorded = serde_json::from_str(&text).unwrap();
    let mut arrays = Arrays::of("metrics");
    let (mut distances, mut wrong) = (0, 0);
    for Row { name, a, b, tolerance_mm, expected, peer_is_wrong } in &recorded.labels {
        let (a, b) = (volume(a, &mut arrays), volume(b, &mut arrays));
        let found = compare(&a, &b, &Criteria { tolerance_mm: Some(*tolerance_mm), ..Criteria::default() });
        let rows = found.labels.unwrap().unwrap().rows;
        assert_eq!(
            rows.iter().map(|r| r.label).collect::<Vec<_>>(),
            expected.iter().map(|e| e.label).collect::<Vec<_>>()
        );
        for (ours, peer) in rows.iter().zip(expected) {
            let dice = ours.overlap.dice();
            assert!((dice - peer.itk_dice).abs() < 1e-9, "{name}, label {}: {dice}", peer.label);
            assert!(peer.dice.is_none_or(|p| (p - dice).abs() < 1e-6), "{name}, label {}: {dice}", peer.label);
            let similarity = 2.0 * ours.volume_difference_mm3() / (ours.mm3[0] + ours.mm3[1]);
            assert!((similarity - peer.itk_volume_similarity).abs() < 1e-9, "{name}: {similarity}");
        }
        let same = rows.iter().zip(expected).all(|(ours, peer)| peer.has_distances_of(ours));
        match peer_is_wrong {
            None => assert!(same, "{name}: {rows:?}"),
            Some(why) => assert!(!same, "{name}: we give the peer's wrong answer too: {why}"),
        }
        distances += expected.iter().filter(|e| e.hd95_mm.is_some_and(|d| d > 0.0)).count();
        wrong += usize::from(peer_is_wrong.is_some());
    }
    println!(
        "{} pairs of maps, {distances} labels with distances, in {wrong} pairs MONAI's are others",
        recorded.labels.len()
    );
    assert!(recorded.labels.len() >= 50 && distances > 80 && wrong == 5);
}
