//! The rotation nearest to a matrix, rounded as LAPACK rounds it.
//!
//! nibabel names the axes of an affine after comparing entries of this rotation. If an axis lies at exactly 45°, the
//! entries are equal, and their last bit decides. So the operations follow the order of LAPACK's `dgesdd` for three
//! rows: Householder reflections (`dgebd2`), implicit QR steps (`dbdsqr`), and the reflections back.

type Matrix = [[f64; 3]; 3];

/// The rotation (or rotation with a mirror) nearest to a matrix whose columns have length 1.
pub(crate) fn nearest_rotation(columns: Matrix) -> Matrix {
    let mut a = columns;
    let (first, x0, tau0) = reflector(a[0][0], [a[1][0], a[2][0]]);
    let left0 = [1.0, x0[0], x0[1]];
    from_left(&mut a, left0, tau0, 0, 1);
    let (e0, y0, tau_right) = reflector(a[0][1], [a[0][2], 0.0]);
    let right = [0.0, 1.0, y0[0]];
    from_right(&mut a, right, tau_right, 1);
    let (second, x1, tau1) = reflector(a[1][1], [a[2][1], 0.0]);
    let left1 = [0.0, 1.0, x1[0]];
    from_left(&mut a, left1, tau1, 1, 2);
    let identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let mut sides = Bidiagonal { d: [first, second, a[2][2]], e: [e0, a[1][2]], u: identity, vt: identity, down: true };
    sides.diagonalise();
    let Bidiagonal { mut u, mut vt, .. } = sides;
    from_left(&mut u, left1, tau1, 1, 0);
    from_left(&mut u, left0, tau0, 0, 0);
    from_right(&mut vt, right, tau_right, 0);
    [0, 1, 2].map(|r| [0, 1, 2].map(|c| (0..3).fold(0.0, |sum, k| u[r][k].mul_add(vt[k][c], sum))))
}

/// `dlarfg`: what the first entry becomes, the rest of the reflector after its leading 1, and its factor.
fn reflector(alpha: f64, x: [f64; 2]) -> (f64, [f64; 2], f64) {
    let length = length(x);
    if length == 0.0 {
        return (alpha, x, 0.0);
    }
    let (large, small) = (alpha.abs().max(length), alpha.abs().min(length));
    let ratio = small / large;
    let beta = -(large * (1.0 + ratio * ratio).sqrt()).copysign(alpha);
    let scale = 1.0 / (alpha - beta);
    (beta, x.map(|v| v * scale), (beta - alpha) / beta)
}

/// `dnrm2`, which works in more than double precision.
fn length([a, b]: [f64; 2]) -> f64 {
    if a == 0.0 || b == 0.0 {
        return a.abs().max(b.abs());
    }
    let (a2, b2) = (a * a, b * b);
    let sum = a2 + b2;
    let lost = (a2.max(b2) - sum) + a2.min(b2) + a.mul_add(a, -a2) + b.mul_add(b, -b2);
    let root = sum.sqrt();
    root + ((-root).mul_add(root, sum) + lost) / (2.0 * root)
}

/// `dlarf` from the left, on the columns from `column` on; `v` is 0 above `row`.
fn from_left(c: &mut Matrix, v: [f64; 3], tau: f64, row: usize, column: usize) {
    if tau == 0.0 {
        return;
    }
    for j in column..3 {
        let w = match row {
            0 => c[2][j].mul_add(v[2], c[0][j].mul_add(v[0], c[1][j] * v[1])),
            _ => c[1][j].mul_add(v[1], c[2][j] * v[2]),
        };
        let t = -tau * w;
        for i in row..3 {
            c[i][j] += v[i] * t;
        }
    }
}

/// `dlarf` from the right, on the rows from `row` on; `v` begins with 0.
fn from_right(c: &mut Matrix, v: [f64; 3], tau: f64, row: usize) {
    if tau == 0.0 {
        return;
    }
    for line in c.iter_mut().skip(row) {
        let w = line[1].mul_add(v[1], line[2] * v[2]);
        for j in 1..3 {
            line[j] += w * (-tau * v[j]);
        }
    }
}

