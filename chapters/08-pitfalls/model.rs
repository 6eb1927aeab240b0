//! What the program of this chapter computes: small, and such that a lost bit shows.

use std::ops::Range;

/// How many cells there are; each rank has its share of them.
pub const CELLS: usize = 16;

/// The cells `mine` before the first step.
pub fn start(mine: Range<usize>) -> Vec<f64> {
    mine.map(|cell| (cell + 1) as f64 / (2 * CELLS + 3) as f64)
        .collect()
}

/// The next step. This map is chaotic: two numbers that differ in their last bit have nothing
/// in common after some fifty steps.
// ANCHOR: advance
pub fn advance(cells: &mut [f64]) {
    for x in cells {
        *x = 3.9 * *x * (1.0 - *x);
    }
}
// ANCHOR_END: advance

/// All cells after `steps` steps.
pub fn after(steps: usize) -> Vec<f64> {
    let mut cells = start(0..CELLS);
    for _ in 0..steps {
        advance(&mut cells);
    }
    cells
}
