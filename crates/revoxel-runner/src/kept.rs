//! Which facts of a source's header a result gets, and which are lost on the way.

use std::path::Path;

use revoxel_core::Kind;
use revoxel_invert::{OpRecord, TraceStep, VolumeTrace};
use revoxel_io::facts::{Carried, Change, LABEL_NAMES, Move, Values, carry};
use revoxel_io::{Dropped, Facts, FileInfo, Head, LabelNames, format_for_writing, is_array_name, left_out};
use serde::Serialize;

/// A fact of a source that a result does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The file that was written.
    pub file: String,
    /// The key of the volume.
    pub volume: String,
    /// The fact, and why it was left out.
    #[serde(flatten)]
    pub dropped: Dropped,
}

/// The facts of a result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// What is written.
    pub facts: Facts,
    /// What is not.
    pub losses: Vec<Loss>,
}

/// A result that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// The file.
    pub path: &'a Path,
    /// The key of the volume.
    pub key: &'a str,
    /// What the values are now.
    pub kind: Kind,
    /// Grid, voxel type and channels.
    pub head: &'a Head,
}

impl Kept {
    /// The facts of a volume that went through steps. `names` are those of its labels after the steps.
    pub(crate) fn after_steps(
        written: &Written<'_>,
        source: &FileInfo,
        kind: Kind,
        steps: &[TraceStep],
        names: &LabelNames,
    ) -> Self {
        let shape = (source.grid.shape(), source.channels);
        Self::behind(written, &source.facts, shape, kind, steps, names)
    }

    /// The facts of a result of a pipeline, from what its trace says.
    pub fn of_result(written: &Written<'_>, record: &VolumeTrace, names: &LabelNames) -> Self {
        let facts: Facts = serde_json::from_value(record.source.facts.clone()).unwrap_or_default();
        let shape = (record.source.grid.shape, record.source.channels);
        Self::behind(written, &facts, shape, record.kind, &record.steps, names)
    }

    fn behind(
        written: &Written<'_>,
        facts: &Facts,
        (shape, channels): ([usize; 3], usize),
        kind: Kind,
        steps: &[TraceStep],
        names: &LabelNames,
    ) -> Self {
        let values = match written.kind == kind {
            true => changed(written.kind, steps),
            false => Values::Other { frames: true },
        };
        let kept = Self::of(written, facts, shape, channels, &moves(steps), values);
        if written.kind == Kind::Label { kept.named(written, names) } else { kept }
    }

    /// The facts of a volume whose voxels only went elsewhere. `holds_labels` says that its values are those of the
    /// source, so that names of labels in the source hold.
    pub fn after_moves(written: &Written<'_>, source: &FileInfo, moves: &[Move], holds_labels: bool) -> Self {
        let kept = Self::of(written, &source.facts, source.grid.shape(), source.channels, moves, Values::Same);
        if holds_labels { kept.named(written, &source.facts.label_names()) } else { kept }
    }

    /// The facts of a prediction that was brought back onto the grid of its source. It has the source's description,
    /// range of values and the like only where its values are the source's: where both are of one kind. `undone` says
    /// that changes of values were undone; `names` are those of its labels, where anybody says.
    pub fn on_source(written: &Written<'_>, source: &VolumeTrace, undone: bool, names: &LabelNames) -> Self {
        // Facts of a format that this program does not know yet are left out, not guessed.
        let facts: Facts = serde_json::from_value(source.source.facts.clone()).unwrap_or_default();
        let values = match written.kind {
            kind if kind != source.kind => Values::Other { frames: matches!(kind, Kind::Label | Kind::Image) },
            Kind::Image if undone => Values::Same,
            kind => match changed(kind, &source.steps) {
                // A model drew these labels: their places are others.
                Values::Same if kind == Kind::Label => Values::Changed,
                values => values,
            },
        };
        let kept = Self::of(written, &facts, source.source.grid.shape, source.source.channels, &[], values);
        match written.kind == Kind::Label {
            true if !names.is_empty() => kept.named(written, names),
            true if values == Values::Changed => kept.named(written, &facts.label_names()),
            _ => kept,
        }
    }