/// Half of the distance of 1 to the next number, LAPACK's epsilon.
const EPSILON: f64 = f64::EPSILON / 2.0;

/// A matrix `u · B · vt`, where B has `d` on its diagonal and `e` above it.
struct Bidiagonal {
    d: [f64; 3],
    e: [f64; 2],
    u: Matrix,
    vt: Matrix,
    /// Whether rotations chase from the top down.
    down: bool,
}

/// Cosines and sines.
type Rotations = [(f64, f64); 2];

impl Bidiagonal {
    /// `dbdsqr`: makes `e` zero and sorts `d` from large to small.
    fn diagonalise(&mut self) {
        // The eighth root of epsilon is about 1 / 98.7.
        let tolerance = libm::pow(EPSILON, -0.125).clamp(10.0, 100.0) * EPSILON;
        let mut least = self.d[0].abs();
        let mut mu = least;
        for i in 1..3 {
            if least == 0.0 {
                break;
            }
            mu = self.d[i].abs() * (mu / (mu + self.e[i - 1].abs()));
            least = least.min(mu);
        }
        let threshold = (tolerance * (least / 3f64.sqrt())).max(54.0 * f64::MIN_POSITIVE);
        let mut last = 2;
        let mut before = None;
        // A block of three numbers takes two or three steps.
        for _ in 0..54 {
            if last == 0 {
                break;
            }
            let split = (0..last).rev().find(|i| self.e[*i].abs() <= threshold);
            if let Some(at) = split {
                self.e[at] = 0.0;
                if at + 1 == last {
                    last -= 1;
                    continue;
                }
            }
            let first = split.map_or(0, |at| at + 1);
            if first + 1 == last {
                self.solve_two(first);
                last = last.saturating_sub(2);
                continue;
            }
            if before != Some((first, last)) {
                self.down = self.d[first].abs() >= self.d[last].abs();
            }
            if let Some(smallest) = self.converging(tolerance) {
                before = Some((first, last));
                self.step(tolerance, smallest, threshold);
            }
        }
        self.sort();
    }

    /// Tests the whole of three numbers: `None` where an entry of `e` became zero, else the smallest value's bound.
    fn converging(&mut self, tolerance: f64) -> Option<f64> {
        let (end, start, order) = if self.down { (2, 0, [0, 1]) } else { (0, 2, [1, 0]) };
        let edge = order[1];
        if self.e[edge].abs() <= tolerance * self.d[end].abs() {
            self.e[edge] = 0.0;
            return None;
        }
        let mut mu = self.d[start].abs();
        let mut smallest = mu;
        for at in order {
            if self.e[at].abs() <= tolerance * mu {
                self.e[at] = 0.0;
                return None;
            }
            let next = if self.down { at + 1 } else { at };
            mu = self.d[next].abs() * (mu / (mu + self.e[at].abs()));
            smallest = smallest.min(mu);
        }
        Some(smallest)
    }

    /// One sweep over three numbers.
    fn step(&mut self, tolerance: f64, smallest: f64, threshold: f64) {
        let largest = self.d.iter().chain(&self.e).fold(0.0, |m: f64, v| m.max(v.abs()));
        let (start, at) = if self.down { (0, 1) } else { (2, 0) };
        let mut shift = 0.0;
        if 3.0 * tolerance * (smallest / largest) > EPSILON.max(0.01 * tolerance) {
            shift = smaller_value(self.d[at], self.e[at], self.d[at + 1]);
            let of = self.d[start].abs();
            if of > 0.0 && (shift / of).powi(2) < EPSILON {
                shift = 0.0;
            }
        }
        // Numbered in the direction of the sweep.
        let (i, k) = if self.down { ([0, 1, 2], [0, 1]) } else { ([2, 1, 0], [1, 0]) };
        let (inner, outer) = if shift == 0.0 { self.sweep_unshifted(i, k) } else { self.sweep(i, k, shift) };
        let (right, left) = if self.down { (inner, outer) } else { (outer, inner) };
        let sign = if self.down { 1.0 } else { -1.0 };
        for n in 0..2 {
            let j = k[n];
            let ((c, s), (c_left, s_left)) = (right[n], left[n]);
            rotate_rows(&mut self.vt, j, c, sign * s);
            rotate_columns(&mut self.u, j, c_left, sign * s_left);
        }
        if self.e[k[1]].abs() <= threshold {
            self.e[k[1]] = 0.0;
        }
    }

