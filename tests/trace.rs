//! Pictures of real runs: what is recorded, what it is said to be, and the commands for it.

#![cfg(target_os = "linux")] // LD_PRELOAD

mod common;
#[path = "recorder/programs.rs"]
mod programs;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use author::picture::{Drawing, without_reads_of_metadata};
use common::*;
use launch::{Launch, Mpi, Toolchain};
use parallel_hdf5::rows_of;
use protocol::{Exchange, Question};
use trace::layout::{Layout, Storage};
use trace::{Access, Trace, What, prose};
use workbook::traced::{Recording, Tools, record_quietly};

const OPEN_MPIO: &str = env!("CARGO_BIN_EXE_open-mpio");
const HELLO_RANK: &str = env!("CARGO_BIN_EXE_hello-rank");

/// The folder that holds the programs under test, the recorder and the check, all built from
/// this tree.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let own = std::env::current_exe().expect("a test has a path");
        let target = own.ancestors().nth(3).expect("it lies in a target folder");
        let status = Command::new("cargo")
            .args(["build", "--quiet", "--locked", "--package", "recorder"])
            .arg("--target-dir")
            .arg(target)
            .current_dir(root())
            .status()
            .expect("cargo can be started");
        assert!(status.success(), "the recorder and the check build");
        target.join("debug")
    })
}

fn tools() -> Tools {
    Tools::of(built())
}

/// A run of one of the programs of `recorder/programs.rs`, which are in this executable.
fn program(name: &str, ranks: usize, data: &Path) -> Launch {
    launch_test(&format!("programs::{name}"), ranks, data)
}

fn trace_of(launch: &Launch) -> Trace {
    let trace = record_quietly(&tools(), launch, "a run".to_owned(), None, false).unwrap();
    assert_eq!(trace.notes, [""; 0], "{}", launch.shown(root()));
    trace
}

/// The bytes of some touches of one dataset that are written, by rank.
fn written(
    trace: &Trace,
    touches: &[Access],
    dataset: &str,
) -> BTreeMap<usize, BTreeSet<u64>> {
    let mut written: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
    for touch in touches.iter().filter(|it| it.write) {
        let parts = trace.files[touch.file]
            .parts
            .iter()
            .filter(|it| match &it.what {
                What::Dataset(name) | What::Chunk(name, _) => name == dataset,
                What::Metadata => false,
            });
        for part in parts {
            let bytes = touch.start.max(part.start)..touch.end.min(part.end);
            if !bytes.is_empty() {
                written.entry(touch.rank).or_default().extend(bytes);
            }
        }
    }
    written
}

fn all(written: &BTreeMap<usize, BTreeSet<u64>>) -> BTreeSet<u64> {
    written.values().flatten().copied().collect()
}

