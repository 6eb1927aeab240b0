//! What each rank of a run called in MPI and HDF5: read from the folder into which the
//! recorder wrote, and looked through for the first place where the ranks differ.
//!
//! Depends on neither MPI nor HDF5.
//!
//! The folder holds two files for each process: `<pid>.jsonl`, one [`Event`] a line, and
//! `<pid>.state`, a few bytes that say where the process is ([`State`] and [`Watch`]). The
//! program that is recorded may scribble into them: reading skips what makes no sense.

mod difference;
mod event;
#[cfg(feature = "lines")]
pub mod lines;
mod place;
pub mod prose;
mod read;
mod slot;
#[cfg(test)]
mod tests;
mod touched;
mod waiting;
mod watch;

use serde::{Deserialize, Serialize};

pub use difference::{Difference, Fate, Kind, Side};
pub use event::Event;
pub use place::Place;
pub use slot::Slot;
pub use touched::{Rows, Touched};
pub use watch::{Progress, Watch};

/// The environment variable that names the folder into which the recorder writes. Without
/// it the recorder does nothing.
pub const FOLDER: &str = "WORKBOOK_RECORD";

/// The environment variable with which standard error is written there as well, instead of
/// to the launcher: a file `<pid>.err` for each process. A launcher mixes what ranks write in
/// pieces, and may lose what a rank wrote just before it aborted.
pub const STANDARD_ERROR: &str = "WORKBOOK_RECORD_STDERR";

/// The environment variable that names ranks, `2,3,1`, which then begin to send messages in this
/// order, as far as that is possible within a second: what is taken in the order of its arrival
/// comes in this one.
pub const SEND_ORDER: &str = "WORKBOOK_RECORD_SEND_ORDER";

/// The environment variable with which the bytes are recorded as well that the operating system
/// was told to read and write, and by which every process that is started by the command has
/// the recorder: also one that is started by a script, or by another launcher.
pub const BYTES: &str = "WORKBOOK_RECORD_BYTES";

/// Finds the line of the program that made a call; the caller knows how (see `lines`).
pub type Lines<'a> = &'a dyn Fn(&Call) -> Option<u32>;

/// What the ranks of one run did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// One for each rank that was asked for, in rank order.
    pub ranks: Vec<RankRecord>,
    /// Processes that were recorded but never started MPI, so that they have no rank.
    pub without_mpi: usize,
    /// Processes that started MPI and were a rank which another process was as well, or
    /// one that was not asked for.
    pub surplus: usize,
    /// Lines that made no sense, and were left out.
    pub skipped: usize,
}

/// What one rank did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RankRecord {
    /// Its rank in the world.
    pub rank: usize,
    /// How many ranks its world had; 0 if it never started MPI.
    pub size: usize,
    /// The process.
    pub pid: u32,
    /// Its calls, in the order in which they began. Calls inside other calls (of MPI by
    /// HDF5, say) are not among them.
    pub calls: Vec<Call>,
    /// Where it was when the record ends.
    pub state: State,
    /// How many calls began or ended, those inside other calls too.
    pub progress: u64,
    /// The code that it gave to `MPI_Abort`.
    pub aborted: Option<i32>,
    /// How many bytes it had written on standard error by then, with [`STANDARD_ERROR`]. What
    /// follows them is MPI's.
    pub said: Option<u64>,
    /// The exit status of a process that ended by itself.
    pub status: Option<i32>,
    /// It made more calls than were recorded.
    pub truncated: bool,
    /// The bytes that the operating system was told to read and write for it, in the order
    /// of time. Empty unless [`BYTES`] was set.
    pub moved: Vec<Moved>,
    /// There were more of them than were recorded.
    pub moved_truncated: bool,
    /// The files that it renamed, with [`BYTES`].
    pub renamed: Vec<Renamed>,
    /// The libraries that it used, in their own words.
    pub libraries: Vec<String>,
}

/// A file got another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// Its old path, whole.
    pub from: String,
    /// Its new one.
    pub to: String,
    /// When, as in [`Call::at`].
    pub at: u64,
}

/// Bytes of a file that the operating system was told to read or write. Several calls for
/// bytes that lie one behind the other are one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// The file: its whole path, without links.
    pub file: String,
    /// Written, not read.
    pub write: bool,
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// When it began, as in [`Call::at`].
    pub at: u64,
    /// How long it took, in microseconds.
    pub took: u64,
    /// How many calls of the operating system it was.
    pub times: u64,
    /// The call in which it happened: the index in [`RankRecord::calls`]. `None`: in a call
    /// that is not recorded (`H5Dopen2`, say).
    pub call: Option<usize>,
    /// The function: `pwrite64`.
    pub by: String,
}

