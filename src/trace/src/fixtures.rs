//! Runs made by hand, from what is known of slabs and of two-phase aggregation.

use crate::model::{Access, File, Part, Span, Trace, What};

/// A file with HDF5's own 2048 bytes, and one dataset after the other.
pub fn file(name: &str, datasets: &[(&str, u64)]) -> File {
    let mut parts = vec![Part {
        start: 0,
        end: 2048,
        what: What::Metadata,
    }];
    let mut at = 2048;
    for (path, bytes) in datasets {
        parts.push(Part {
            start: at,
            end: at + bytes,
            what: What::Dataset((*path).to_owned()),
        });
        at += bytes;
    }
    File {
        name: name.to_owned(),
        size: at,
        parts,
    }
}

/// A program of `ranks` ranks that creates a file, lets each rank write, and closes it.
/// `asked` gives the byte ranges that a rank writes, `moved` those that it writes really.
pub fn writes(
    ranks: usize,
    file: File,
    asked: impl Fn(usize) -> Vec<(u64, u64)>,
    moved: impl Fn(usize) -> Vec<(u64, u64)>,
    collective: bool,
) -> Trace {
    let mut trace = Trace {
        command: format!("mpirun -n {ranks} example"),
        libraries: vec!["Open MPI 4.1.4".to_owned(), "HDF5 1.10.8".to_owned()],
        ranks,
        ..Trace::default()
    };
    for rank in 0..ranks {
        let late = 7 * (rank % 5) as u64;
        let calls = [
            ("MPI_Init_thread", "start MPI", 0, 90_000, true, 0, 8),
            (
                "H5Fcreate",
                "create file `example.hdf5`",
                90_100 + late,
                1_900,
                true,
                300,
                12,
            ),
            (
                "H5Dcreate2",
                "create dataset `x`",
                92_100 + late,
                120,
                true,
                0,
                14,
            ),
            (
                "H5Dwrite",
                "write rows of dataset `x`",
                92_300 + late,
                400 + 50 * late,
                collective,
                if collective { 200 } else { 0 },
                19,
            ),
            (
                "MPI_Barrier",
                "barrier",
                92_800 + 50 * late,
                1_720 - 50 * late,
                true,
                1_720 - 50 * late,
                21,
            ),
            (
                "H5Fclose",
                "close file `example.hdf5`",
                94_600 + late,
                2_200,
                true,
                700,
                24,
            ),
            ("MPI_Finalize", "end MPI", 97_000 + late, 5_000, true, 0, 26),
        ];
        for (call, words, start, length, collective, waited, line) in calls {
            if call == "H5Dwrite" {
                let span = Some(trace.spans.len());
                let touch = |(start, end): (u64, u64), by: &str, at| Access {
                    rank,
                    file: 0,
                    start,
                    end,
                    write: true,
                    at,
                    span,
                    by: by.to_owned(),
                };
                let at = 92_300 + late;
                trace
                    .asked
                    .extend(asked(rank).into_iter().map(|it| touch(it, "H5Dwrite", at)));
                let moved = moved(rank).into_iter().enumerate();
                trace.moved.extend(
                    moved.map(|(index, it)| {
                        touch(it, "pwrite64", at + 10 + index as u64 / 8)
                    }),
                );
            }
            if call == "H5Fclose" && rank == 0 {
                let span = Some(trace.spans.len());
                for (start, end) in [(0, 96), (800, 1072)] {
                    trace.moved.push(Access {
                        rank,
                        file: 0,
                        start,
                        end,
                        write: true,
                        at: 94_700,
                        span,
                        by: "pwrite64".to_owned(),
                    });
                }
            }
            trace.spans.push(Span {
                rank,
                call: call.to_owned(),
                words: words.to_owned(),
                start,
                end: Some(start + length),
                collective,
                waited,
                line: Some(line),
                ok: Some(true),
                file: call.starts_with("H5").then_some(0),
            });
        }
    }
    trace.files = vec![file];
    trace
}

/// Each rank a slab of equal size, written by itself.
pub fn slabs(ranks: usize) -> Trace {
    let size = 4000 / ranks as u64;
    let own =
        move |rank| vec![(2048 + rank as u64 * size, 2048 + (rank as u64 + 1) * size)];
    let file = file("slabs.hdf5", &[("/distances", size * ranks as u64)]);
    writes(ranks, file, own, own, false)
}

/// Each rank a column of 1000 rows of `f64`: bytes as asked for.
fn column(ranks: usize, rank: usize) -> Vec<(u64, u64)> {
    let row = 8 * ranks as u64;
    (0..1000)
        .map(|it| 2048 + it * row + 8 * rank as u64)
        .map(|it| (it, it + 8))
        .collect()
}

/// Columns, each rank for itself: a write for each number.
pub fn columns(ranks: usize) -> Trace {
    let file = file("table.hdf5", &[("/table", 8000 * ranks as u64)]);
    let own = move |rank| column(ranks, rank);
    writes(ranks, file, own, own, false)
}

/// Columns, together: rank 0 writes all.
pub fn aggregated(ranks: usize) -> Trace {
    let file = file("table.hdf5", &[("/table", 8000 * ranks as u64)]);
    let all = move |rank| match rank {
        0 => vec![(2048, 2048 + 8000 * ranks as u64)],
        _ => vec![],
    };
    writes(ranks, file, move |rank| column(ranks, rank), all, true)
}

