//! A run as a picture: which rank asked for which bytes of which dataset, which rank moved
//! them to or from the file, and when.
//!
//! Depends on neither MPI nor HDF5.

pub mod bytes;
mod calls;
mod elastic;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
mod from_record;
pub mod layout;
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

pub use from_record::{Run, trace};
pub use model::{File, Part, Span, Touch, Trace, What};
pub use words::Show;