/// What the ranks asked for is where the file then has their numbers; it is moved by whoever,
/// but all of it is.
#[test]
fn who_asked_for_which_bytes_and_who_moved_them() {
    let romio = match mpi() {
        Mpi::OpenMpi => io_options("romio"),
        Mpi::Mpich => Vec::new(), // it has no other
    };
    for (ranks, options) in [
        (1, &romio),
        (2, &Vec::new()),
        (3, &Vec::new()),
        (4, &romio),
        (7, &Vec::new()),
    ] {
        let data = scratch();
        let mut launch = program("cells", ranks, data.path());
        launch.options.clone_from(options);
        let trace = trace_of(&launch);
        let [file] = trace.files.as_slice() else {
            panic!("{:?}", trace.files);
        };
        assert_eq!((trace.ranks, file.name.as_str()), (ranks, "cells.hdf5"));
        let bytes = fs::read(data.path().join("cells.hdf5")).unwrap();
        assert_eq!(file.size, bytes.len() as u64);
        let cells = ["/together", "/alone", "/chunked", "/group/rows"];
        for dataset in cells {
            let asked = written(&trace, &trace.asked, dataset);
            let size = match dataset {
                "/group/rows" => 10 * 3 * 8,
                _ => 64 * ranks as u64 * 8,
            };
            assert_eq!(all(&asked).len() as u64, size, "{dataset}, {ranks} ranks");
            for (rank, own) in &asked {
                let own: Vec<u8> = own.iter().map(|at| bytes[*at as usize]).collect();
                let number = (*rank as f64).to_le_bytes();
                let right = own.chunks(8).all(|it| it == number);
                assert!(right, "{dataset}, rank {rank} of {ranks}");
            }
            let moved = all(&written(&trace, &trace.moved, dataset));
            assert!(
                moved.is_superset(&all(&asked)),
                "{dataset}, {ranks} ranks: {trace:#?}"
            );
        }
        // Independent transfer: everybody for himself.
        assert_eq!(
            written(&trace, &trace.asked, "/alone"),
            written(&trace, &trace.moved, "/alone")
        );
        // Of a compressed chunk no element has a byte of its own: a chunk is one rank's here.
        let squeezed = written(&trace, &trace.asked, "/squeezed");
        assert_eq!(squeezed.len(), ranks);
        let together: usize = squeezed.values().map(BTreeSet::len).sum();
        assert_eq!(together, all(&squeezed).len());
        for rank in 0..ranks {
            let rows = rows_of(rank as i32, ranks as i32, 10);
            let wrote = |it: &&trace::Span| it.rank == rank && it.call == "H5Dwrite";
            let spans: Vec<_> = trace.spans.iter().filter(wrote).collect();
            assert_eq!(spans.len(), 5);
            let expected = match (ranks, rows.len()) {
                (1, _) => "write all of dataset together".to_owned(),
                _ => format!("write column {rank} of dataset together"),
            };
            assert_eq!(spans[0].words, expected);
            assert!(spans[0].collective && !spans[1].collective);
            assert_eq!(spans[1].line, Some(line_of("cells", "write_slab")));
        }
        if *options == romio {
            aggregated_by_rank_0(&trace);
        }
        for span in &trace.spans {
            let lasted = span.end.unwrap() - span.start;
            assert!(span.waited <= lasted, "{span:?}");
            assert_eq!(span.ok, Some(true));
        }
    }
}

/// On one machine ROMIO has one aggregator. What the others asked for, it moved.
fn aggregated_by_rank_0(trace: &Trace) {
    let moved = written(trace, &trace.moved, "/together");
    assert_eq!(moved.keys().collect::<Vec<_>>(), [&0]);
    let asked = written(trace, &trace.asked, "/together");
    assert_eq!(asked.len(), trace.ranks);
    assert_eq!(all(&moved), all(&asked));
    if trace.ranks > 1 {
        let said = prose::one_file(trace, 0).join("\n");
        assert!(
            said.contains("moved none of these bytes: others did."),
            "{said}"
        );
    }
}

/// The first line of `programs.rs` after `fn name()` that holds `text`.
fn line_of(name: &str, text: &str) -> u32 {
    let source = fs::read_to_string(root().join("tests/recorder/programs.rs")).unwrap();
    let mut lines = source.lines().enumerate();
    lines
        .find(|(_, line)| line.starts_with(&format!("fn {name}()")))
        .expect("there is such a program");
    let (at, _) = lines
        .find(|(_, line)| line.contains(text))
        .expect("and such a line");
    at as u32 + 1
}

/// Two runs that did the same differ in their times only.
#[test]
fn a_run_is_told_in_the_same_words_again() {
    let tell = || {
        let data = scratch();
        let trace = trace_of(&program("cells", 3, data.path()));
        let trace = without_reads_of_metadata(&trace);
        let words = prose::one_file(&trace, 0).join("\n");
        assert!(!trace.asked.is_empty());
        (words, trace.without_times().asked)
    };
    assert_eq!(tell(), tell());
}

