//! A run of grid operations as one pass over voxels.
//!
//! ```text
//! forward   source --reorient, crop--> . --resample--> . --reorient, window--> target
//! backward  model grid ---------------- one affine ---------------------------> native grid
//! ```
//!
//! Forward, ops fuse only if the result is the same as step by step: exact ops on both sides of at most one
//! resampling. Backward, a whole chain of steps fuses into one sampling, and every grid in between limits which voxels
//! were seen.

use std::sync::Arc;

use crate::{Affine, Bend, ExactMap, Grid, GridError, GridOp, IndexBox, Slices, Step};

/// One pass from the voxels of a source grid to the voxels of a target grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    source: Grid,
    target: Grid,
    readable: IndexBox,
    written: IndexBox,
    exact: Option<ExactMap>,
    limits: Vec<Limit>,
    anchor: ExactMap,
    from: Option<Arc<Slices>>,
    to: Option<Arc<Slices>>,
    bends: Vec<Bend>,
}

/// A condition on target voxels that is not a box of the target. The target's (even) index, mapped through the pass's
/// first `bends` warps and then through `map`, must lie between `low` and `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// How many of the pass's warps come before the map.
    pub bends: usize,
    /// From target indices (or, with `bends`, those of the last warp's grid) to the indices that are compared.
    pub map: Affine,
    /// The lowest mapped index, by axis.
    pub low: [f64; 3],
    /// The highest mapped index, by axis.
    pub high: [f64; 3],
}

impl Limit {
    /// The limit for voxels whose extent meets the extent of `inside`: their centre may lie outside by half of their
    /// own extent (along the axes of `inside`).
    fn meeting(bends: usize, map: Affine, inside: &IndexBox) -> Self {
        let half = map.rows().map(|[a, b, c, _]| (a.abs() + b.abs() + c.abs()) / 2.0);
        // Extents that only touch do not meet, whatever rounding did to them.
        let beyond = half.map(|h| h * (1.0 - 2.0 * TOUCH));
        let (start, end) = (inside.start, inside.end());
        let low = [0, 1, 2].map(|a| start[a] as f64 - 0.5 - beyond[a]);
        Self { bends, map, low, high: [0, 1, 2].map(|a| end[a] as f64 - 0.5 + beyond[a]) }
    }

    /// The limit for voxels whose centre lies in the extent of `inside`.
    fn centred(map: Affine, inside: &IndexBox) -> Self {
        let (start, end) = (inside.start, inside.end());
        let low = start.map(|s| s as f64 - 0.5 - 1e-6);
        Self { bends: 0, map, low, high: end.map(|e| e as f64 - 0.5 + 1e-6) }
    }

    /// Whether a mapped index lies between the limits.
    pub fn admits(&self, mapped: [f64; 3]) -> bool {
        (0..3).all(|a| mapped[a] >= self.low[a] && mapped[a] <= self.high[a])
    }
}

/// The share of a voxel's extent that must lie inside for the voxel to count as inside.
const TOUCH: f64 = 1e-4;

/// How to count an index of a source axis when deciding a tie between two voxels: as the index of the volume that is
/// sampled if the ops of the pass run step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TieIndex {
    /// Whether that volume's axis has the opposite direction.
    pub flipped: bool,
    /// The index in that volume of source index 0.
    pub offset: i64,
}

impl TieIndex {
    /// The index in that volume of a source index.
    pub const fn of(self, source: i64) -> i64 {
        if self.flipped { self.offset - source } else { self.offset + source }
    }
}

impl Sampling {
    /// The pass that changes nothing, to which ops are added with [`push`](Self::push).
    pub fn identity(grid: Grid) -> Self {
        Self {
            source: grid,
            target: grid,
            readable: grid.index_box(),
            written: grid.index_box(),
            exact: Some(ExactMap::IDENTITY),
            limits: Vec::new(),
            anchor: ExactMap::IDENTITY,
            from: None,
            to: None,
            bends: Vec::new(),
        }
    }

    /// The grid that is read.
    pub const fn source(&self) -> &Grid {
        &self.source
    }

    /// The grid that is written.
    pub const fn target(&self) -> &Grid {
        &self.target
    }

    /// The box of source indices that may be read; positions around it are clamped into it.
    pub const fn readable(&self) -> &IndexBox {
        &self.readable
    }

