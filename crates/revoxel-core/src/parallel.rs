//! Work on many items with the threads of the caller's pool.
//!
//! Only the lists of items are generic. The loop itself is compiled once. Voxel loops use no rayon iterators
//! elsewhere, because these would be compiled again for every voxel type and closure.
//!
//! An item has an overhead of about 50 ns, so it should be some thousand values: a plane, a block of [`BLOCK`] values,
//! or as many rows as [`together`] says. Work on an item may be parallel itself. Results do not depend on the number
//! of threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

/// Values per item, if each value is processed separately.
pub const BLOCK: usize = 1 << 14;

/// How many parts form one item, if each part is the work of so many values; at least one.
pub const fn together(values: usize) -> usize {
    const ENOUGH: usize = 1 << 12;
    if values == 0 { ENOUGH } else { ENOUGH.div_ceil(values) }
}

/// The number of threads.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Calls `work` with every number below `count`.
#[inline(never)]
fn run(count: usize, work: &(dyn Fn(usize) + Sync)) {
    // A thread outside the pool does not work beside it.
    let alone = rayon::current_thread_index().is_some() && threads() == 1;
    if count < 2 || alone {
        (0..count).for_each(work);
    } else {
        (0..count).into_par_iter().for_each(work);
    }
}

/// Calls `work` with every item.
pub fn each<I: Send>(items: impl Iterator<Item = I>, work: impl Fn(I) + Sync) {
    let items: Vec<Mutex<Option<I>>> = items.map(|item| Mutex::new(Some(item))).collect();
    run(items.len(), &|number| {
        let item = locked(&items[number]).take();
        if let Some(item) = item {
            work(item);
        }
    });
}

/// Calls `work` with every row of so many values, and its number. Short rows are grouped into one item.
pub fn each_row<T: Send>(values: &mut [T], length: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    let together = together(length);
    each(values.chunks_mut(length * together).enumerate(), |(block, rows)| {
        (block * together..).zip(rows.chunks_mut(length)).for_each(|(number, row)| work(number, row));
    });
}

/// Calls `work` with every item and a scratch value from `init`. A scratch value is reused for later items.
pub fn each_with<I: Send, S: Send>(
    items: impl Iterator<Item = I>,
    init: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, I) + Sync,
) {
    let spare: Mutex<Vec<S>> = Mutex::default();
    each(items, |item| {
        let spared = locked(&spare).pop();
        let mut own = spared.unwrap_or_else(&init);
        work(&mut own, item);
        locked(&spare).push(own);
    });
}

/// The results of all items, in their order.
pub fn map<I: Send, R: Send>(items: impl Iterator<Item = I>, work: impl Fn(I) -> R + Sync) -> Vec<R> {
    let items: Vec<I> = items.collect();
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    each(items.into_iter().zip(&mut results), |(item, result)| *result = Some(work(item)));
    results.into_iter().flatten().collect()
}

/// [`each`] for work that may fail. Items after a failed one may be skipped.
///
/// # Errors
/// The error of the first item that fails.
pub fn try_each<I: Send, E: Send>(
    items: impl Iterator<Item = I>,
    work: impl Fn(I) -> Result<(), E> + Sync,
) -> Result<(), E> {
    try_each_with(items, || (), |(), item| work(item))
}

/// [`each_with`] for work that may fail. Items after a failed one may be skipped.
///
/// # Errors
/// The error of the first item that fails.
pub fn try_each_with<I: Send, S: Send, E: Send>(
    items: impl Iterator<Item = I>,
    init: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, I) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let (first, error) = (AtomicUsize::new(usize::MAX), Mutex::new(None));
    each_with(items.enumerate(), init, |own, (number, item)| {
        if number > first.load(Ordering::Relaxed) {
            return;
        }
        if let Err(found) = work(own, item) {
            let mut error = locked(&error);
            if number < first.fetch_min(number, Ordering::Relaxed) {
                *error = Some(found);
            }
        }
    });
    error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// [`map`] for work that may fail. Items after a failed one may be skipped.