    fn sweep_unshifted(&mut self, i: [usize; 3], k: [usize; 2]) -> (Rotations, Rotations) {
        let (mut inner, mut outer) = ([(1.0, 0.0); 2], [(1.0, 0.0); 2]);
        let (mut cs, mut old) = (1.0, (1.0, 0.0));
        for n in 0..2 {
            let (c, s, r) = rotation(self.d[i[n]] * cs, self.e[k[n]]);
            if n > 0 {
                self.e[k[n - 1]] = old.1 * r;
            }
            let (old_c, old_s, value) = rotation(old.0 * r, self.d[i[n + 1]] * s);
            self.d[i[n]] = value;
            (cs, old) = (c, (old_c, old_s));
            (inner[n], outer[n]) = ((c, s), old);
        }
        let h = self.d[i[2]] * cs;
        self.d[i[2]] = h * old.0;
        self.e[k[1]] = h * old.1;
        (inner, outer)
    }

    fn sweep(&mut self, i: [usize; 3], k: [usize; 2], shift: f64) -> (Rotations, Rotations) {
        let (mut inner, mut outer) = ([(1.0, 0.0); 2], [(1.0, 0.0); 2]);
        let begin = self.d[i[0]];
        let mut f = (begin.abs() - shift) * (1f64.copysign(begin) + shift / begin);
        let mut g = self.e[k[0]];
        for n in 0..2 {
            let (c, s, r) = rotation(f, g);
            if n > 0 {
                self.e[k[n - 1]] = r;
            }
            let (d, e, next) = (self.d[i[n]], self.e[k[n]], self.d[i[n + 1]]);
            f = c * d + s * e;
            let e = c * e - s * d;
            g = s * next;
            let next = c * next;
            let (cl, sl, r) = rotation(f, g);
            self.d[i[n]] = r;
            f = cl * e + sl * next;
            self.d[i[n + 1]] = cl * next - sl * e;
            self.e[k[n]] = e;
            if n == 0 {
                g = sl * self.e[k[1]];
                self.e[k[1]] *= cl;
            }
            (inner[n], outer[n]) = ((c, s), (cl, sl));
        }
        self.e[k[1]] = f;
        (inner, outer)
    }

