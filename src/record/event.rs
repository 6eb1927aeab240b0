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
    },
    /// The process calls `MPI_Abort`.
    Abort {
        /// With this code.
        code: i32,
    },
    /// `MPI_Finalize` has returned.
    Finalized,
    /// The process ends by itself.
    Exited,
    /// From here on nothing is recorded: the file is large enough.
    Truncated,
}
