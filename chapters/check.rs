//! The program `check`: each chapter's own part of it is `check.rs` in its folder, and that for its
//! exercises is `exercises/check.rs`. How it is asked, and what all of them need, is in `src/check`.

use std::process::ExitCode;

use check::Chapter;

#[path = "04-atomicity/check.rs"]
mod atomicity;
#[path = "05-build-parallel-hdf5/check.rs"]
mod build_parallel_hdf5;
#[path = "07-chunks-and-filters/check.rs"]
mod chunks_and_filters;
#[path = "10-cluster/check.rs"]
mod cluster;
#[path = "06-collective-io/check.rs"]
mod collective_io;
#[path = "03-distances/check.rs"]
mod distances;
#[path = "01-hello-rank/check.rs"]
mod hello_rank;
#[path = "02-open-mpio/check.rs"]
mod open_mpio;
#[path = "08-pitfalls/check.rs"]
mod pitfalls;
#[path = "09-tuning/check.rs"]
mod tuning;

const CHAPTERS: &[Chapter] = &[
    Chapter {
        name: "hello-rank",
        check: hello_rank::check,
        exercises: hello_rank::exercises::ALL,
    },
    Chapter {
        name: "open-mpio",
        check: open_mpio::check,
        exercises: open_mpio::exercises::ALL,
    },
    Chapter {
        name: "distances",
        check: distances::check,
        exercises: distances::exercises::ALL,
    },
    Chapter {
        name: "atomicity",
        check: atomicity::check,
        exercises: atomicity::exercises::ALL,
    },
    Chapter {
        name: "build-parallel-hdf5",
        check: build_parallel_hdf5::check,
        exercises: build_parallel_hdf5::exercises::ALL,
    },
    Chapter {
        name: "collective-io",
        check: collective_io::check,
        exercises: collective_io::exercises::ALL,
    },
    Chapter {
        name: "chunks-and-filters",
        check: chunks_and_filters::check,
        exercises: chunks_and_filters::exercises::ALL,
    },
    Chapter {
        name: "pitfalls",
        check: pitfalls::check,
        exercises: pitfalls::exercises::ALL,
    },
    Chapter {
        name: "tuning",
        check: tuning::check,
        exercises: tuning::exercises::ALL,
    },
    Chapter {
        name: "cluster",
        check: cluster::check,
        exercises: &[],
    },
];

fn main() -> ExitCode {
    check::main(CHAPTERS)
}
