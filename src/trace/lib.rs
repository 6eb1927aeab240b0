//! A run as a picture: which rank asked for which bytes of which dataset, which rank moved
//! them to or from the file, and when.
//!
//! Depends on neither MPI nor HDF5.

mod elastic;
#[cfg(test)]
mod fixtures;
mod magnify;
mod model;
pub mod page;
mod pieces;
mod strip;
pub mod svg;
#[cfg(test)]
mod tests;
pub mod text;
pub mod words;

pub use model::{File, Part, Span, Touch, Trace, What};
pub use words::Show;