    /// The box of target indices that is sampled; outside it there is padding.
    pub const fn written(&self) -> &IndexBox {
        &self.written
    }

    /// Further conditions on target voxels; a voxel that fails one gets the fill.
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The whole-number map, if values are copied and not interpolated.
    pub const fn exact(&self) -> Option<&ExactMap> {
        self.exact.as_ref()
    }

    /// The positions of the source's slices, if they are uneven.
    pub fn from_slices(&self) -> Option<&Slices> {
        self.from.as_deref()
    }

    /// The positions of the target's slices, if they are uneven.
    pub fn to_slices(&self) -> Option<&Slices> {
        self.to.as_deref()
    }

    /// Whether the map of indices is more than an affine: slices are uneven on either side, or there is a warp in
    /// between.
    pub const fn is_uneven(&self) -> bool {
        self.from.is_some() || self.to.is_some() || !self.bends.is_empty()
    }

    /// The warps on the way from the target to the source, each with the map onto its grid from the (even) target
    /// or from the grid of the warp before it.
    pub fn bends(&self) -> impl Iterator<Item = (Affine, &Bend)> {
        let grids = std::iter::once(&self.target).chain(self.bends.iter().map(|b| b.warp.grid()));
        grids.zip(&self.bends).map(|(grid, bend)| (grid.index_map_to(bend.warp.grid()), bend))
    }

    /// The map onto the (even) source from what the last warp gives, or, without warps, from the (even) target.
    pub fn last_map(&self) -> Affine {
        self.bends.last().map_or_else(|| self.map(), |bend| bend.warp.grid().index_map_to(&self.source))
    }

    /// Whether a target voxel satisfies all [`limits`](Self::limits).
    pub fn within_limits(&self, target: [f64; 3]) -> bool {
        let mut at = self.even_target(target);
        let within = |passed: usize, at: [f64; 3]| {
            self.limits.iter().filter(|l| l.bends == passed).all(|l| l.admits(l.map.apply(at)))
        };
        within(0, at)
            && self.bends().enumerate().all(|(number, (map, bend))| {
                at = bend.apply(map.apply(at));
                within(number + 1, at)
            })
    }

    /// The position of a target voxel on the target's even grid; the index itself if the slices are even.
    pub fn even_target(&self, target: [f64; 3]) -> [f64; 3] {
        self.to.as_ref().map_or(target, |slices| slices.to_even(target))
    }

    /// The continuous source index at which a target voxel is sampled.
    pub fn position(&self, target: [f64; 3]) -> [f64; 3] {
        let bent = self.bends().fold(self.even_target(target), |at, (map, bend)| bend.apply(map.apply(at)));
        let even = self.last_map().apply(bent);
        self.from.as_ref().map_or(even, |slices| slices.from_even(even))
    }

    /// The target index for which a continuous source index is sampled: the inverse of [`position`](Self::position).
    pub fn target_of(&self, position: [f64; 3]) -> [f64; 3] {
        let even = match &self.exact {
            Some(exact) => exact.inverse().affine().apply(position),
            None => {
                let position = self.from.as_ref().map_or(position, |slices| slices.to_even(position));
                let (mut grid, mut at) = (&self.source, position);
                for bend in self.bends.iter().rev() {
                    at = bend.apply_back(grid.index_map_to(bend.warp.grid()).apply(at));
                    grid = bend.warp.grid();
                }
                grid.index_map_to(&self.target).apply(at)
            }
        };
        self.to.as_ref().map_or(even, |slices| slices.from_even(even))
    }

    /// The map from target indices to continuous source indices, without warps; between the even grids if slices are
    /// uneven.
    pub fn map(&self) -> Affine {
        self.exact.map_or_else(|| self.target.index_map_to(&self.source), |exact| exact.affine())
    }

    /// For each source axis: how to count its indices if a position lies halfway between two voxels. Fused flips and
    /// crops change the index, and the result must be the same as step by step.
    pub fn ties(&self) -> [TieIndex; 3] {
        [0, 1, 2].map(|axis| TieIndex {
            flipped: self.anchor.permutation.flipped(axis),
            offset: self.anchor.offset[self.anchor.permutation.source(axis)],
        })
    }

    /// Whether some of the target is padding.
    pub fn has_padding(&self) -> bool {
        self.written != self.target.index_box()
    }

