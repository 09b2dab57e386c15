//! The answer of `revoxel compare`, for people and for programs.

use std::path::PathBuf;

use revoxel_io::Loaded;
use revoxel_runner::compare::{
    Comparison, Criteria, LabelDifference, LabelDifferences, NoLabels, TOLERANCE_MM, Unmeasured, ValueDifference,
    Verdict,
};
use serde_json::{Map, Value, json};

use super::super::show;

/// The most labels in the text: an image of whole numbers has hundreds.
const MOST_ROWS: usize = 20;

/// Two files and how they differ.
pub(super) struct Report<'a> {
    pub(super) files: [(&'a PathBuf, &'a Loaded); 2],
    pub(super) criteria: &'a Criteria,
    pub(super) found: &'a Comparison,
}

impl Report<'_> {
    fn labels(&self) -> Option<&LabelDifferences> {
        self.found.labels.as_ref()?.as_ref().ok()
    }

    fn tolerance_mm(&self) -> f64 {
        self.criteria.tolerance_mm.unwrap_or(TOLERANCE_MM)
    }

    /// The answer as data.
    pub(super) fn document(&self) -> Value {
        let (found, criteria) = (self.found, self.criteria);
        let file = |(path, loaded): (&PathBuf, &Loaded)| {
            json!({
                "path": path,
                "grid": show::grid(loaded.volume.grid()),
                "dtype": loaded.info.stored.name(),
                "channels": loaded.volume.channels(),
            })
        };
        let relation = found.relation;
        json!({
            "a": file(self.files[0]),
            "b": file(self.files[1]),
            "geometry": relation.agreement.name(),
            "worst_corner_mm": relation.worst_corner_mm,
            "worst_corner_voxels": relation.worst_corner_voxels,
            "axes": found.axes,
            "values": found.values.as_ref().map(|v| self.values_document(v)),
            "agree": found.verdict() == Verdict::Agree,
            "places_agree": found.places_agree,
            "values_agree": found.values_agree,
            "criteria": {
                "atol": criteria.within.absolute,
                "rtol": criteria.within.relative,
                "max_corner_mm": criteria.max_corner_mm,
                "min_dice": criteria.min_dice,
                "tolerance_mm": self.tolerance_mm(),
            },
        })
    }

    fn values_document(&self, v: &ValueDifference) -> Value {
        let dice: Map<String, Value> = self.labels().map_or_else(Map::new, |labels| {
            labels.overlaps.iter().map(|(label, overlap)| (label.to_string(), json!(overlap.dice()))).collect()
        });
        let first = v.first.as_ref().map(|first| {
            json!({
                "channel": first.spot.channel,
                "index": first.spot.index,
                "ras": first.spot.ras,
                "a": first.a,
                "b": first.b,
            })
        });
        let worst = self.found.worst();
        json!({
            "voxels": v.voxels,
            "different": v.different,
            "largest_difference": v.largest,
            "mean_difference": v.mean,
            "dice": dice,
            "beyond_tolerance": v.beyond,
            "not_finite": v.not_finite,
            "first_difference": first,
            "worst_dice": worst.map(|w| w.overlap.dice()),
            "labels": self.labels().map(|l| l.rows.iter().map(row_document).collect::<Vec<_>>()),
            "no_labels": self.no_labels(),
            "no_distances": self.labels().and_then(|l| l.unmeasured).map(unmeasured),
        })
    }

    /// Why there are no labels.
    fn no_labels(&self) -> Option<String> {
        match self.found.labels.as_ref()?.as_ref().err()? {
            NoLabels::NotWhole(side, error) => Some(format!("{}: {error}", ["a", "b"][*side])),
            NoLabels::TooMany(most) => Some(format!(
                "more than {most} different values: pass --tolerance-mm or --min-dice to compare them as labels"
            )),
        }
    }

    /// The answer for people.
    pub(super) fn text(&self) -> String {
        let (found, [a, b]) = (self.found, self.files.map(|(_, loaded)| loaded.volume.grid()));
        let mut text = format!("geometry  {}\n  a: {a}\n  b: {b}\n", found.relation);
        if found.axes[0] != found.axes[1] {
            text.push_str(&format!(
                "axes      {} and {}: arrays read from these files have different shapes\n",
                found.axes[0], found.axes[1]
            ));
        }
        match &found.values {
            None => text.push_str("values    not compared: the shapes or channels differ\n"),
            Some(v) if v.different == 0 => text.push_str(&format!("values    equal in all {} voxels\n", v.voxels)),
            Some(v) => self.differences(v, &mut text),
        }
        text.push_str(&format!("result    {}\n", self.result()));
        text
    }

    fn differences(&self, v: &ValueDifference, text: &mut String) {
        text.push_str(&format!(
            "values    {} of {} voxels differ; largest difference {}, mean {:.6}\n",
            v.different, v.voxels, v.largest, v.mean
        ));
        if self.criteria.within != Default::default() {
            text.push_str(&format!("  {} of them beyond the tolerance\n", v.beyond));
        }
        if v.not_finite > 0 {
            text.push_str(&format!("  {} of them are NaN or infinite in a or b\n", v.not_finite));
        }
        if let Some(first) = &v.first {
            text.push_str(&format!("  first at {}: {} and {}\n", first.spot, first.a, first.b));
        }
        let asked = self.criteria.tolerance_mm.is_some();
        if let Some(why) = self.no_labels().filter(|_| asked) {
            text.push_str(&format!("  no labels: {why}\n"));
        }
        let Some(labels) = self.labels() else { return };
        let several = self.found.channels[0] > 1;
        if several && labels.overlaps.len() <= MOST_ROWS {
            for (label, overlap) in &labels.overlaps {
                text.push_str(&format!("  label {label}: Dice {:.4}\n", overlap.dice()));
            }
        }
        let mut rows: Vec<&LabelDifference> = labels.rows.iter().collect();
        if rows.len() > MOST_ROWS {
            rows.sort_by(|p, q| p.overlap.dice().total_cmp(&q.overlap.dice()));
            text.push_str(&format!(
                "  {MOST_ROWS} of {} labels, the lowest Dice first (--json lists all):\n",
                rows.len()
            ));
            rows.truncate(MOST_ROWS);
        }
        for row in rows {
            let channel = if several { format!("channel {}, ", row.channel) } else { String::new() };
            text.push_str(&format!("  {channel}{}\n", row_text(row, self.tolerance_mm())));
        }
        if let Some(why) = labels.unmeasured {
            text.push_str(&format!("  no distances: {}\n", unmeasured(why)));
        }
    }

    fn result(&self) -> String {
        let (found, criteria) = (self.found, self.criteria);
        let mut differ = Vec::new();
        if !found.places_agree {
            let only_axes = found.relation.agrees() && found.axes[0] != found.axes[1];
            differ.push(match only_axes {
                true => format!("axes ({} and {}; --max-corner-mm accepts this)", found.axes[0], found.axes[1]),
                false => "geometry".to_owned(),
            });
        }
        if found.channels[0] != found.channels[1] {
            differ.push(format!("channels ({} and {})", found.channels[0], found.channels[1]));
        } else if found.values_agree == Some(false) {
            differ.push(match (criteria.min_dice, found.worst()) {
                (Some(least), Some(worst)) => {
                    format!(
                        "labels (Dice {:.4} of label {} is below --min-dice {least})",
                        worst.overlap.dice(),
                        worst.label
                    )
                }
                _ => "values".to_owned(),
            });
        }
        match differ.is_empty() {
            true => "agree".to_owned(),
            false => format!("differ: {}", differ.join(", ")),
        }
    }
}

