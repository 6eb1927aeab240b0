//! What an author of the workbook needs: the book, its transcripts, pictures and figures, the check of
//! the exercises, the benchmark, a release.

pub mod bench;
pub mod book;
pub mod dist;
pub mod exercises;
pub mod figures;
mod gallery;
pub mod picture;
pub mod quiz;
pub mod scaling;
pub mod session;
pub mod suite;
pub mod teaching;
