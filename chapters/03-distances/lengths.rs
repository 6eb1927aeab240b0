//! How long each point's vector is, computed as fast as the processor can.

use ndarray::{ArrayView2, ArrayViewMut1};
use num_traits::Float;

/// Computes the distance from the origin of each row of `points`, (rows, columns), into
/// `distances`, (rows,). Both must lie row by row in memory.
///
/// # Panics
/// If they do not.
pub fn lengths<T: Float>(points: ArrayView2<T>, mut distances: ArrayViewMut1<T>) {
    let columns = points.ncols();
    let points = points.as_slice().expect("row by row");
    let distances = distances.as_slice_mut().expect("row by row");
    match columns {
        0 => distances.fill(T::zero()),
        1 => of_columns::<T, 1>(points, distances),
        2 => of_columns::<T, 2>(points, distances),
        3 => of_columns::<T, 3>(points, distances),
        4 => of_columns::<T, 4>(points, distances),
        _ => {
            for (point, distance) in points.chunks_exact(columns).zip(distances) {
                *distance = length(point);
            }
        }
    }
}

// ANCHOR: of_columns
/// The same for a number of columns that the compiler knows: it can then make the
/// sums and roots of several points at once. There is a version for each kind of
/// processor, and the right one is chosen while the program runs.
#[multiversion::multiversion(targets(
    "x86_64+avx512f+avx512vl",
    "x86_64+avx2",
    "x86_64+avx"
))]
fn of_columns<T: Float, const COLUMNS: usize>(points: &[T], distances: &mut [T]) {
    let (points, _) = points.as_chunks::<COLUMNS>();
    for (point, distance) in points.iter().zip(distances) {
        *distance = length(point);
    }
}

#[inline(always)]
fn length<T: Float>(point: &[T]) -> T {
    let sum = point.iter().fold(T::zero(), |sum, &x| sum + x * x);
    sum.sqrt()
}
// ANCHOR_END: of_columns