#[test]
fn what_reads_and_writes_does_so_as_without_the_recorder() {
    let data = scratch();
    let launch = program("system_calls", 2, data.path());
    let said = |launch: &Launch| {
        succeed(launch);
        let file = |rank| data.path().join(format!("{rank}.said"));
        [0, 1].map(|rank| {
            let said = fs::read_to_string(file(rank)).unwrap();
            fs::remove_file(file(rank)).unwrap();
            said
        })
    };
    let plain = said(&launch);
    let tools = tools();
    let recording = Recording::new(&tools).unwrap();
    let mut recorded = launch.clone();
    recorded.environment.extend(recording.environment());
    assert!(plain[0].contains("pwrite Ok(6)") && plain[0].contains("code: 9"));
    assert_eq!(plain, said(&recorded));
    // None of these files is MPI-IO's or HDF5's.
    let record = recording.record().unwrap();
    assert!(record.ranks.iter().all(|it| it.moved.is_empty()));
    assert_eq!(record.skipped, 0);
}

/// A file that is renamed is one file, with its last name.
#[test]
fn a_file_keeps_its_bytes_under_a_new_name() {
    let data = scratch();
    let program = env!("CARGO_BIN_EXE_distances");
    let trace = trace_of(&launch(program, 2, &[], data.path()));
    let names: Vec<_> = trace.files.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["coords.hdf5"]);
    let asked = written(&trace, &trace.asked, "/coords");
    assert_eq!(all(&asked).len(), 1000 * 2 * 4);
}

/// What `check` says of the layout of a file.
fn layout_of(file: &Path) -> Layout {
    let exchange = Exchange::new(&Question::Layout(file.to_owned())).unwrap();
    let mut command = exchange.command(env!("CARGO_BIN_EXE_check").as_ref());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    exchange.answer().unwrap()
}

/// By the word of HDF5's own tools, and by what lies at these bytes.
#[test]
fn the_layout_is_that_of_h5ls_and_h5dump() {
    for userblock in [0, 512] {
        let folder = scratch();
        let made = Command::new(python())
            .arg(root().join("tests/trace/layouts.py"))
            .args(["x.hdf5", &userblock.to_string()])
            .current_dir(&folder)
            .status()
            .unwrap();
        assert!(made.success());
        let path = folder.path().join("x.hdf5");
        let layout = layout_of(&path);
        let bytes = fs::read(&path).unwrap();
        assert_eq!(layout.size, bytes.len() as u64);
        let tool = |program: &str, args: &[&str]| {
            let output = Command::new(program)
                .args(args)
                .arg(&path)
                .output()
                .unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        // name → the addresses that h5ls prints below it
        let mut listed: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let mut name = String::new();
        for line in tool("h5ls", &["-rva"]).lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [path, "Dataset", ..] if path.starts_with('/') => name = (*path).to_owned(),
                ["Address:", at] if !line.contains("Address: ") || line.contains(":  ") => {
                    let at: u64 = at.parse().unwrap();
                    let is = at != u64::MAX;
                    listed
                        .entry(name.clone())
                        .or_default()
                        .extend(is.then_some(at));
                }
                [flags, _, at, ..] if flags.starts_with("0x") => {
                    listed
                        .entry(name.clone())
                        .or_default()
                        .push(at.parse().unwrap());
                }
                _ => {}
            }
        }
        let mut compared = 0;
        for dataset in &layout.datasets {
            let name = &dataset.names[0];
            match &dataset.storage {
                Storage::Contiguous { start } => {
                    let dumped = tool("h5dump", &["-pH", "-d", name]);
                    let offset = dumped.lines().find_map(|it| {
                        it.trim().strip_prefix("OFFSET ")?.parse::<u64>().ok()
                    });
                    assert_eq!(offset, Some(*start), "{name}");
                    compared += 1;
                }
                // h5ls forgets the user block, as HDF5 does (1.10.8).
                Storage::Chunked { chunks, .. } if userblock == 0 => {
                    let starts: Vec<u64> = chunks.iter().map(|it| it.start).collect();
                    assert_eq!(Some(&starts), listed.get(name), "{name}");
                    compared += 1;
                }
                _ => {}
            }
        }
        assert!(compared >= 3, "{compared}");

        let dataset = |name: &str| {
            let found = layout.dataset(name);
            found.unwrap_or_else(|| panic!("{name}: {layout:#?}"))
        };
        let numbers = |start: u64, count: usize| -> Vec<i32> {
            let bytes = bytes[start as usize..].chunks(4).take(count);
            bytes
                .map(|it| i32::from_le_bytes(it.try_into().unwrap()))
                .collect()
        };
        let Storage::Chunked {
            chunks,
            shape,
            filtered: false,
        } = &dataset("chunked").storage
        else {
            panic!("{layout:#?}");
        };
        assert_eq!((chunks.len(), shape.as_slice()), (9, [2, 3].as_slice()));
        let inner = chunks.iter().find(|it| it.first == [2, 3]).unwrap();
        assert_eq!(numbers(inner.start, 6), [17, 18, 19, 24, 25, 26]);
        let Storage::Chunked { chunks, .. } = &dataset("sparse").storage else {
            panic!("{layout:#?}");
        };
        assert_eq!(
            (chunks.len(), numbers(chunks[0].start, 4)),
            (1, vec![0, 1, 0, 0])
        );
        assert!(matches!(
            &dataset("squeezed").storage,
            Storage::Chunked { filtered: true, chunks, .. } if chunks.len() == 2
        ));
        assert_eq!(dataset("never").storage, Storage::Nowhere);
        for elsewhere in ["compact", "raw", "virtual"] {
            let storage = &dataset(elsewhere).storage;
            assert!(matches!(storage, Storage::Elsewhere(_)), "{storage:?}");
        }
        assert_eq!(dataset("link"), dataset("/a/b/deep"));
        assert_eq!(dataset("soft"), dataset("rows"));
        assert_eq!(layout.datasets.len(), 10);
        let parts = layout.parts();
        assert_eq!(
            (parts[0].start, parts[parts.len() - 1].end),
            (0, layout.size)
        );
        assert!(parts.windows(2).all(|it| it[0].end == it[1].start));
    }
}

