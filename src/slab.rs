//! Which rows belong to which rank.

use std::ops::Range;

/// The rows of `0..rows` that belong to `rank` out of `size` ranks: one contiguous block
/// a rank, in rank order. Where `rows` cannot be divided evenly, the first ranks have one
/// row more. With more ranks than rows the last ranks have an empty range.
///
/// Not collective: every rank can compute every rank's rows.
///
/// # Panics
/// If `rank` is not a rank of `size` ranks.
///
/// ```
/// use parallel_hdf5::rows_of;
/// assert_eq!(rows_of(2, 4, 1000), 500..750);
/// assert_eq!([rows_of(0, 3, 10), rows_of(1, 3, 10), rows_of(2, 3, 10)], [0..4, 4..7, 7..10]);
/// ```
// ANCHOR: rows_of
pub fn rows_of(rank: i32, size: i32, rows: usize) -> Range<usize> {
    assert!(
        0 <= rank && rank < size,
        "rank {rank} is not a rank of {size} ranks"
    );
    let (rank, size) = (rank as usize, size as usize);
    let (share, remainder) = (rows / size, rows % size);
    let start = rank * share + rank.min(remainder);
    let count = share + usize::from(rank < remainder);
    start..start + count
}
// ANCHOR_END: rows_of