fn row_document(row: &LabelDifference) -> Value {
    let surface = row.surface.as_ref();
    json!({
        "channel": row.channel,
        "label": show::label(row.label),
        "voxels": { "a": row.overlap.a, "b": row.overlap.b, "both": row.overlap.both },
        "only_in": only_in(row),
        "dice": row.overlap.dice(),
        "hd95_mm": surface.map(|s| s.hd95_mm),
        "hausdorff_mm": surface.map(|s| s.hausdorff_mm),
        "surface_dice": surface.map(|s| s.surface_dice),
        "mm3": { "a": row.mm3[0], "b": row.mm3[1] },
        "volume_difference_mm3": row.volume_difference_mm3(),
        "relative_volume_difference": row.relative_volume_difference(),
    })
}

fn only_in(row: &LabelDifference) -> Option<&'static str> {
    match (row.overlap.a, row.overlap.b) {
        (_, 0) => Some("a"),
        (0, _) => Some("b"),
        _ => None,
    }
}

fn row_text(row: &LabelDifference, tolerance_mm: f64) -> String {
    let mut text = format!("label {}: Dice {:.4}", row.label, row.overlap.dice());
    if let Some(side) = only_in(row) {
        text.push_str(&format!(", only in {side}"));
    } else if let Some(s) = &row.surface {
        text.push_str(&format!(
            ", HD95 {:.3} mm, Hausdorff {:.3} mm, surface Dice {:.4} at {tolerance_mm} mm",
            s.hd95_mm, s.hausdorff_mm, s.surface_dice
        ));
    }
    text.push_str(&format!(", volume {:+.1} mm³", row.volume_difference_mm3()));
    if let Some(share) = row.relative_volume_difference() {
        text.push_str(&format!(" ({:+.2} %)", 100.0 * share));
    }
    text
}

fn unmeasured(why: Unmeasured) -> String {
    match why {
        Unmeasured::Places => "the grids differ: resample onto one grid, or pass --max-corner-mm".to_owned(),
        Unmeasured::TooManyVoxels(most) => {
            format!("more than {most} surface voxels: pass --tolerance-mm to measure them anyway")
        }
    }
}