    /// `dlasv2` of the block of two numbers at `at`.
    fn solve_two(&mut self, at: usize) {
        let (f, g, h) = (self.d[at], self.e[at], self.d[at + 1]);
        let swap = h.abs() > f.abs();
        let (ft, ht) = if swap { (h, f) } else { (f, h) };
        let (fa, ha) = (ft.abs(), ht.abs());
        // `g` is not zero and, as columns have length 1, far from hiding `ft`.
        let difference = fa - ha;
        let mut l = if difference == fa { 1.0 } else { difference / fa };
        let m = g / ft;
        let mut t = 2.0 - l;
        let mm = m * m;
        let s = (t * t + mm).sqrt();
        let r = if l == 0.0 { m.abs() } else { (l * l + mm).sqrt() };
        let a = 0.5 * (s + r);
        let (mut small, mut large) = (ha / a, fa * a);
        t = if mm != 0.0 {
            (m / (s + t) + m / (r + l)) * (1.0 + a)
        } else if l == 0.0 {
            2f64.copysign(ft) * 1f64.copysign(g)
        } else {
            g / difference.copysign(ft) + m / t
        };
        l = (t * t + 4.0).sqrt();
        let (crt, srt) = (2.0 / l, t / l);
        let (clt, slt) = ((crt + srt * m) / a, (ht / ft) * srt / a);
        let (csl, snl, csr, snr) = if swap { (srt, crt, slt, clt) } else { (clt, slt, crt, srt) };
        let one = |x: f64| 1f64.copysign(x);
        let sign = if g.abs() > fa {
            one(snr) * one(csl) * one(g)
        } else if swap {
            one(snr) * one(snl) * one(h)
        } else {
            one(csr) * one(csl) * one(f)
        };
        large = large.copysign(sign);
        small = small.copysign(sign * one(f) * one(h));
        (self.d[at], self.e[at], self.d[at + 1]) = (large, 0.0, small);
        for j in 0..3 {
            let (x, y) = (self.vt[at][j], self.vt[at + 1][j]);
            (self.vt[at][j], self.vt[at + 1][j]) = drot(x, y, csr, snr);
            let (x, y) = (self.u[j][at], self.u[j][at + 1]);
            (self.u[j][at], self.u[j][at + 1]) = drot(x, y, csl, snl);
        }
    }

    /// Makes `d` positive and sorts it, the last of the smallest first.
    fn sort(&mut self) {
        for i in 0..3 {
            if self.d[i] < 0.0 {
                self.d[i] = -self.d[i];
                self.vt[i] = self.vt[i].map(|v| -v);
            }
        }
        for end in (1..3).rev() {
            let at = (1..=end).fold(0, |at, j| if self.d[j] <= self.d[at] { j } else { at });
            self.d.swap(at, end);
            self.vt.swap(at, end);
            self.u.iter_mut().for_each(|row| row.swap(at, end));
        }
    }
}

fn drot(x: f64, y: f64, c: f64, s: f64) -> (f64, f64) {
    (c.mul_add(x, s * y), c.mul_add(y, -(s * x)))
}

/// `dlasr` on the rows `j` and `j + 1`.
fn rotate_rows(a: &mut Matrix, j: usize, c: f64, s: f64) {
    for i in 0..3 {
        let (x, y) = (a[j][i], a[j + 1][i]);
        (a[j + 1][i], a[j][i]) = (c * y - s * x, s * y + c * x);
    }
}

/// `dlasr` on the columns `j` and `j + 1`.
fn rotate_columns(a: &mut Matrix, j: usize, c: f64, s: f64) {
    for row in a.iter_mut() {
        let (x, y) = (row[j], row[j + 1]);
        (row[j + 1], row[j]) = (c * y - s * x, s * y + c * x);
    }
}

/// `dlartg`: cosine, sine and length of the rotation that makes `g` zero.
fn rotation(f: f64, g: f64) -> (f64, f64, f64) {
    if g == 0.0 {
        return (1.0, 0.0, f);
    }
    if f == 0.0 {
        return (0.0, 1f64.copysign(g), g.abs());
    }
    let d = (f * f + g * g).sqrt();
    let r = d.copysign(f);
    (f.abs() / d, g / r, r)
}

/// `dlas2`: the smaller singular value of `[[f, g], [0, h]]`.
fn smaller_value(f: f64, g: f64, h: f64) -> f64 {
    let (fa, ga, ha) = (f.abs(), g.abs(), h.abs());
    let (least, most) = (fa.min(ha), fa.max(ha));
    if least == 0.0 {
        return 0.0;
    }
    let (sum, difference) = (1.0 + least / most, (most - least) / most);
    if ga < most {
        let au = (ga / most).powi(2);
        return least * (2.0 / ((sum * sum + au).sqrt() + (difference * difference + au).sqrt()));
    }
    let au = most / ga;
    let c = 1.0 / ((1.0 + (sum * au).powi(2)).sqrt() + (1.0 + (difference * au).powi(2)).sqrt());
    let value = (least * c) * au;
    value + value
}
