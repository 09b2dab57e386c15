//! Separable Gaussian smoothing.
//!
//! One pass over the planes filters axes 0 and 1, a second pass axis 2. The weights of voxels near the edge include
//! the values beyond the volume, so the loops read only existing voxels.

use revoxel_core::{Dtype, Grid, Volume, VolumeError, Voxel, Voxels, dispatch, parallel};

use crate::finite::Holes;
use crate::real::Real;

/// How the weights of a Gaussian are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GaussianWeights {
    /// The Gaussian at voxel centres, scaled to a sum of 1: scipy.
    #[default]
    Sampled,
    /// The integral of the Gaussian over each voxel, not scaled: MONAI (`approx="erf"`).
    Integrated,
}

/// What a filter reads beyond the volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilterEdge {
    /// The volume mirrored about its outer faces: scipy's `reflect`.
    #[default]
    Mirror,
    /// The closest voxel: scipy's `nearest`, ITK.
    Nearest,
    /// 0: MONAI.
    Zero,
}

/// Conventions of a Gaussian filter; the default is scipy's `gaussian_filter`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gaussian {
    /// How the weights are computed.
    pub weights: GaussianWeights,
    /// What lies beyond the volume.
    pub edge: FilterEdge,
    /// Where the weights end, in standard deviations.
    pub truncate: f64,
}

impl Default for Gaussian {
    fn default() -> Self {
        Self { weights: GaussianWeights::Sampled, edge: FilterEdge::Mirror, truncate: 4.0 }
    }
}

impl Gaussian {
    /// The conventions of MONAI's `GaussianSmooth`.
    pub const MONAI: Self = Self { weights: GaussianWeights::Integrated, edge: FilterEdge::Zero, truncate: 4.0 };
}

/// The sigma (voxels of `from`, by axis) with which a volume is smoothed before it is sampled on the grid `to`:
/// sqrt((r² − 1) / (8 ln 2)) if a target voxel is `r` > 1 source voxels large along an axis, else 0 (Cardoso et al.,
/// MICCAI 2015). The size of a rotated voxel along an axis is the length of the vector of its three edges' components
/// along that axis.
pub fn anti_alias_sigma(from: &Grid, to: &Grid) -> [f64; 3] {
    to.index_map_to(from).linear().map(|row| {
        let squared: f64 = row.iter().map(|v| v * v).sum();
        // What rounding of the affines adds is no enlargement.
        if squared > 1.0 + 1e-6 { ((squared - 1.0) / (8.0 * std::f64::consts::LN_2)).sqrt() } else { 0.0 }
    })
}

/// How a volume is smoothed before it is sampled more coarsely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AntiAlias {
    /// With the sigma of [`anti_alias_sigma`]; the edge continues beyond the volume, as in ITK.
    #[default]
    Cardoso,
    /// scikit-image's rule as in MONAI's `Resize`: (r − 1) / 2 voxels along axes with `r` > 1 times as many voxels as
    /// the target, and 0 beyond the volume. For targets with the same axes.
    ScikitImage,
}

impl AntiAlias {
    /// The sigma (voxels of `from`, by axis); 0 along axes that are not coarser on `to`.
    pub fn sigma(self, from: &Grid, to: &Grid) -> [f64; 3] {
        match self {
            Self::Cardoso => anti_alias_sigma(from, to),
            Self::ScikitImage => {
                let ratio = |a: usize| from.shape()[a] as f64 / to.shape()[a] as f64;
                [0, 1, 2].map(|a| 0.5 * (ratio(a) - 1.0).max(0.0))
            }
        }
    }

    /// The conventions of the filter.
    pub fn gaussian(self) -> Gaussian {
        match self {
            Self::Cardoso => Gaussian { edge: FilterEdge::Nearest, ..Gaussian::default() },
            Self::ScikitImage => Gaussian::MONAI,
        }
    }
}