/// A compressed dataset in four chunks of 250 rows, which are of different size in the file.
pub fn compressed() -> Trace {
    let mut of = file("compressed.hdf5", &[]);
    for (index, (start, end)) in [(2048, 2548), (2548, 3148), (5200, 5500), (5500, 6300)]
        .into_iter()
        .enumerate()
    {
        if index == 2 {
            of.parts.push(Part {
                start: 3148,
                end: 5200,
                what: What::Metadata,
            });
        }
        of.parts.push(Part {
            start,
            end,
            what: What::Chunk("/x".to_owned(), vec![250 * index as u64]),
        });
    }
    of.size = 6300;
    let chunks = [(2048, 2548), (2548, 3148), (5200, 5500), (5500, 6300)];
    // Slabs of 300, 200, 300 and 200 rows: two of them share a chunk.
    let asked = move |rank| match rank {
        0 => vec![chunks[0], chunks[1]],
        1 => vec![chunks[1]],
        2 => vec![chunks[2], chunks[3]],
        _ => vec![chunks[3]],
    };
    writes(4, of, asked, move |rank| vec![chunks[rank]], true)
}

/// Rank 0 never calls the barrier in which the others wait.
pub fn hang() -> Trace {
    let mut trace = slabs(4);
    trace.command = "mpirun -n 4 hangs".to_owned();
    trace
        .spans
        .retain(|it| it.start < 94_000 && !(it.rank == 0 && it.call == "MPI_Barrier"));
    for span in &mut trace.spans {
        if span.call == "MPI_Barrier" {
            (span.end, span.ok) = (None, None);
        }
    }
    let mut close = trace.spans[0].clone();
    close.call = "H5Fclose".to_owned();
    close.words = "close file `example.hdf5`".to_owned();
    (close.start, close.end, close.ok, close.line) = (93_000, None, None, Some(24));
    let after = trace.spans.iter().filter(|it| it.rank == 0).count();
    trace.spans.insert(after, close);
    trace
}

/// Every rank reads all points, and writes its share of the distances.
pub fn reads_and_writes() -> Trace {
    let of = file("points.hdf5", &[("/coords", 8000), ("/distances", 4000)]);
    let own = |rank| vec![(10_048 + rank as u64 * 1000, 11_048 + rank as u64 * 1000)];
    let mut trace = writes(4, of, own, own, false);
    for rank in 0..4 {
        let touch = |by: &str| Access {
            rank,
            file: 0,
            start: 2048 + 2000 * rank as u64,
            end: 4048 + 2000 * rank as u64,
            write: false,
            at: 92_290,
            span: None,
            by: by.to_owned(),
        };
        trace.asked.push(touch("H5Dread"));
        trace.moved.push(touch("pread64"));
    }
    trace
}

/// A large file in which small datasets are hardly to be found.
pub fn needles() -> Trace {
    let gib = 1 << 30;
    let of = file(
        "large.hdf5",
        &[
            ("/run/17/very/deep/down/temperature", 4096),
            ("/run/17/a", 12 * gib),
            ("/run/17/b", 8),
            ("/run/17/untouched/1", 40),
            ("/run/17/untouched/2", 40),
            ("/run/17/c", 800),
            ("/run/17/d", 3 * gib),
        ],
    );
    let whole: Vec<(u64, u64)> = of
        .parts
        .iter()
        .filter(|it| match &it.what {
            What::Dataset(path) => !path.contains("untouched"),
            _ => false,
        })
        .map(|it| (it.start, it.end))
        .collect();
    let share = move |rank: usize| {
        whole
            .iter()
            .map(|(start, end)| {
                let quarter = (end - start) / 4;
                (
                    start + rank as u64 * quarter,
                    start + (rank as u64 + 1) * quarter,
                )
            })
            .collect::<Vec<_>>()
    };
    writes(4, of, share.clone(), share, false)
}

/// Names that mean something in HTML, XML and Markdown.
pub fn names() -> Trace {
    let name = "a<b>&\"c\" 'd' </script> \u{1f409} überlänge [x](y) `z`\u{7}.hdf5";
    let of = file(name, &[("/<script>alert(1)</script>", 4000)]);
    let own = |rank| vec![(2048 + rank as u64 * 2000, 4048 + rank as u64 * 2000)];
    let mut trace = writes(2, of, own, own, false);
    trace.command = "mpirun -n 2 ./<b>x</b> --file 'a & b'".to_owned();
    trace.notes = vec!["rank 1 <made> more calls than were recorded".to_owned()];
    trace.spans[3].words = "write <b>rows</b> & more".to_owned();
    trace
}

/// All of them, with a name each.
pub fn all() -> Vec<(&'static str, Trace)> {
    vec![
        ("slabs", slabs(4)),
        ("slabs16", slabs(16)),
        ("slabs100", slabs(100)),
        ("alone", slabs(1)),
        ("columns", columns(4)),
        ("aggregated", aggregated(4)),
        ("columns16", columns(16)),
        ("aggregated16", aggregated(16)),
        ("compressed", compressed()),
        ("hang", hang()),
        ("reads_and_writes", reads_and_writes()),
        ("needles", needles()),
        ("names", names()),
        ("nothing", Trace::default()),
    ]
}
