//! The mistakes of this chapter, and what was seen to become of each. The program makes them;
//! the chapter's check compares.

use std::fmt;

use Symptom::{Crash, ErrorOnAll, ErrorOnOne, Hang, Nothing, SilentlyWrong, Unreadable};

/// What a mistake looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symptom {
    /// The run does not end, and nobody says a word.
    Hang,
    /// Every rank gets an error.
    ErrorOnAll,
    /// Some ranks get an error, and the others wait for them.
    ErrorOnOne,
    /// A signal ends a rank that nobody has sent: MPI or HDF5 fails in its own code.
    Crash,
    /// The run ends, and leaves a file that cannot be read.
    Unreadable,
    /// The run ends well, and the file is wrong.
    SilentlyWrong,
    /// The run ends well, and the file is right: this time.
    Nothing,
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Symptom::Hang => "hang",
            Symptom::ErrorOnAll => "error on all ranks",
            Symptom::ErrorOnOne => "error on one rank",
            Symptom::Crash => "crash",
            Symptom::Unreadable => "unreadable file",
            Symptom::SilentlyWrong => "silently wrong",
            Symptom::Nothing => "nothing wrong",
        })
    }
}

/// One mistake.
pub struct Entry {
    /// Its name: `pitfalls --wrong NAME`.
    pub name: &'static str,
    /// What is done wrong.
    pub what: &'static str,
    /// What was seen with Open MPI 4.1 and HDF5 1.10.
    pub open_mpi: Symptom,
    /// What was seen with MPICH 4.0 and HDF5 1.10.
    pub mpich: Symptom,
    /// The program that makes it, if that is another chapter's.
    pub program: Option<&'static str>,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<22}  {}", self.name, self.what)?;
        if let Some(program) = self.program {
            write!(f, " ({program})")?;
        }
        write!(f, ": {}", self.open_mpi)?;
        if self.mpich != self.open_mpi {
            write!(f, ", or {}", self.mpich)?;
        }
        Ok(())
    }
}

/// The same under both.
const fn both(name: &'static str, what: &'static str, symptom: Symptom) -> Entry {
    differs(name, what, symptom, symptom)
}

const fn differs(
    name: &'static str,
    what: &'static str,
    open_mpi: Symptom,
    mpich: Symptom,
) -> Entry {
    Entry {
        name,
        what,
        open_mpi,
        mpich,
        program: None,
    }
}

const fn of_chapter_2(name: &'static str, what: &'static str, symptom: Symptom) -> Entry {
    Entry {
        program: Some("open-mpio"),
        ..both(name, what, symptom)
    }
}

/// All of them, in the order of the page.
pub const CATALOGUE: &[Entry] = &[
    // Not all ranks make a call that is collective.
    of_chapter_2("rank-zero-creates", "rank 0 alone creates the file", Hang),
    both(
        "one-rank-opens",
        "one rank opens the file for all ranks",
        Hang,
    ),
    both("one-rank-dataset", "one rank creates the dataset", Hang),
    differs(
        "one-rank-flushes",
        "one rank flushes the file",
        Hang,
        Nothing,
    ),
    both(
        "no-rows-no-call",
        "a rank without rows leaves a collective write out",
        Hang,
    ),
    both(
        "a-call-for-each-row",
        "a collective write for each row, and ranks with more rows than others",
        Hang,
    ),
    both(
        "one-rank-attribute",
        "one rank gives a new dataset its attribute",
        SilentlyWrong,
    ),
    of_chapter_2("error", "one rank fails, and there is no guard", Hang),
    // All make the call, with other arguments, or in another order.
    differs(
        "paths-differ",
        "each rank creates a file of another name, together",
        Hang,
        ErrorOnAll,
    ),
    differs(
        "shapes-differ",
        "each rank gives the dataset another shape",
        Hang,
        ErrorOnAll,
    ),
    both(
        "names-differ",
        "each rank gives the dataset another name",
        SilentlyWrong,
    ),
    both(
        "order-differs",
        "each rank creates the datasets in another order",
        Unreadable,
    ),
    both(
        "datasets-differ",
        "each rank writes to another compressed dataset, together",
        SilentlyWrong,
    ),
    both(
        "values-differ",
        "each rank gives the attribute another value",
        SilentlyWrong,
    ),
    // The numbers.
    both("overlap", "slabs overlap", SilentlyWrong),
    both(
        "scrambled",
        "an array of another shape than the slab",
        SilentlyWrong,
    ),
    both(
        "narrow",
        "numbers that are too large for the dataset",
        SilentlyWrong,
    ),
    both(
        "alone",
        "each rank opens the file with a communicator of its own",
        SilentlyWrong,
    ),
    both(
        "missing-source",
        "a virtual dataset, of whose files one is gone",
        SilentlyWrong,
    ),
    both(
        "disk-full",
        "the disk is full, and nobody looks at the error",
        SilentlyWrong,
    ),
    // What HDF5 or MPI refuses.
    both("no-folder", "the folder is missing", ErrorOnAll),
    both("name-taken", "the name is taken", ErrorOnAll),
    both(
        "independent-compressed",
        "an independent write to a compressed dataset",
        ErrorOnAll,
    ),
    both("texts", "texts of variable length", ErrorOnAll),
    both(
        "no-chunks",
        "a dataset that can grow, without chunks",
        ErrorOnAll,
    ),
    both(
        "still-open",
        "the file is closed while a dataset is open",
        ErrorOnAll,
    ),
    both(
        "large-attribute",
        "an attribute of more than 64 KiB",
        ErrorOnAll,
    ),
    differs("colon", "a colon in the path", Nothing, ErrorOnAll),
    differs("long-path", "a path of more than 255 bytes", Crash, Nothing),
    differs("one-letter", "a path of one letter", ErrorOnAll, Nothing),
    both(
        "serial-driver",
        "all ranks open the file without MPI-IO",
        ErrorOnOne,
    ),
    differs(
        "child-inherits",
        "a rank starts another MPI program",
        ErrorOnOne,
        Hang,
    ),
    // The end.
    of_chapter_2("never-closed", "the file is never closed", Unreadable),
    both("exit", "the program exits with the file open", Unreadable),
    both(
        "killed-unflushed",
        "a rank is killed, and nothing was flushed",
        Unreadable,
    ),
    both(
        "killed-in-place",
        "a rank is killed while it overwrites the only state",
        SilentlyWrong,
    ),
];
