//! A run as a picture: which rank asked for which bytes of which dataset, which rank moved
//! them to or from the file, and when.
//!
//! Depends on neither MPI nor HDF5.

pub mod bytes;
mod calls;
mod extents;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
mod from_record;
pub mod layout;
mod model;
pub mod page;
pub mod prose;
pub mod svg;
#[cfg(test)]
mod tests;
pub mod text;
mod time_axis;
mod track;
mod zoom;

pub use from_record::{Run, trace};
pub use model::{Access, File, Part, Span, Trace, What};
pub use prose::Show;
