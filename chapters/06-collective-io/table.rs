//! The table that is written: a row for each moment, a column for each sensor.

use std::fmt;

use hdf5::{Dataset, File};
use ndarray::Array2;
use parallel_hdf5::{DatasetOptions, FillTime, Result, Slab, Transfer, cyclic, rows_of};

/// What a rank has of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// A block of rows: in the file, one piece.
    Rows,
    /// Columns, dealt out like cards: in the file, a piece for each number.
    Columns,
}

impl Share {
    // ANCHOR: share
    /// The part of `table` that belongs to `rank` out of `size` ranks. Not collective.
    pub fn of(self, rank: i32, size: i32, table: &Dataset) -> Slab {
        let (moments, sensors) = (table.shape()[0], table.shape()[1]);
        match self {
            Share::Rows => Slab::of(table).along(0, rows_of(rank, size, moments)),
            Share::Columns => Slab::of(table).along(1, cyclic(rank, size, sensors, 1)),
        }
    }
    // ANCHOR_END: share
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Share::Rows => "rows",
            Share::Columns => "columns",
        })
    }
}

/// The names of the tables.
pub const NAMES: [&str; 4] = [
    "rows-independent",
    "rows-collective",
    "columns-independent",
    "columns-collective",
];

/// The tables, with what each rank has of them and how it is written.
pub fn all() -> impl Iterator<Item = (&'static str, Share, Transfer)> {
    let ways = [Share::Rows, Share::Columns].into_iter().flat_map(|share| {
        [
            (share, Transfer::Independent),
            (share, Transfer::Collective),
        ]
    });
    let named = NAMES.into_iter().zip(ways);
    named.map(|(name, (share, transfer))| (name, share, transfer))
}

/// Creates an empty table of so many rows and columns. Collective.
pub fn create_table(file: &File, name: &str, shape: [usize; 2]) -> Result<Dataset> {
    // HDF5 need not fill it with zeros first: every number will be written.
    let options = DatasetOptions::new().fill(FillTime::Never);
    options.create::<f64>(file, name, &shape)
}

/// The readings of a part of a table, as an array of the part's shape.
pub fn readings(slab: &Slab) -> Array2<f64> {
    // ANCHOR: readings
    let moments: Vec<usize> = slab.axes()[0].iter().collect();
    let sensors: Vec<usize> = slab.axes()[1].iter().collect();
    Array2::from_shape_fn((moments.len(), sensors.len()), |(i, j)| {
        reading(moments[i], sensors[j])
    })
    // ANCHOR_END: readings
}

/// What a sensor reads: in place of a measurement.
fn reading(moment: usize, sensor: usize) -> f64 {
    moment as f64 + sensor as f64 / 1000.0
}
