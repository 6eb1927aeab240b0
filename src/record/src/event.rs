//! The lines of a process's file.

use serde::{Deserialize, Serialize};

use crate::Call;

/// One line of `<pid>.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// MPI was started.
    Rank {
        /// The rank in the world.
        rank: usize,
        /// The number of ranks in the world.
        size: usize,
    },
    /// The frames of the stack for the calls that name this number.
    Stack {
        /// The number.
        id: u32,
        /// See [`Call::stack`].
        frames: Vec<u64>,
    },
    /// A call begins.
    Enter {
        /// Counts the calls of the process, from 1.
        seq: u64,
        /// The number of its stack.
        stack: u32,
        /// The call; without its stack.
        call: Box<Call>,
    },
    /// HDF5 has moved data, and was asked to do so collectively.
    Honoured {
        /// The call.
        seq: u64,
        /// See [`Call::honoured`].
        honoured: bool,
    },
    /// It ends.
    Leave {
        /// The call.
        seq: u64,
        /// Whether it succeeded.
        ok: bool,
        /// When, as in [`Call::at`]; 0 if that was not recorded.
        #[serde(default)]
        at: u64,
        /// See [`Call::waited`].
        #[serde(default)]
        waited: u64,
    },
    /// A library that the process uses, in its own words: `MPICH Version: 4.0.2`.
    Library(String),
    /// The file that the [`Event::Bytes`] mean by this number.
    File {
        /// The number.
        id: u32,
        /// Its whole path, without links.
        path: String,
    },
    /// The operating system was told to read or write some bytes of a file.
    Bytes {
        /// The number of the file.
        file: u32,
        /// Written, not read.
        write: bool,
        /// The first byte.
        start: u64,
        /// The byte after the last.
        end: u64,
        /// When it began, as in [`Call::at`].
        at: u64,
        /// How long it took, in microseconds.
        took: u64,
        /// The call in which it happened; 0 if it was in none that is recorded.
        seq: u64,
        /// The function: `pwrite64`.
        by: String,
    },
    /// The last [`Event::Bytes`] went on, at the byte where it had ended.
    MoreBytes {
        /// The byte after the last.
        end: u64,
        /// How long all of it took, in microseconds.
        took: u64,
        /// How many calls of the operating system it was.
        times: u64,
    },
    /// A file has another name from now on.
    Renamed {
        /// Its old path.
        from: String,
        /// Its new one.
        to: String,
        /// When, as in [`Call::at`].
        at: u64,
    },
    /// From here on no bytes are recorded: there were too many.
    NoMoreBytes,
    /// The process calls `MPI_Abort`.
    Abort {
        /// With this code.
        code: i32,
        /// See [`RankRecord::said`](crate::RankRecord::said).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<u64>,
    },
    /// `MPI_Finalize` has returned.
    Finalized,
    /// The process ends by itself, with this status.
    Status(i32),
    /// The process ends by itself.
    Exited,
    /// From here on nothing is recorded: the file is large enough.
    Truncated,
}