    /// Whether nothing is done at all.
    pub fn is_identity(&self) -> bool {
        self.exact == Some(ExactMap::IDENTITY) && self.source == self.target && !self.has_padding()
    }

    /// Whether [`push`](Self::push) of this op gives the same voxels as a separate pass. `resampling` also allows a
    /// second interpolation to be fused with the first (the values then differ).
    pub fn fuses(&self, op: &GridOp, resampling: bool) -> bool {
        if let GridOp::Reslice { .. } = op {
            // The places of slices are known for the source as it is, and nothing may follow onto uneven slices.
            return self.is_identity();
        }
        if self.to.is_some() {
            return false;
        }
        !op.interpolates() || (!self.has_padding() && (self.exact.is_some() || resampling))
    }

    /// Adds an op to the end of the pass. Ask [`fuses`](Self::fuses) first.
    ///
    /// # Errors
    /// If the op has no result on the target grid.
    pub fn push(&mut self, op: &GridOp) -> Result<(), GridError> {
        let after = op.after(&self.target)?;
        match *op {
            GridOp::Reorient(p) => {
                let map = ExactMap::reorient(p, self.target.shape());
                self.written = map.inverse().apply_box(&self.written);
                self.push_exact(map);
            }
            GridOp::Window { start, shape } => {
                self.written = self.written.shifted(start.map(|s| -s)).intersect(&IndexBox::of_shape(shape));
                self.push_exact(ExactMap::shift(start));
                if let Some(exact) = &self.exact {
                    self.readable = exact.apply_box(&self.written).intersect(&self.source.index_box());
                }
            }
            GridOp::Resample { grid } => {
                self.sample();
                self.written = grid.index_box();
            }
            GridOp::Warp { ref warp, back } => {
                self.sample();
                self.bends.insert(0, Bend { warp: warp.clone(), back });
                self.written = after.index_box();
            }
            GridOp::Reslice { ref from, ref to, grid } => {
                self.sample();
                (self.from, self.to) = (from.clone(), to.clone());
                self.written = grid.index_box();
            }
        }
        self.target = after;
        Ok(())
    }

    /// The same pass for a source to which an exact op was applied: it reads the same voxels at their new positions.
    /// Voxels that the op cut away must not be readable. A resampling does not change the pass.
    ///
    /// # Errors
    /// If the op has no result on the source grid.
    pub fn reading_through(&self, op: &GridOp) -> Result<Self, GridError> {
        let moved = match *op {
            GridOp::Reorient(p) => ExactMap::reorient(p, self.source.shape()),
            GridOp::Window { start, .. } => ExactMap::shift(start),
            GridOp::Resample { .. } | GridOp::Reslice { .. } | GridOp::Warp { .. } => return Ok(self.clone()),
        };
        let (source, back) = (op.after(&self.source)?, moved.inverse());
        let mut pass = self.clone();
        pass.readable = back.apply_box(&self.readable).intersect(&source.index_box());
        pass.exact = self.exact.map(|exact| back.then(&exact));
        pass.anchor = self.anchor.then(&moved);
        pass.source = source;
        if let GridOp::Window { start, shape } = op {
            pass.from = self.from.as_ref().map(|slices| Arc::new(slices.windowed(start[2], shape[2])));
        }
        Ok(pass)
    }

    /// The same pass, allowed to read every voxel of its source.
    pub fn reading_everything(mut self) -> Self {
        self.readable = self.source.index_box();
        self
    }

