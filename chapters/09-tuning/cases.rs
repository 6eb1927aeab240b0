//! What is compared: a table of cases for each question.

use hdf5::file::LibraryVersion;
use parallel_hdf5::Transfer;

use crate::cache::Cache;
use crate::clocks;
use crate::measure::Case;
use crate::metadata::Metadata;
use crate::transfer::{Method, Move};

/// One question, and the cases that answer it.
pub struct Table {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What is done.
    pub title: &'static str,
    /// The cases, if a rank writes so many bytes; the first is the baseline.
    pub cases: fn(usize) -> Vec<Case>,
}

/// The question that needs an HDF5 with subfiling, and an MPI with threads.
const SUBFILING: &str = "subfiling";

/// All questions.
pub const TABLES: &[Table] = &[
    Table {
        name: "clocks",
        title: "The last rank writes eight times as much as each of the others",
        cases: |bytes| clocks::cases(bytes),
    },
    Table {
        name: "methods",
        title: "A slab for each rank, in one call",
        cases: |bytes| methods(bytes, bytes),
    },
    Table {
        name: "interleaved",
        title: "Every 8 bytes belong to the next rank, in one call",
        cases: |bytes| methods(bytes / 4, 8),
    },
    Table {
        name: "calls",
        title: "A slab for each rank, in calls of the same size",
        cases: calls,
    },
    Table {
        name: "segments",
        title: "As IOR does it: blocks, each in calls of 64 KiB at most",
        cases: segments,
    },
    Table {
        name: "flush",
        title: "A slab for each rank, on the way to the disk",
        cases: flush,
    },
    Table {
        name: "hints",
        title: "Every 8 bytes belong to the next rank, collective, with hints",
        cases: hints,
    },
    Table {
        name: "alignment",
        title: "A slab for each rank, in a file whose datasets begin at multiples",
        cases: alignment,
    },
    Table {
        name: "fill",
        title: "A slab for each rank, in a chunked dataset",
        cases: fill,
    },
    Table {
        name: "metadata",
        title: "64 small datasets are created, and opened again",
        cases: |_| metadata(),
    },
    Table {
        name: "cache",
        title: "Compressed chunks of 2 MiB are read row by row, by each rank",
        cases: |_| cache(),
    },
    Table {
        name: SUBFILING,
        title: "A slab for each rank, in one file or in several",
        cases: subfiling,
    },
];

/// The tables of these names, separated by commas, or why not. `all` are those that every HDF5 can do.
pub fn chosen(names: &str) -> Result<Vec<&'static Table>, String> {
    if names == "all" {
        return Ok(TABLES.iter().filter(|it| it.name != SUBFILING).collect());
    }
    let find = |name: &str| {
        let known: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        TABLES
            .iter()
            .find(|table| table.name == name)
            .ok_or(format!(
                "no table `{name}`; there are all, {}",
                known.join(", ")
            ))
    };
    names.split(',').map(find).collect()
}

// ANCHOR: methods
/// Each method with blocks of this size, all blocks of a rank in one call.
fn methods(bytes: usize, block: usize) -> Vec<Case> {
    let base = Move::new(bytes).in_blocks_of(block);
    vec![
        base.case("MPI-IO, independent", |it| {
            it.method = Method::MpiIo;
        }),
        base.case("MPI-IO, collective", |it| {
            it.method = Method::MpiIo;
            it.transfer = Transfer::Collective;
        }),
        base.case("HDF5, independent", |_| {}),
        base.case("HDF5, collective", |it| {
            it.transfer = Transfer::Collective;
        }),
    ]
}
// ANCHOR_END: methods

fn calls(bytes: usize) -> Vec<Case> {
    let base = Move::new(bytes);
    vec![
        base.case("one call", |_| {}),
        base.case("64 KiB a call", |it| it.per_call = Some(64 << 10)),
        base.case("4 KiB a call", |it| it.per_call = Some(4 << 10)),
        base.case("512 bytes a call", |it| it.per_call = Some(512)),
    ]
}

fn segments(bytes: usize) -> Vec<Case> {
    let call = |block: usize| Some(block.min(64 << 10));
    let base = Move::new(bytes);
    let ior = |it: &mut Move, segments: usize| {
        it.block = bytes / segments;
        it.per_call = call(it.block);
    };
    vec![
        base.case("1 segment", move |it| ior(it, 1)),
        base.case("16 segments", move |it| ior(it, 16)),
        base.case("16 segments, MPI-IO", move |it| {
            ior(it, 16);
            it.method = Method::MpiIo;
        }),
        base.case("16 segments, collective", move |it| {
            ior(it, 16);
            it.transfer = Transfer::Collective;
        }),
    ]
}

fn flush(bytes: usize) -> Vec<Case> {
    let base = Move::new(bytes);
    vec![
        base.case("written and closed", |_| {}),
        base.case("flushed before it is closed", |it| it.flush = true),
    ]
}

fn hints(bytes: usize) -> Vec<Case> {
    let base = Move::new(bytes / 4).in_blocks_of(8);
    let with = |name, hints: &'static [(&str, &str)]| {
        base.case(name, move |it| {
            it.transfer = Transfer::Collective;
            it.hints = hints;
        })
    };
    vec![
        with("no hint", &[]),
        with(
            "two-phase off",
            &[("romio_cb_write", "disable"), ("romio_cb_read", "disable")],
        ),
        with(
            "two-phase off, sieving off",
            &[
                ("romio_cb_write", "disable"),
                ("romio_cb_read", "disable"),
                ("romio_ds_write", "disable"),
                ("romio_ds_read", "disable"),
            ],
        ),
        with("one aggregator", &[("cb_nodes", "1")]),
        with("a buffer of 64 KiB", &[("cb_buffer_size", "65536")]),
        with("a name that nobody knows", &[("make_it_fast", "true")]),
    ]
}

fn alignment(bytes: usize) -> Vec<Case> {
    let base = Move::new(bytes);
    vec![
        base.case("anywhere", |_| {}),
        base.case("of 4 KiB", |it| it.alignment = Some(4 << 10)),
        base.case("of 1 MiB", |it| it.alignment = Some(1 << 20)),
    ]
}

fn fill(bytes: usize) -> Vec<Case> {
    let base = Move::new(bytes);
    let chunk = bytes.min(64 << 10);
    vec![
        base.case("no chunks", |_| {}),
        base.case("chunks", move |it| it.chunk = Some(chunk)),
        base.case("chunks, never filled", move |it| {
            it.chunk = Some(chunk);
            it.fill = false;
        }),
    ]
}

fn metadata() -> Vec<Case> {
    let default = Metadata::default();
    vec![
        default.case("as it is", |_| {}),
        default.case("collective metadata", |it| it.collective = true),
        default.case("newest format", |it| {
            it.versions = Some(LibraryVersion::latest());
        }),
        default.case("both", |it| {
            it.collective = true;
            it.versions = Some(LibraryVersion::latest());
        }),
    ]
}

fn cache() -> Vec<Case> {
    let base = Cache::default();
    vec![
        base.case("as it is", |_| {}),
        base.case("no cache", |it| it.bytes = Some(0)),
        base.case("8 MiB", |it| it.bytes = Some(8 << 20)),
    ]
}

fn subfiling(bytes: usize) -> Vec<Case> {
    let base = Move::new(bytes);
    vec![
        base.case("one file", |_| {}),
        base.case("subfiles", |it| it.method = Method::Subfiling),
    ]
}