/// `workbook trace`, with everything it prints.
fn workbook(args: &[&str], folder: &Path) -> Output {
    // The check that it finds must be there.
    built();
    let toolchain = Toolchain::find(mpi(), root(), None).unwrap();
    // With the tools that are built.
    let with = ["--mpi", mpi().name()];
    let (command, rest) = args.split_first().unwrap();
    let with = with.iter().filter(|_| !args.contains(&"--json"));
    Command::new(workbook_program())
        .arg(command)
        .args(with)
        .args(rest)
        .current_dir(root())
        .env("WORKBOOK_DATA", folder)
        .envs(mpi().launch_environment())
        .envs(toolchain.build_environment())
        .env("MPI", mpi().name())
        .env_remove("ARGS")
        .env_remove("NP")
        .env_remove("TRACE")
        .env_remove("LIMIT")
        .output()
        .unwrap()
}

fn launcher() -> String {
    mpi().launcher(root()).unwrap()
}

#[test]
fn a_program_in_python_is_drawn() {
    let folder = scratch();
    let program = env!("CARGO_BIN_EXE_distances");
    succeed(&launch(program, 2, &[], folder.path()));
    let file = folder.path().join("coords.hdf5");
    change_serially(&file).unwrap().unlink("distances").unwrap();
    // Debian's h5py is built for Open MPI, whatever the other programs use.
    let launcher = Mpi::OpenMpi.launcher(root()).unwrap();
    let script = root().join("chapters/03-distances/distances.py");
    let out = folder.path().join("out");
    let output = workbook(
        &[
            "trace",
            "--out",
            out.to_str().unwrap(),
            "--",
            &launcher,
            "--tag-output",
            "-n",
            "3",
            python().to_str().unwrap(),
            script.to_str().unwrap(),
            file.to_str().unwrap(),
        ],
        folder.path(),
    );
    let said = printed(&output);
    assert!(output.status.success(), "{said}");
    let last = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = last.lines().last().unwrap().to_owned();
    assert!(last.ends_with("out/trace.html"), "{said}");
    let json = fs::read(out.join("trace.json")).unwrap();
    let trace: Trace = serde_json::from_slice(&json).unwrap();
    assert_eq!(trace.ranks, 3);
    assert!(
        trace.libraries[0].starts_with("Open MPI "),
        "{:?}",
        trace.libraries
    );
    let asked = written(&trace, &trace.asked, "/distances");
    assert_eq!(asked.len(), 3);
    assert_eq!(all(&asked).len(), 1000 * 4);
    assert_eq!(asked, written(&trace, &trace.moved, "/distances"));
    let page = fs::read_to_string(out.join("trace.html")).unwrap();
    assert!(page.contains("/distances") && page.contains("</html>"));
    // The same again from what was kept.
    fs::remove_file(out.join("trace.html")).unwrap();
    let json = out.join("trace.json");
    let again = workbook(&["trace", "--json", json.to_str().unwrap()], folder.path());
    assert!(again.status.success(), "{}", printed(&again));
    assert_eq!(fs::read_to_string(out.join("trace.html")).unwrap(), page);
}