    /// The one pass that takes voxels on the last grid of a chain of steps back to the first grid.
    ///
    /// Padding of the chain is not read. A voxel is not written if the chain cut it away, or if its extent does not
    /// meet the extent of a grid in between. If it meets that extent but lies beyond the outermost centres, the caller
    /// extends the edge. `None` for a chain without steps.
    pub fn inverse_of(steps: &[Step]) -> Option<Self> {
        let (native, model) = (*steps.first()?.before(), *steps.last()?.after());
        let mut pass = Self::identity(model);
        pass.target = native;
        pass.written = native.index_box();
        // The slices that the first step evened out are what the last pass goes back to.
        if let GridOp::Reslice { from, .. } = steps.first()?.op() {
            pass.to = from.clone();
        }
        // `exact` leads from native to current indices as long as nothing was interpolated.
        let mut exact = Some(ExactMap::IDENTITY);
        let mut since_resample = ExactMap::IDENTITY;
        let mut content = native.index_box();
        for step in steps {
            let current = *step.after();
            match *step.op() {
                GridOp::Reorient(p) => {
                    let map = ExactMap::reorient(p, step.before().shape());
                    content = map.inverse().apply_box(&content);
                    since_resample = since_resample.then(&map);
                    exact = exact.map(|e| map.inverse().then(&e));
                }
                GridOp::Window { start, shape } => {
                    content = content.shifted(start.map(|s| -s)).intersect(&IndexBox::of_shape(shape));
                    since_resample = since_resample.then(&ExactMap::shift(start));
                    exact = exact.map(|e| ExactMap::shift(start).inverse().then(&e));
                }
                GridOp::Resample { grid } => {
                    content = covered(&grid, step.before(), &content);
                    since_resample = ExactMap::IDENTITY;
                    exact = None;
                }
                GridOp::Warp { ref warp, back } => {
                    pass.bends.push(Bend { warp: warp.clone(), back: !back });
                    content = current.index_box();
                    since_resample = ExactMap::IDENTITY;
                    exact = None;
                }
                GridOp::Reslice { grid, .. } => {
                    content = grid.index_box();
                    since_resample = ExactMap::IDENTITY;
                    exact = None;
                }
            }
            let from = pass.bends.last().map_or(&native, |bend| bend.warp.grid());
            let map = exact.map_or_else(|| from.index_map_to(&current), |e| e.affine());
            pass.limit(Limit::meeting(pass.bends.len(), map, &current.index_box()));
        }
        pass.exact = exact;
        pass.readable = content;
        if exact.is_none() {
            pass.anchor = since_resample;
        }
        Some(pass)
    }

    /// The first op that interpolates: ties are decided by the indices of the volume that it reads.
    fn sample(&mut self) {
        if let Some(exact) = self.exact.take() {
            self.anchor = exact.inverse();
        }
    }

    fn push_exact(&mut self, map: ExactMap) {
        self.exact = self.exact.map(|e| e.then(&map));
    }

    /// Adds a condition: as a smaller written box if it is a box, else as it is.
    fn limit(&mut self, limit: Limit) {
        if self.to.is_some() || limit.bends > 0 {
            self.limits.push(limit);
            return;
        }
        let corners = self.target.corner_indices().map(|c| limit.map.apply(c));
        if corners.iter().all(|c| limit.admits(*c)) {
            return;
        }
        match box_in_target(&limit, &self.written) {
            Some(smaller) => self.written = smaller,
            None => self.limits.push(limit),
        }
    }
}

/// The voxels of `written` that satisfy a limit, if they form a box: each row of the map has one entry.
fn box_in_target(limit: &Limit, written: &IndexBox) -> Option<IndexBox> {
    let (mut start, mut end) = (written.start, written.end());
    for (row, [a, b, c, shift]) in limit.map.rows().into_iter().enumerate() {
        let entries = [a, b, c];
        let largest = (0..3).max_by(|x, y| entries[*x].abs().total_cmp(&entries[*y].abs()))?;
        // What the small entries add over the whole box must not matter.
        let rest: f64 = (0..3).filter(|x| *x != largest).map(|x| entries[x].abs() * (end[x].abs() + 1) as f64).sum();
        if rest > 1e-7 {
            return None;
        }
        let (p, q) = ((limit.low[row] - shift) / entries[largest], (limit.high[row] - shift) / entries[largest]);
        start[largest] = start[largest].max(p.min(q).ceil() as i64);
        end[largest] = end[largest].min(p.max(q).floor() as i64 + 1);
    }
    Some(IndexBox::from_bounds(start, end))
}

/// The voxels of a resampled grid whose centres lie in the content of the grid before. If no centre does, the voxels
/// whose extents meet that content. If these do not form a box, all voxels.
fn covered(grid: &Grid, before: &Grid, content: &IndexBox) -> IndexBox {
    if *content == before.index_box() {
        return grid.index_box();
    }
    let map = grid.index_map_to(before);
    let voxels = |limit: Limit| box_in_target(&limit, &grid.index_box()).unwrap_or(grid.index_box());
    let centred = voxels(Limit::centred(map, content));
    if centred.is_empty() { voxels(Limit::meeting(0, map, content)) } else { centred }
}