/// Smooths with a Gaussian of `sigma` voxels along each axis, as scipy's `gaussian_filter` does by default: weights up
/// to four standard deviations, the volume mirrored at its faces. Every channel is smoothed in the same way; an axis
/// whose sigma is not above 0 is not smoothed. The result is float32, or float64 for float64 voxels, on the same grid.
///
/// A sigma is limited to sixteen times the length of its axis. Values that are not finite are left out: they keep
/// their value, and their neighbours are smoothed with numbers interpolated in their place ([`Holes::filled`]).
///
/// # Errors
/// Never for a volume that was made by `Volume::new`.
pub fn gaussian_smooth(volume: &Volume, sigma: [f64; 3]) -> Result<Volume, VolumeError> {
    gaussian_smooth_as(volume, sigma, &Gaussian::default())
}

/// [`gaussian_smooth`] with other conventions.
///
/// # Errors
/// Never for a volume that was made by `Volume::new`.
pub fn gaussian_smooth_as(volume: &Volume, sigma: [f64; 3], gaussian: &Gaussian) -> Result<Volume, VolumeError> {
    if let Some(holes) = Holes::of(volume) {
        return holes.put_back(gaussian_smooth_as(&holes.filled(volume.clone())?, sigma, gaussian)?);
    }
    let shape = volume.grid().shape();
    let voxels: Voxels = match volume.dtype() {
        Dtype::F64 => dispatch!(volume.voxels(), v => smoothed::<_, f64>(v, shape, sigma, gaussian).into()),
        Dtype::U32 | Dtype::I32 | Dtype::U64 | Dtype::I64 => {
            let wide = dispatch!(volume.voxels(), v => smoothed::<_, f64>(v, shape, sigma, gaussian));
            Voxels::from(wide).cast(Dtype::F32)
        }
        _ => dispatch!(volume.voxels(), v => smoothed::<_, f32>(v, shape, sigma, gaussian).into()),
    };
    Volume::new(voxels, *volume.grid(), volume.kind(), volume.channels())
}

/// Voxels of one or more channels, smoothed by a sigma (voxels) along each axis.
pub(crate) fn smoothed<T: Voxel, R: Real>(
    voxels: &[T],
    shape: [usize; 3],
    sigma: [f64; 3],
    gaussian: &Gaussian,
) -> Vec<R> {
    let [nx, ny, nz] = shape;
    let [x, y, z] = [0, 1, 2].map(|a| Filter::<R>::new(shape[a], sigma[a], gaussian));
    let plane = nx * ny;
    let mut flat = vec![R::default(); voxels.len()];
    parallel::each_with(
        flat.chunks_mut(plane).zip(voxels.chunks(plane)),
        || (vec![R::default(); plane], vec![R::default(); nx]),
        |(rows, line), (out, plane)| {
            for (row, from) in rows.chunks_mut(nx).zip(plane.chunks(nx)) {
                line.iter_mut().zip(from).for_each(|(l, v)| *l = R::of(*v));
                x.line(line, row);
            }
            for (j, out) in out.chunks_mut(nx).enumerate() {
                y.gather(j, out, |k| &rows[k * nx..][..nx]);
            }
        },
    );
    if z.is_identity() {
        return flat;
    }
    let mut out = vec![R::default(); voxels.len()];
    parallel::each(out.chunks_mut(plane).enumerate(), |(position, out)| {
        let (first, k) = (position / nz * nz, position % nz);
        for (j, out) in out.chunks_mut(nx).enumerate() {
            z.gather(k, out, |k| &flat[(first + k) * plane + j * nx..][..nx]);
        }
    });
    out
}

/// The weights of one axis.
struct Filter<R> {
    radius: usize,
    kernel: Vec<R>,
    /// Weights by output, for outputs whose kernel extends beyond the axis; empty for the others.
    edges: Vec<Vec<R>>,
}

impl<R: Real> Filter<R> {
    fn new(n: usize, sigma: f64, gaussian: &Gaussian) -> Self {
        let kernel = if sigma > 1e-15 { kernel(sigma.min(16.0 * n as f64), gaussian) } else { vec![1.0] };
        let radius = kernel.len() / 2;
        let edges = (0..n).map(|i| {
            if i >= radius && i + radius < n {
                return Vec::new();
            }
            let (low, high) = (i.saturating_sub(radius), (i + radius + 1).min(n));
            let mut weights = vec![0.0; high - low];
            for (k, weight) in kernel.iter().enumerate() {
                let index = i as i64 + k as i64 - radius as i64;
                if let Some(j) = folded(index, n as i64, gaussian.edge) {
                    weights[j - low] += weight;
                }
            }
            weights.into_iter().map(R::weight).collect()
        });
        let edges = edges.collect();
        Self { radius, edges, kernel: kernel.into_iter().map(R::weight).collect() }
    }

