//! What is drawn: a run of a program, seen from its files and from its ranks.
//!
//! The order of everything in here is that of ranks, files and bytes, so that two runs that
//! did the same give the same; only the times differ.

use serde::{Deserialize, Serialize};

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The command as a reader types it: `mpirun -n 4 collective-io`.
    pub command: String,
    /// `Open MPI 4.1.4`, `HDF5 1.10.8`: as far as known.
    pub libraries: Vec<String>,
    /// How many ranks.
    pub ranks: usize,
    /// The files that were touched, in the order of their names.
    pub files: Vec<File>,
    /// What the ranks called, by rank and then by time. Calls inside other calls are not here.
    pub spans: Vec<Span>,
    /// What the program asked for: the bytes of each selection of `H5Dread`/`H5Dwrite`
    /// (or of an MPI-IO call by the program itself). By rank and then by time.
    pub asked: Vec<Access>,
    /// What the operating system was told to read or write (`pread`, `pwrite`, …), and by
    /// which rank: with collective transfer not the one that asked. By rank and then by time.
    pub moved: Vec<Access>,
    /// What is missing: "rank 3 made more calls than were recorded".
    pub notes: Vec<String>,
}

impl Trace {
    /// The same run without its times, so that two runs that did the same are equal: each
    /// call of a rank begins one microsecond after that before it, and takes as long.
    pub fn without_times(&self) -> Trace {
        let mut trace = self.clone();
        let mut calls = vec![0; self.ranks];
        for span in &mut trace.spans {
            if let Some(before) = calls.get_mut(span.rank) {
                span.start = *before;
                *before += 1;
            }
            span.end = span.end.map(|_| span.start + 1);
            span.waited = 0;
        }
        for touch in trace.asked.iter_mut().chain(&mut trace.moved) {
            let span = touch.span.and_then(|it| trace.spans.get(it));
            touch.at = span.map_or(0, |it| it.start);
        }
        trace
    }
}

/// A file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct File {
    /// Its name, without the folder if that is where programs write.
    pub name: String,
    /// Its size in bytes after the run.
    pub size: u64,
    /// What lies where, from byte 0 to the end without gaps: by HDF5's own word.
    pub parts: Vec<Part>,
}

/// Bytes of a file that belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// What they are.
    pub what: What,
}

/// What some bytes of a file are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// All of a contiguous dataset's data: its path.
    Dataset(String),
    /// One chunk of a dataset's data: the dataset's path, and the first element of the chunk.
    Chunk(String, Vec<u64>),
    /// All that is no dataset's data: superblock, object headers, chunk indices, free space.
    Metadata,
}

/// One call of MPI or HDF5 by the program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// The rank in the world.
    pub rank: usize,
    /// The C function: `H5Dwrite`.
    pub call: String,
    /// In words: `write rows 0–249 of dataset distances`.
    pub words: String,
    /// When it began, in microseconds since the first span of the run began.
    pub start: u64,
    /// When it ended; `None`: it never returned.
    pub end: Option<u64>,
    /// True if all ranks must make this call.
    pub collective: bool,
    /// How long of it passed inside MPI calls that wait for other ranks, in microseconds:
    /// the whole of a barrier; a part of a collective `H5Dwrite`.
    pub waited: u64,
    /// The line of the program.
    pub line: Option<u32>,
    /// Whether it succeeded; `None` if it never returned.
    pub ok: Option<bool>,
    /// The file: an index into [`Trace::files`].
    pub file: Option<usize>,
}

/// Some bytes of a file, touched by a rank.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Access {
    /// The rank in the world.
    pub rank: usize,
    /// An index into [`Trace::files`].
    pub file: usize,
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// Written, not read.
    pub write: bool,
    /// When it began, in microseconds since the first span of the run began.
    pub at: u64,
    /// The call in which it happened: an index into [`Trace::spans`].
    pub span: Option<usize>,
    /// The function that did it: `H5Dwrite`, `pwrite64`.
    pub by: String,
}