/// MPI-IO without HDF5: what the calls say is where the file then has the ranks' numbers.
#[test]
fn what_mpi_io_is_asked_for_is_known_but_for_holes() {
    let folder = scratch();
    let script = root().join("tests/trace/mpi_io.py");
    let launch = launch_python(&script, 3, &["plain.bytes"], folder.path());
    let trace = record_quietly(&tools(), &launch, String::new(), None, false).unwrap();
    let bytes = fs::read(folder.path().join("plain.bytes")).unwrap();
    let mut starts = BTreeSet::new();
    for touch in &trace.asked {
        starts.insert((touch.by.as_str(), touch.start, touch.rank));
        let numbers = bytes[touch.start as usize..touch.end as usize].chunks(4);
        assert_eq!(numbers.len(), 4);
        for number in numbers {
            assert_eq!(number, (touch.rank as i32).to_le_bytes());
        }
    }
    let expected = [
        ("MPI_File_write", 1000),
        ("MPI_File_write_at", 0),
        ("MPI_File_write_at_all", 2000),
    ];
    let expected = expected.into_iter().flat_map(|(name, first)| {
        (0..3).map(move |rank| (name, first + 16 * rank as u64, rank))
    });
    assert_eq!(starts, expected.collect());
    let said = trace.notes.join("\n");
    assert!(
        said.contains("Of 3 calls of MPI-IO it is not known"),
        "{said}"
    );
    // Whoever moved them, each number was moved.
    let moved: BTreeSet<u64> = trace.moved.iter().flat_map(|it| it.start..it.end).collect();
    assert!((3000..3048).all(|at| moved.contains(&at)), "{moved:?}");
    assert!(said.contains("plain.bytes is not known"), "{said}");
}

#[test]
fn a_chapter_is_drawn_when_it_is_run() {
    let folder = scratch();
    let output = workbook(&["run", "3", "--ranks", "2", "--trace", "1"], folder.path());
    let said = printed(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("ok: "), "{said}");
    assert!(said.contains("/distances"), "{said}");
    let last = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = last.lines().last().unwrap().to_owned();
    assert!(
        last.ends_with("target/trace/03-distances/trace.html"),
        "{said}"
    );
    let json = fs::read(root().join("target/trace/03-distances/trace.json")).unwrap();
    let trace: Trace = serde_json::from_slice(&json).unwrap();
    assert_eq!(trace.command, "mpirun -n 2 distances");
    let write = trace
        .spans
        .iter()
        .rfind(|it| it.call == "H5Dwrite")
        .unwrap();
    let source = fs::read_to_string(root().join("chapters/03-distances/main.rs")).unwrap();
    let line = source
        .lines()
        .nth(write.line.unwrap() as usize - 1)
        .unwrap();
    // The line of the main program that it comes from.
    assert!(line.contains("forms::reuse"), "{line}");
}