/// Where a rank was when the record ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// No process was this rank.
    #[default]
    NeverStarted,
    /// In the program itself, outside MPI and HDF5. A rank that was killed there stays so.
    Between,
    /// In a call.
    Inside {
        /// Which: the index in [`RankRecord::calls`].
        call: usize,
        /// The MPI call, made by this call, in which it was; `None` if it was in none.
        inner: Option<String>,
    },
    /// MPI was finalized, and the process had not ended.
    Finalized,
    /// The process ended by itself: `main` returned, or it called `exit`.
    Exited,
}

impl State {
    /// True if the rank makes no further call: it finalized MPI or ended by itself.
    pub fn is_over(&self) -> bool {
        matches!(self, State::Finalized | State::Exited)
    }
}

/// One call of MPI or HDF5 by the program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Call {
    /// The C function: `H5Dcreate2`.
    pub name: String,
    /// When it began, in microseconds; the same clock for all processes of the machine.
    pub at: u64,
    /// When it ended; `None` if it never returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// For how many microseconds of it the rank waited for others or exchanged data with
    /// them: in MPI calls that only end when another rank does its part, made by this call
    /// or by HDF5 in it. Reading and writing in them is not counted if it is recorded.
    #[serde(skip_serializing_if = "is_zero")]
    pub waited: u64,
    /// The file, with its whole path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The path in the file: `/group/x`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The attribute of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// Where a link, a copy or a new name points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The shape: of a new dataset or attribute, of the dataset that is read or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<u64>>,
    /// The type of the elements: `f32`, `i64`, `u8`, `string(8)`, `compound(24)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    /// The size of an element in the file, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element_size: Option<u64>,
    /// From how many bytes on what is put into a new or opened file is aligned, and to a
    /// multiple of how many; `None` if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alignment: Option<(u64, u64)>,
    /// The chunks of a new dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk: Option<Vec<u64>>,
    /// The number of filters (compression, say) of a new dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<u32>,
    /// What was written to an attribute: `11`, `[1, 2]`, `"run 7"`; of what is longer its size
    /// and a digest, `of 1600 bytes (digest 9c40…)`. `None` if it holds pointers, or its type
    /// may have unused bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What was read or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// The same of a call of MPI-IO: the first byte of the file, and the byte after the last.
    /// `None` also without [`BYTES`], and if the view of the file has holes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
    /// Whether HDF5 did collectively what it was asked to do so: false if it moved the data of
    /// this rank, or some chunks of it, independently (`H5Pget_mpio_actual_io_mode`). `None`
    /// if it was not asked, failed, or its library cannot say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub honoured: Option<bool>,
    /// True if all ranks of the group must make this call.
    pub collective: bool,
    /// The ranks, in the world, of the communicator, or of the file's communicator, in its
    /// order. `None`: a file without MPI-IO, or not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Vec<usize>>,
    /// The root, as a rank in the world.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<usize>,
    /// How many bytes, where all ranks must give the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// With whom a message is exchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<Peer>,
    /// The message's tag; `None` is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<i64>,
    /// Whether it succeeded; `None` if it never returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    /// The return addresses in the program's executable, relative to where it was loaded,
    /// innermost first. Each points just behind a call. At most 32, the outermost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<u64>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The other end of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Peer {
    /// This rank, in the world.
    Rank(usize),
    /// Whoever sends (`MPI_ANY_SOURCE`).
    Any,
    /// Nobody (`MPI_PROC_NULL`).
    Nobody,
}

/// What one `H5Dread` or `H5Dwrite` read or wrote in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Access {
    /// Whether the dataset was written, not read.
    pub write: bool,
    /// Whether all ranks were to do it together (collective transfer); see
    /// [`Call::honoured`].
    pub collective: bool,
    /// Which elements of the dataset.
    pub selection: Selection,
}

/// Elements of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Selection {
    /// All.
    All,
    /// None, as by a rank without rows that takes part in a collective transfer.
    Nothing,
    /// Equal blocks at equal distances; one number for each dimension.
    Regular {
        /// Where the first block begins.
        start: Vec<u64>,
        /// From the begin of a block to the next.
        stride: Vec<u64>,
        /// How many blocks.
        count: Vec<u64>,
        /// The size of a block.
        block: Vec<u64>,
    },
    /// Some blocks. Single points are blocks of one element.
    Blocks {
        /// The blocks.
        blocks: Vec<Block>,
        /// False if there were too many to list: then there is one, which holds them all.
        exact: bool,
    },
}

/// A box of elements: those with `start <= index < end` in each dimension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The first index in each dimension.
    pub start: Vec<u64>,
    /// The index after the last.
    pub end: Vec<u64>,
}