    fn is_identity(&self) -> bool {
        self.radius == 0
    }

    /// The first voxel that output `i` reads, and the weights from there on.
    fn taps(&self, i: usize) -> (usize, &[R]) {
        let edge = &self.edges[i];
        (i.saturating_sub(self.radius), if edge.is_empty() { &self.kernel } else { edge })
    }

    /// Filters a line.
    fn line(&self, from: &[R], to: &mut [R]) {
        if self.is_identity() {
            to.copy_from_slice(from);
            return;
        }
        let n = from.len();
        let inner = self.radius.min(n)..n.saturating_sub(self.radius).max(self.radius.min(n));
        for i in (0..inner.start).chain(inner.end..n) {
            let (first, weights) = self.taps(i);
            to[i] = weights.iter().zip(&from[first..]).fold(R::default(), |sum, (w, v)| sum + *w * *v);
        }
        let to = &mut to[inner];
        to.fill(R::default());
        for (k, weight) in self.kernel.iter().enumerate() {
            let length = to.len();
            to.iter_mut().zip(&from[k.min(n - length)..]).for_each(|(t, v)| *t = *t + *weight * *v);
        }
    }

    /// Sums whole rows with the weights of output `i`.
    fn gather<'a>(&self, i: usize, to: &mut [R], row: impl Fn(usize) -> &'a [R])
    where
        R: 'a,
    {
        let (first, weights) = self.taps(i);
        if self.is_identity() {
            to.copy_from_slice(row(first));
            return;
        }
        to.fill(R::default());
        for (k, weight) in weights.iter().enumerate() {
            to.iter_mut().zip(row(first + k)).for_each(|(t, v)| *t = *t + *weight * *v);
        }
    }
}

/// The weights at -radius ..= radius.
fn kernel(sigma: f64, gaussian: &Gaussian) -> Vec<f64> {
    let reach = sigma * gaussian.truncate;
    match gaussian.weights {
        GaussianWeights::Sampled => {
            let radius = (reach + 0.5) as i64;
            let raw: Vec<f64> = (-radius..=radius).map(|x| libm::exp(-0.5 * (x as f64 / sigma).powi(2))).collect();
            let sum: f64 = raw.iter().sum();
            raw.into_iter().map(|w| w / sum).collect()
        }
        GaussianWeights::Integrated => {
            let half = integrated_weights(sigma, gaussian.truncate, usize::MAX);
            half.iter().skip(1).rev().chain(&half).copied().collect()
        }
    }
}

/// The integrals of a Gaussian over the voxels 0, 1, 2 … from its middle: up to `truncate` standard deviations, and at
/// most `most` voxels away. They are one side of [`GaussianWeights::Integrated`].
pub fn integrated_weights(sigma: f64, truncate: f64, most: usize) -> Vec<f64> {
    let radius = ((sigma * truncate).max(0.5) + 0.5) as usize;
    let below = |x: f64| 0.5 * libm::erf(x / (sigma * std::f64::consts::SQRT_2));
    (0..=radius.min(most)).map(|x| (below(x as f64 + 0.5) - below(x as f64 - 0.5)).max(0.0)).collect()
}