    /// The facts of a mask on the grid of a source: where it lies, and in which units.
    pub fn of_mask(written: &Written<'_>, facts: &Facts, channels: usize) -> Self {
        let values = Values::Other { frames: false };
        Self::of(written, facts, written.head.grid.shape(), channels, &[], values)
    }

    fn of(
        written: &Written<'_>,
        facts: &Facts,
        shape: [usize; 3],
        channels: usize,
        moves: &[Move],
        values: Values,
    ) -> Self {
        let channels = [channels, written.head.channels];
        let Carried { facts, mut dropped } = carry(facts, &Change { shape, moves, values, channels });
        if is_array_name(written.path) {
            // An array has no header at all.
            return Self { facts, losses: Vec::new() };
        }
        dropped.extend(left_out(written.path, written.head, &facts));
        let file = written.path.display().to_string();
        let loss = |dropped| Loss { file: file.clone(), volume: written.key.to_owned(), dropped };
        Self { facts, losses: dropped.into_iter().map(loss).collect() }
    }

    /// With names of labels, where the format has room for them. A map of several channels has no names.
    fn named(mut self, written: &Written<'_>, names: &LabelNames) -> Self {
        let Ok(format) = format_for_writing(written.path) else { return self };
        if names.is_empty() || written.head.channels != 1 {
            return self;
        }
        if self.facts.put_label_names(format.name(), names) {
            self.losses.retain(|loss| !is_name(&loss.dropped.fact));
        } else if !self.losses.iter().any(|loss| is_name(&loss.dropped.fact)) {
            let dropped = Dropped { fact: LABEL_NAMES.to_owned(), why: format!("{} cannot store it", format.name()) };
            let file = written.path.display().to_string();
            self.losses.push(Loss { file, volume: written.key.to_owned(), dropped });
        }
        self
    }

    /// Says what was lost, to those who want to know (`-v`).
    pub fn tell(&self) {
        for Loss { file, volume, dropped } in &self.losses {
            tracing::info!("{file} ({volume}): dropped {}, because {}", dropped.fact, dropped.why);
        }
    }
}

/// Whether a fact gives a label its name.
fn is_name(fact: &str) -> bool {
    let of_segment = ["_Name", "_LabelValue"].iter().any(|end| fact.ends_with(end)) && fact.starts_with("Segment");
    of_segment || fact.starts_with(LABEL_NAMES)
}

/// Transforms of label maps that take voxels away or add some, but give no label another number.
const KEEP_NUMBERS: [&str; 5] =
    ["keep_largest_connected_component", "fill_holes", "remove_small_objects", "label_filter", "median_smooth"];

/// What steps do to values of a kind.
fn changed(kind: Kind, steps: &[TraceStep]) -> Values {
    let does_something = |step: &&TraceStep| {
        step.values.as_ref().is_some_and(|undo| undo.undo().map_or(true, |undo| !undo.is_nothing()))
    };
    let mut names = steps.iter().filter(does_something).map(|step| step.transform.as_str()).peekable();
    if names.peek().is_none() {
        return Values::Same;
    }
    match kind == Kind::Label && names.any(|name| !KEEP_NUMBERS.contains(&name)) {
        true => Values::Relabelled,
        false => Values::Changed,
    }
}

/// What recorded steps do to the axes. Deformations are not made again.
fn moves(steps: &[TraceStep]) -> Vec<Move> {
    let mut moves = Vec::new();
    for step in steps {
        let Ok(mut grid) = step.before.grid() else { continue };
        for record in &step.ops {
            if let OpRecord::Warp { .. } | OpRecord::Elastic { .. } | OpRecord::Stretch { .. } = record {
                moves.push(Move::Warp);
                continue;
            }
            let Ok(op) = record.op() else { continue };
            moves.extend(Move::of(&op, &grid));
            grid = op.after(&grid).unwrap_or(grid);
        }
    }
    moves
}