///
/// # Errors
/// The error of the first item that fails.
pub fn try_map<I: Send, R: Send, E: Send>(
    items: impl Iterator<Item = I>,
    work: impl Fn(I) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let items: Vec<I> = items.collect();
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    try_each(items.into_iter().zip(&mut results), |(item, result)| {
        *result = Some(work(item)?);
        Ok(())
    })?;
    Ok(results.into_iter().flatten().collect())
}

/// The result of `f` for each value.
pub fn map_values<T: Copy + Sync, R: Copy + Default + Send>(values: &[T], f: impl Fn(T) -> R + Sync) -> Vec<R> {
    let mut results = vec![R::default(); values.len()];
    each(results.chunks_mut(BLOCK).zip(values.chunks(BLOCK)), |(results, values)| {
        results.iter_mut().zip(values).for_each(|(result, value)| *result = f(*value));
    });
    results
}

/// The result of `f` for each number below `count`.
pub fn map_indices<R: Copy + Default + Send>(count: usize, f: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let mut results = vec![R::default(); count];
    each(results.chunks_mut(BLOCK).enumerate(), |(block, results)| {
        let numbers = block * BLOCK..;
        results.iter_mut().zip(numbers).for_each(|(result, number)| *result = f(number));
    });
    results
}

/// Whether `wanted` is true for any item. Stops once one is found.
pub fn any<I: Send>(items: impl Iterator<Item = I>, wanted: impl Fn(I) -> bool + Sync) -> bool {
    let found = AtomicBool::new(false);
    each(items, |item| {
        if !found.load(Ordering::Relaxed) && wanted(item) {
            found.store(true, Ordering::Relaxed);
        }
    });
    found.into_inner()
}

/// Whether `wanted` is true for all items. Stops once it is false for one.
pub fn all<I: Send>(items: impl Iterator<Item = I>, wanted: impl Fn(I) -> bool + Sync) -> bool {
    !any(items, |item| !wanted(item))
}