/// The voxel that replaces an index beyond the axis, if any.
fn folded(index: i64, n: i64, edge: FilterEdge) -> Option<usize> {
    let inside = match edge {
        FilterEdge::Mirror => {
            let phase = index.rem_euclid(2 * n);
            phase.min(2 * n - 1 - phase)
        }
        FilterEdge::Nearest => index.clamp(0, n - 1),
        FilterEdge::Zero => index,
    };
    usize::try_from(inside).ok().filter(|i| *i < n as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Affine, Kind};

    const AT: [[usize; 3]; 6] = [[0, 0, 0], [4, 0, 0], [2, 1, 1], [0, 3, 2], [4, 3, 2], [3, 2, 0]];

    fn sample() -> Volume {
        let values: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 61)).collect();
        Volume::new(values.into(), Grid::without_geometry([5, 4, 3]).unwrap(), Kind::Image, 1).unwrap()
    }

    #[test]
    fn scipy_and_monai_give_the_same() {
        // Recorded: scipy 1.17.1 `gaussian_filter(v, sigma, mode=..)`, MONAI 1.6.1 `GaussianFilter(3, sigma)`.
        fn t(sigma: [f64; 3], gaussian: Gaussian, expected: [f64; 6], tolerance: f64) {
            let smooth = gaussian_smooth_as(&sample(), sigma, &gaussian).unwrap();
            for (at, expected) in AT.into_iter().zip(expected) {
                let value = smooth.value(at, 0);
                assert!((value - expected).abs() < tolerance, "{gaussian:?} at {at:?}: {value}, peer {expected}");
            }
            let small = gaussian_smooth_as(&sample().cast(Dtype::U8), sigma, &gaussian).unwrap();
            assert_eq!(small.dtype(), Dtype::F32);
            assert!((0..60).all(|i| (small.voxels().get(i) - smooth.voxels().get(i)).abs() < 2e-5));
        }
        let sigma = [1.2, 0.7, 2.5];
        let with = |edge| Gaussian { edge, ..Gaussian::default() };
        let mirror = [21.756810482, 34.497410806, 31.592452524, 26.989862301, 33.112663421, 31.227104402];
        t(sigma, with(FilterEdge::Mirror), mirror, 1e-8);
        let nearest = [16.285267718, 32.749648959, 30.836217462, 25.894124745, 36.292538986, 33.068366053];
        t(sigma, with(FilterEdge::Nearest), nearest, 1e-8);
        let zero = [5.125568318, 7.691737263, 13.895315022, 6.433254261, 7.022748093, 11.630335701];
        t(sigma, with(FilterEdge::Zero), zero, 1e-8);
        let wide = [7.999973714, 33.999973714, 23.0, 14.000026286, 40.000026286, 21.333448598];
        t([0.1, 0.0, 30.0], Gaussian::default(), wide, 1e-8);
        t(sigma, Gaussian::MONAI, [4.98153, 7.36964, 13.58998, 6.17472, 6.72221, 11.48406], 2e-5);
    }

    #[test]
    fn only_axes_that_get_coarser_are_smoothed() {
        let grid = |columns| Grid::new([9, 9, 9], Affine::from_linear(columns, [3.0; 3])).unwrap();
        let fine = grid([[0.8, 0., 0.], [0., 1.0, 0.], [0., 0., 4.0]]);
        // The second axis of the target runs along the first of the source.
        let coarse = grid([[0., 2.0, 0.], [-1.0, 0., 0.], [0., 0., 2.0]]);
        let [x, y, z] = anti_alias_sigma(&fine, &coarse);
        assert!((x - 0.973020).abs() < 1e-6, "{x}"); // sqrt((2.5² − 1) / (8 ln 2))
        assert_eq!([y, z], [0.0; 2]);
        let (sin, cos) = 0.7f64.sin_cos();
        let turned = grid([[cos, -sin, 0.], [sin, cos, 0.], [0., 0., 1.0]]);
        assert_eq!(anti_alias_sigma(&grid([[1., 0., 0.], [0., 1., 0.], [0., 0., 1.]]), &turned), [0.0; 3]);
    }

    #[test]
    fn channels_do_not_mix_and_odd_sigmas_do_nothing() {
        let one = sample();
        let two: Vec<f64> = (0..120).map(|i| if i < 60 { one.voxels().get(i) } else { 7.0 }).collect();
        let two = Volume::new(two.into(), *one.grid(), Kind::Image, 2).unwrap();
        let (one, two) = (gaussian_smooth(&one, [2.0; 3]).unwrap(), gaussian_smooth(&two, [2.0; 3]).unwrap());
        for i in 0..60 {
            assert_eq!(two.voxels().get(i), one.voxels().get(i));
            assert!((two.voxels().get(60 + i) - 7.0).abs() < 1e-12);
        }
        for sigma in [0.0, -1.0, f64::NAN] {
            assert_eq!(gaussian_smooth(&sample(), [sigma; 3]).unwrap(), sample());
        }
        let all = gaussian_smooth(&sample(), [f64::INFINITY; 3]).unwrap();
        assert!((all.value([0, 0, 0], 0) - 1830.0 / 61.0).abs() < 0.6, "{}", all.value([0, 0, 0], 0));
    }
}