/// The picture then shows where they are.
#[test]
fn a_run_that_hangs_is_stopped_and_drawn() {
    let folder = scratch();
    let out = folder.path().join("out");
    let output = workbook(
        &[
            "trace",
            "--limit",
            "6",
            "--out",
            out.to_str().unwrap(),
            "--",
            &launcher(),
            "-n",
            "3",
            OPEN_MPIO,
            "--wrong",
            "rank-zero-creates",
        ],
        folder.path(),
    );
    let said = printed(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("no end after 6 s"), "{said}");
    let json = fs::read(out.join("trace.json")).unwrap();
    let trace: Trace = serde_json::from_slice(&json).unwrap();
    for rank in 0..3 {
        let last = trace.spans.iter().rfind(|it| it.rank == rank).unwrap();
        assert_eq!(last.end, None, "{last:?}");
    }
    assert!(
        trace.notes.iter().any(|it| it.starts_with("At the end, ")),
        "{said}"
    );
    let left: Vec<String> = processes_that_mention(folder.path());
    assert_eq!(left, [""; 0]);
}

#[test]
fn what_cannot_be_drawn_is_explained() {
    let folder = scratch();
    let launcher = launcher();
    for (command, expected) in [
        (
            vec!["no-such-program"],
            "there is no program `no-such-program`",
        ),
        (vec!["true"], "no process of `true` started MPI"),
        (
            vec![&*launcher, "-n", "2", "/no/such/program"],
            "failed before any process started MPI",
        ),
    ] {
        let args = [&["trace", "--"], command.as_slice()].concat();
        let output = workbook(&args, folder.path());
        let said = printed(&output);
        assert!(!output.status.success(), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let other = match mpi() {
        Mpi::OpenMpi => Mpi::Mpich,
        Mpi::Mpich => Mpi::OpenMpi,
    };
    let other = other
        .launcher(root())
        .expect("the tests' set-up installs both");
    let args = ["trace", "--", &other, "-n", "2", HELLO_RANK];
    let output = workbook(&args, folder.path());
    let said = printed(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("belong to different MPIs"), "{said}");
    // A run without a file has calls.
    let out = folder.path().to_str().unwrap();
    let args = [
        "trace", "--out", out, "--", &launcher, "-n", "2", HELLO_RANK,
    ];
    let output = workbook(&args, folder.path());
    let said = printed(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("No file was read or written"), "{said}");
    let output = workbook(&["trace", "--json", "Cargo.toml"], folder.path());
    assert!(
        printed(&output).contains("is not a trace.json"),
        "{}",
        printed(&output)
    );
}

/// Every picture of the book is what its command draws, under the MPI that it is drawn under.
#[test]
fn every_picture_is_what_its_command_draws() {
    let mut toolchain = Toolchain::find(mpi(), root(), None).unwrap();
    toolchain.target = built().parent().unwrap().to_owned();
    let releases = toolchain.releases();
    let mut wrong = String::new();
    for drawing in Drawing::all(root()).unwrap() {
        if drawing.mpi() != mpi() || !drawing.is_for(&releases).unwrap() {
            continue;
        }
        let drawn = drawing.draw(&toolchain, &tools()).unwrap();
        if !drawing.agrees(&drawn) {
            let old = fs::read_to_string(drawing.text_file()).unwrap();
            let diff = similar::TextDiff::from_lines(&old, &drawn.text);
            wrong += &format!("{}\n{}", drawing.file().display(), diff.unified_diff());
        }
    }
    assert!(
        wrong.is_empty(),
        "if this is how it should be, `make pictures`:\n{wrong}"
    );
}

/// A picture in a chapter's folder belongs to an entry of `chapter.toml`, and has its text.
#[test]
fn no_picture_is_left_over() {
    let wanted: BTreeSet<PathBuf> = Drawing::all(root())
        .unwrap()
        .iter()
        .flat_map(|it| [it.file(), it.text_file()])
        .collect();
    let mut there = BTreeSet::new();
    for folder in fs::read_dir(root().join("chapters")).unwrap().flatten() {
        for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if name.starts_with("trace") {
                there.insert(file.path());
            }
        }
    }
    assert_eq!(there, wanted);
}
