//! A landscape: some numbers or other, the same in each run, and like their neighbours.

use std::ops::Range;

use ndarray::Array2;

/// The heights of some rows, in metres.
pub fn of(rows: Range<usize>, columns: usize) -> Array2<i32> {
    Array2::from_shape_fn((rows.len(), columns), |(row, column)| {
        height(rows.start + row, column)
    })
}

/// One of them. Never 0, which stands for what nobody wrote.
pub fn height(row: usize, column: usize) -> i32 {
    let (row, column) = (row as i32, column as i32);
    let slope = |at: i32, period: i32| (at % period - period / 2).abs();
    let pebbles = (row * 7 + column * 13) * (row + column) % 5;
    500 + 3 * slope(row, 200) + 2 * slope(column, 50) + pebbles
}