/// The position of the first value for which `wanted` is true.
pub fn position<T: Copy + Sync>(values: &[T], wanted: impl Fn(T) -> bool + Sync) -> Option<usize> {
    let first = AtomicUsize::new(usize::MAX);
    each(values.chunks(BLOCK).enumerate(), |(block, values)| {
        let start = block * BLOCK;
        if start < first.load(Ordering::Relaxed)
            && let Some(at) = values.iter().position(|value| wanted(*value))
        {
            first.fetch_min(start + at, Ordering::Relaxed);
        }
    });
    Some(first.into_inner()).filter(|at| *at < values.len())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// The result is the same on 1 thread and on 8.
    fn on_threads<R: Send + PartialEq + std::fmt::Debug>(work: impl Fn() -> R + Sync) -> R {
        let [one, eight] = [1, 8].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(&work)
        });
        assert_eq!(one, eight);
        one
    }

    #[test]
    fn every_item_is_worked_on_once() {
        for count in [0, 1, 2, 7, 1000] {
            let counts = on_threads(|| {
                let mut counts = vec![0u32; count];
                each(counts.iter_mut().enumerate(), |(i, count)| *count += i as u32 + 1);
                counts
            });
            assert!(counts.into_iter().eq(1..=count as u32));
        }
    }

    #[test]
    fn rows_have_their_numbers() {
        for (length, count) in [(1, 10_000), (3, 0), (3, 4001), (5000, 3)] {
            let rows = on_threads(|| {
                let mut values = vec![0; length * count];
                each_row(&mut values, length, |number, row| row.fill(number));
                values
            });
            assert!(rows.chunks(length).enumerate().all(|(i, row)| row.iter().all(|v| *v == i)));
        }
    }

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let squares = on_threads(|| map(0..5000u64, |i| i * i));
        assert!(squares.into_iter().eq((0..5000).map(|i| i * i)));
        assert!(on_threads(|| map(0..0u8, |v| v)).is_empty());
        let texts = on_threads(|| map(["b", "a"].into_iter(), str::to_owned));
        assert_eq!(texts, ["b", "a"]);
    }

    #[test]
    fn sums_in_order_are_the_same_on_any_number_of_threads() {
        let values: Vec<f64> = (0..100_000).map(|i| 1.0 / f64::from(i + 1)).collect();
        on_threads(|| map(values.chunks(1000), |block| block.iter().sum::<f64>()).into_iter().sum::<f64>().to_bits());
    }

    #[test]
    fn values_and_numbers_are_mapped_over_blocks() {
        for count in [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 5] {
            let numbers = on_threads(|| map_indices(count, |i| i as u32));
            assert!(numbers.iter().copied().eq(0..count as u32));
            let halves = on_threads(|| map_values(&numbers, |v| f64::from(v) / 2.0));
            assert!(halves.into_iter().eq(numbers.iter().map(|v| f64::from(*v) / 2.0)));
        }
    }

    #[test]
    fn what_an_item_has_of_its_own_is_used_again() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
        let made = AtomicUsize::new(0);
        let init = || {
            made.fetch_add(1, Ordering::Relaxed);
            Vec::new()
        };
        let work = |own: &mut Vec<usize>, item: &mut usize| {
            own.push(*item);
            *item = own.iter().rev().take(1).sum();
        };
        let mut items: Vec<usize> = (0..4000).collect();
        pool.install(|| each_with(items.iter_mut(), init, work));
        assert!(items.into_iter().eq(0..4000));
        assert!((1..=8).contains(&made.into_inner()));
    }

    #[test]
    fn the_first_place_is_found() {
        for at in [0, 1, BLOCK, 2 * BLOCK + 3, 5 * BLOCK - 1] {
            let mut values = vec![0u8; 5 * BLOCK];
            (values[at], values[5 * BLOCK - 1]) = (1, 1);
            assert_eq!(on_threads(|| position(&values, |v| v == 1)), Some(at));
            assert!(on_threads(|| any(values.chunks(100), |block| block.contains(&1))));
            assert!(!on_threads(|| all(values.chunks(100), |block| block.iter().all(|v| *v == 0))));
        }
        assert_eq!(on_threads(|| position(&[0u8; 10], |v| v == 1)), None);
        assert_eq!(on_threads(|| position(&[0u8; 0], |v| v == 0)), None);
        assert!(all(0..0, |_| false) && !any(0..0, |_| true));
    }

    #[test]
    fn the_first_error_is_told() {
        let odd = |i: u32| if i % 300 == 299 { Err(i) } else { Ok(i) };
        assert_eq!(on_threads(|| try_map(0..2000, odd)), Err(299));
        assert_eq!(on_threads(|| try_map(0..299, odd)), Ok((0..299).collect()));
        let none: Result<Vec<u32>, u32> = Ok(Vec::new());
        assert_eq!(on_threads(|| try_map(0..0, odd)), none);
    }

    #[test]
    fn work_may_be_parallel_itself() {
        let sums = on_threads(|| map(0..50u64, |i| map(0..200u64, |j| i * j).into_iter().sum::<u64>()));
        assert!(sums.into_iter().eq((0..50).map(|i| i * 19_900)));
    }

    #[test]
    fn panics_go_on_to_the_caller() {
        for threads in [1, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let work = || each(0..100, |i| assert_ne!(i, 57, "as expected"));
            assert!(catch_unwind(AssertUnwindSafe(|| pool.install(work))).is_err());
        }
    }

    #[test]
    fn small_parts_are_put_together() {
        assert_eq!([0, 1, 4, 100, 4095, 4096, 1 << 20].map(together), [4096, 4096, 1024, 41, 2, 1, 1]);
    }
}
