//! Chapter 9: every case is measured and read back right, and what is said of the times
//! follows from them. How long anything takes is not tested.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use author::figures::{self, Found};
use common::*;
use mpi::traits::*;
use ndarray::{Array2, Ix2};
use parallel_hdf5::mpiio::MpiFile;
use parallel_hdf5::{
    DatasetOptions, Slab, Transfer, agree, data_folder, read_slab, rows_of, write_slab,
};
use regex::Regex;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tuning");

/// What a short run found; the program itself has checked what it read.
fn measured(ranks: usize, table: &str, rounds: usize) -> Found {
    let data = scratch();
    let json = data.path().join("found.json");
    let args = [
        "--table",
        table,
        "--rounds",
        &rounds.to_string(),
        "--kib",
        "16",
        "--json",
        json.to_str().unwrap(),
    ];
    let mut launch = launch(PROGRAM, ranks, &args, data.path());
    launch.limit = std::time::Duration::from_secs(240);
    succeed(&launch);
    figures::read(&json).unwrap()
}

/// All times are there, and the ratios are those of the times.
#[track_caller]
fn assert_ratios_follow(found: &Found, rounds: usize) {
    for table in &found.tables {
        assert!(table.cases.len() >= 2, "{}", table.name);
        let base = &table.cases[0];
        for case in &table.cases {
            for (phase, base) in case.phases.iter().zip(&base.phases) {
                let place = format!("{}, {}: {}", table.name, case.name, phase.name);
                assert_eq!(phase.name, base.name, "{place}");
                assert_eq!(phase.seconds.len(), rounds, "{place}");
                assert!(phase.seconds.iter().all(|it| *it > 0.0), "{place}");
                let pairs = phase.seconds.iter().zip(&base.seconds);
                let mut ratios: Vec<f64> = pairs.map(|(case, base)| case / base).collect();
                ratios.sort_by(f64::total_cmp);
                let [low, median, high] = match ratios[..] {
                    [only] => [only; 3],
                    // The quartiles of three lie half-way to the middle.
                    [one, two, three] => [(one + two) / 2.0, two, (two + three) / 2.0],
                    _ => panic!("one round or three"),
                };
                let near = |one: f64, other: f64| (one - other).abs() < 1e-9 * other;
                assert!(near(phase.ratio.low, low), "{place}");
                assert!(near(phase.ratio.median, median), "{place}");
                assert!(near(phase.ratio.high, high), "{place}");
            }
        }
        let of_base = base.phases.iter().map(|it| it.ratio.median);
        assert!(of_base.into_iter().all(|it| it == 1.0), "{}", table.name);
    }
}

#[test]
fn all_tables_are_measured_and_their_ratios_follow() {
    let found = measured(2, "all", 3);
    assert_ratios_follow(&found, 3);
    let names: Vec<&str> = found.tables.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "clocks",
            "methods",
            "interleaved",
            "calls",
            "segments",
            "flush",
            "hints",
            "alignment",
            "fill",
            "metadata",
            "cache"
        ]
    );
    assert_eq!(found.options["ranks"], 2);
    assert_eq!(found.options["rounds"], 3);
    assert!(found.mpi_io.contains(" in "), "{}", found.mpi_io);
    assert!(found.machine.contains_key("processor"));
}

/// The numbers are read back right at any number of ranks, or the program fails.
#[test]
fn any_number_of_ranks() {
    for ranks in RANKS {
        // Few: ranks that share a core wait long for each other, and there are many barriers.
        let tables = match ranks {
            1 | 2 => "clocks,methods,interleaved,segments",
            _ => "interleaved", // all four methods
        };
        let found = measured(ranks, tables, 1);
        assert_eq!(found.options["ranks"], ranks);
        assert_ratios_follow(&found, 1);
    }
}

#[test]
fn under_romio_too() {
    if mpi() != launch::Mpi::OpenMpi {
        return; // MPICH has ROMIO only
    }
    let data = scratch();
    let args = [
        "--table",
        "methods,interleaved,hints",
        "--rounds",
        "1",
        "--kib",
        "8",
    ];
    let mut launch = launch(PROGRAM, 3, &args, data.path());
    launch.options = io_options("romio");
    let run = succeed(&launch);
    assert_eq!(run.stdout.matches("how many times as long as").count(), 3);
}

/// A ratio has its spread beside it, and the baseline has none.
#[test]
fn a_person_sees_ratios_with_their_spread() {
    let data = scratch();
    let args = ["--table", "flush", "--rounds", "2", "--kib", "8"];
    let run = succeed(&launch(PROGRAM, 2, &args, data.path()));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(
        lines[0].ends_with("how many times as long as \"written and closed\""),
        "{}",
        run.report()
    );
    let words: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(words, ["first", "write", "rewrite", "read"]);
    let base: Vec<&str> = lines[2].split("  ").filter(|it| !it.is_empty()).collect();
    assert_eq!(base[0], "written and closed");
    assert!(base[1..].iter().all(|it| it.trim() == "1"), "{base:?}");
    let ratio = Regex::new(r"\d+\.\d\d \(\d+\.\d\d–\d+\.\d\d\)").unwrap();
    assert_eq!(ratio.find_iter(lines[3]).count(), 3, "{}", run.report());
    assert_eq!(lines.len(), 4, "{}", run.report());
}

#[test]
fn wrong_arguments_are_told_once() {
    let data = scratch();
    let told = |args: &[&str], wanted: &str| {
        let run = fail(&launch(PROGRAM, 3, args, data.path()));
        let said = run.complaints();
        assert_eq!(said.matches(wanted).count(), 1, "{}", run.report());
    };
    told(
        &["--table", "speed"],
        "Error: no table `speed`; there are all, clocks,",
    );
    told(&["--rounds", "0"], "invalid value '0' for '--rounds");
    told(&["--kib", "1"], "invalid value '1' for '--kib");
    let missing = data.path().join("no/such.json");
    told(
        &[
            "--table",
            "flush",
            "--rounds",
            "1",
            "--json",
            missing.to_str().unwrap(),
        ],
        "Error: rank 0: cannot write",
    );
}

#[test]
fn hints_are_asked_for_and_told() {
    for ranks in [1, 3] {
        let data = scratch();
        let run = succeed(&launch(PROGRAM, ranks, &["--hints"], data.path()));
        let row = run.out[0].trim().trim_matches(['|', ' ']);
        let cells: Vec<&str> = row.split(" | ").collect();
        let [library, nodes, two_phase, _, count] = cells[..] else {
            panic!("{}", run.report());
        };
        assert!(library.contains(" in "), "{}", run.report());
        // Open MPI 4.1 hands back what it was given, and MPICH what it knows, whereas OMPIO of
        // Open MPI 5.0 lists only what it uses.
        let only_used = library.starts_with("OMPIO in Open MPI 5.");
        let (of_romio, at_least) = if only_used {
            ("–", 1)
        } else {
            ("disable", 2)
        };
        assert_eq!((nodes, two_phase), ("1", of_romio), "{}", run.report());
        assert!(count.parse::<usize>().unwrap() >= at_least, "{row}");
    }
}

/// How often this process asked the system to read, while it did something.
fn reads_of(something: impl FnOnce()) -> u64 {
    let so_far = || -> u64 {
        let text = fs::read_to_string("/proc/self/io").unwrap();
        let line = text.lines().find_map(|it| it.strip_prefix("syscr: "));
        line.unwrap().parse().unwrap()
    };
    let looking = so_far();
    let before = so_far();
    something();
    so_far() - before - (before - looking)
}

/// The chunk cache while a file is open for reading, and for writing. All rows of a chunk, one by
/// one: if the chunk is kept, its bytes are read once.
#[test]
#[ignore = "runs as a rank"]
fn read_chunks_row_by_row() {
    const ROWS: usize = 32;
    rank(|world| {
        let path = data_folder()?.join("kept.hdf5");
        let file = parallel_hdf5::create(&path, world)?;
        let plain = DatasetOptions::new().chunks(&[ROWS, 64]);
        for (name, options) in [("packed", plain.clone().deflate(1)), ("plain", plain)] {
            let dataset = options.create::<u64>(&file, name, &[ROWS, 64])?;
            let slab =
                Slab::of(&dataset).along(0, rows_of(world.rank(), world.size(), ROWS));
            let values =
                Array2::<u64>::ones((rows_of(world.rank(), world.size(), ROWS).len(), 64));
            write_slab(&dataset, &slab, values.view(), Transfer::Collective)?;
        }
        file.close()?;
        for (writing, name, kept) in [
            (false, "packed", true),
            (false, "plain", true),
            (true, "packed", true),
            (true, "plain", false),
        ] {
            let file = match writing {
                true => parallel_hdf5::open(&path, world)?,
                false => parallel_hdf5::open_read_only(&path, world)?,
            };
            let dataset = file.dataset(name)?;
            let reads = reads_of(|| {
                for row in 0..ROWS {
                    let slab = Slab::of(&dataset).along(0, row..row + 1);
                    let one = read_slab::<u64, Ix2>(&dataset, &slab, Transfer::Independent);
                    assert_eq!(one.unwrap().sum(), 64);
                }
            });
            let few = reads < ROWS as u64 / 2;
            assert_eq!(
                few, kept,
                "{name}, open for writing: {writing}: {reads} reads"
            );
            drop(dataset);
            file.close()?;
        }
        Ok(())
    });
}

#[test]
fn compressed_chunks_are_kept_while_the_file_is_open_for_writing() {
    for ranks in [1, 3] {
        let data = scratch();
        succeed(&launch_test("read_chunks_row_by_row", ranks, data.path()));
    }
}

/// The reads of each rank in the line that begins so.
fn reads(printed: &str, start: &str) -> Vec<u64> {
    let line = printed.lines().find(|it| it.trim().starts_with(start));
    let line = line.unwrap_or_else(|| panic!("no `{start}`: {printed}"));
    let numbers = line.split(['[', ']']).nth(1).expect("numbers");
    numbers.split(", ").map(|it| it.parse().unwrap()).collect()
}

/// Counted by the operating system. Which releases ignore the option is known by their numbers;
/// here the count has to agree.
#[test]
fn collective_metadata_is_read_by_one_rank_or_said_to_be_ignored() {
    for ranks in RANKS {
        let data = scratch();
        let run = succeed(&launch(PROGRAM, ranks, &["--metadata-reads"], data.path()));
        let alone = reads(&run.stdout, "each rank alone: ");
        let together = reads(&run.stdout, "collective metadata");
        assert_eq!((alone.len(), together.len()), (ranks, ranks));
        assert!(alone.iter().all(|it| *it >= 500), "{}", run.report());
        let ignored = !parallel_hdf5::about::has_collective_metadata_reads();
        let said = "collective metadata, which this HDF5 ignores for reads: ";
        assert_eq!(run.stdout.contains(said), ignored, "{}", run.report());
        if ignored {
            assert_eq!(together, alone, "{}", run.report());
        } else {
            assert!(together[0] >= 500, "{}", run.report());
            assert!(together[1..].iter().all(|it| *it < 50), "{}", run.report());
        }
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
    }
}

#[test]
fn subfiling_says_what_is_missing() {
    if parallel_hdf5::has_subfiling() {
        return;
    }
    let data = scratch();
    let args = ["--table", "subfiling", "--rounds", "1"];
    let run = fail(&launch(PROGRAM, 2, &args, data.path()));
    let said = "Error: this HDF5 was built without subfiling; that of chapter 5 has it";
    assert_eq!(run.complaints().trim(), said, "{}", run.report());
}

#[test]
fn python_measures_the_same() {
    let data = scratch();
    let script = root().join("chapters/09-tuning/tuning.py");
    let run = succeed(&launch_python(&script, 2, &[], data.path()));
    let pattern = r"^collective takes \d+\.\d\d \(\d+\.\d\d–\d+\.\d\d\) times as long";
    let line = run.stdout.lines().nth(1).unwrap_or_default();
    assert!(
        Regex::new(pattern).unwrap().is_match(line),
        "{}",
        run.report()
    );
}

// --- what the page shows -------------------------------------------------------------------

fn page() -> String {
    fs::read_to_string(root().join("chapters/09-tuning/README.md")).unwrap()
}

fn figures_file() -> String {
    fs::read_to_string(root().join("chapters/09-tuning/figures.md")).unwrap()
}

/// The tables of a file of figures: the names of the cases of each, without the baseline.
fn rows(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut table = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("<!-- ANCHOR: ") {
            table = name.strip_suffix(" -->").map(str::to_owned);
        } else if let Some(table) = &table
            && line.starts_with("| ")
            && !line.starts_with("| Case ")
        {
            let case = line.split('|').nth(1).unwrap().trim().to_owned();
            let cases = tables.entry(table.clone()).or_default();
            if cases.last() != Some(&case) {
                cases.push(case);
            }
        }
    }
    tables
}

/// `make figures-9`, in short, makes a file with all that the page wants.
#[test]
fn the_figures_are_made_by_one_command() {
    if mpi() != launch::Mpi::OpenMpi {
        return; // it measures under both MPIs, whatever this test was built for
    }
    let data = scratch();
    let file = data.path().join("figures.md");
    let made = Command::new(author_program())
        .args([
            "figures",
            "9",
            "--args",
            "--table methods,hints --rounds 1 --kib 8",
        ])
        .arg("--file")
        .arg(&file)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let text = fs::read_to_string(&file).unwrap();
    let made = rows(&text);
    assert_eq!(made.keys().collect::<Vec<_>>(), ["hints", "methods"]);
    assert_eq!(made["methods"].len(), 3, "{text}");
    let heading = text.lines().find(|it| it.starts_with("| Case ")).unwrap();
    let columns: Vec<&str> = heading.split('|').map(str::trim).collect();
    assert!(columns[3].starts_with("OMPIO in Open MPI "), "{heading}");
    assert!(columns[4].starts_with("ROMIO in Open MPI "), "{heading}");
    assert!(columns[5].starts_with("ROMIO in MPICH "), "{heading}");
    let about = text.split("ANCHOR_END: about").next().unwrap();
    for word in [
        "make figures-9",
        "rounds: 1",
        "kib: 8",
        "ranks: 2",
        "HDF5 ",
        "cores: ",
    ] {
        assert!(about.contains(word), "{word}: {about}");
    }
}

/// The page shows each table, and the tables have the cases that the program has now.
#[test]
fn the_page_shows_figures_of_this_program() {
    let data = scratch();
    let run = succeed(&launch(PROGRAM, 1, &["--list"], data.path()));
    let mut cases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut table = String::new();
    for line in run.stdout.lines() {
        match line.trim_start().strip_prefix("- ") {
            Some(case) => cases.get_mut(&table).unwrap().push(case.to_owned()),
            None => {
                table = line.split(':').next().unwrap().to_owned();
                cases.insert(table.clone(), Vec::new());
            }
        }
    }
    cases.remove("subfiling").expect("it is measured apart");
    let shown = rows(&figures_file());
    for (table, cases) in &cases {
        let again = format!("{table}: run `make figures-9` again");
        assert_eq!(
            shown.get(table).map(Vec::as_slice),
            Some(&cases[1..]),
            "{again}"
        );
        let include = format!("{{{{#include figures.md:{table}}}}}");
        assert!(page().contains(&include), "the page does not show {table}");
    }
    assert_eq!(shown.len(), cases.len());
}

/// No measured number is typed by hand.
#[test]
fn the_page_quotes_from_the_figures_only() {
    let text = page();
    // What is in code or in quotation marks is an example.
    let fences = Regex::new(r"(?s)```.*?```|`[^`]*`|“[^”]*”|\x22[^\x22]*\x22").unwrap();
    let prose = fences.replace_all(&text, "");
    let measured = Regex::new(
        r"\d+(\.\d+)? ?(times|×|%|per cent|seconds|ms|µs|[KMG]i?B/s)|\d+\.\d+ \(\d",
    )
    .unwrap();
    let found: Vec<&str> = measured.find_iter(&prose).map(|it| it.as_str()).collect();
    assert!(found.is_empty(), "typed by hand? {found:?}");
}

// --- raw MPI-IO ----------------------------------------------------------------------------

/// Ranks take turns with blocks of two numbers, both ways of transfer; then each reads what
/// the next has written.
#[test]
#[ignore = "runs as a rank"]
fn take_turns() {
    rank(|world| {
        let (me, size) = (world.rank() as usize, world.size() as usize);
        let path = data_folder()?.join("turns.bin");
        for (round, transfer) in [Transfer::Independent, Transfer::Collective]
            .into_iter()
            .enumerate()
        {
            // Longer than what comes after it: a new file is empty.
            let file = MpiFile::<u32>::create(&path, world, &[])?;
            let long = [7; 100];
            file.write_at(0, &long[..if me == 0 { 100 } else { 0 }], transfer)?;
            file.close()?;

            let file = MpiFile::<u32>::create(&path, world, &[("cb_nodes", "1")])?;
            let number = |rank: usize, at: usize| (1000 * round + 10 * rank + at) as u32;
            let mine: Vec<u32> = (0..6).map(|at| number(me, at)).collect();
            file.see(2 * me as u64, 3, 2, 2 * size)?;
            file.write_at(0, &mine[..4], transfer)?;
            file.write_at(4, &mine[4..], transfer)?;
            file.sync()?;
            file.close()?;

            let next = (me + 1) % size;
            let file = MpiFile::<u32>::open(&path, world, &[])?;
            let mut read = [0; 6];
            file.see(2 * next as u64, 3, 2, 2 * size)?;
            file.read_at(0, &mut read, transfer)?;
            let right: Vec<u32> = (0..6).map(|at| number(next, at)).collect();
            assert_eq!(read.to_vec(), right);
            drop(file);
        }
        Ok(())
    });
}

#[test]
fn raw_mpi_io_takes_turns() {
    for ranks in RANKS {
        let data = scratch();
        succeed(&launch_test("take_turns", ranks, data.path()));
        let bytes = fs::read(data.path().join("turns.bin")).unwrap();
        let found: Vec<u32> = bytes
            .chunks(4)
            .map(|it| u32::from_ne_bytes(it.try_into().unwrap()))
            .collect();
        let mut right = Vec::new();
        for turn in 0..3 {
            for rank in 0..ranks {
                right.extend([0, 1].map(|at| (1000 + 10 * rank + 2 * turn + at) as u32));
            }
        }
        assert_eq!(found, right, "{ranks} ranks");
    }
}

#[test]
#[ignore = "runs as a rank"]
fn go_wrong() {
    rank(|world| {
        let missing = data_folder()?.join("no/such.bin");
        let opened = MpiFile::<f64>::open(&missing, world, &[]).map(drop);
        let error = opened.expect_err("there is no such file");
        assert_eq!(error.doing, "open");
        assert!(error.to_string().starts_with("cannot open "), "{error}");
        assert!(
            error.to_string().contains("no/such.bin by MPI-IO: "),
            "{error}"
        );

        let path = data_folder()?.join("short.bin");
        let file = MpiFile::<f64>::create(&path, world, &[])?;
        file.write_at(0, &[1.0, 2.0], Transfer::Independent)?;
        file.sync()?;
        world.barrier();
        let mut three = [0.0; 3];
        let read = file.read_at(0, &mut three, Transfer::Independent);
        let error = read.expect_err("the file is too short");
        assert!(
            error.to_string().ends_with("2 of 3 elements moved"),
            "{error}"
        );
        agree(world, file.close())?;

        let odd = MpiFile::<f64>::create(&path, world, &[("nul\0", "1")]).map(drop);
        assert!(odd.unwrap_err().to_string().contains("zero byte"));
        Ok(())
    });
}

#[test]
fn raw_mpi_io_says_what_went_wrong() {
    for ranks in [1, 3] {
        let data = scratch();
        succeed(&launch_test("go_wrong", ranks, data.path()));
    }
}

/// What the chapter prints on two ranks with the HDF5 of chapter 5 and these arguments, if it
/// succeeds. Takes minutes the first time: builds that HDF5, and the program on it.
#[track_caller]
fn printed_on_the_hdf5_of_chapter_5(args: &str, environment: &[(&str, &str)]) -> String {
    // Both tests want it, and only one at a time may look whether it is built.
    static PREFIX: LazyLock<PathBuf> = LazyLock::new(|| {
        let compiler = hdf5_build::Compiler::find(root(), mpi()).unwrap();
        let folder = root().join("target/hdf5");
        let library = hdf5_build::library(root(), &folder, &compiler, None);
        library.unwrap().prefix
    });
    let data = scratch();
    let run = Command::new(workbook_program())
        .args(["run", "9", "--mpi", mpi().name(), "--ranks", "2", "--hdf5"])
        .arg(&*PREFIX)
        .arg(format!("--args={args}"))
        .env("WORKBOOK_DATA", data.path())
        .envs(environment.iter().copied())
        .current_dir(root())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&run.stdout);
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{printed}{said}");
    printed.into_owned()
}

#[test]
#[ignore = "builds HDF5 from its source; run with --ignored"]
fn subfiles_on_the_hdf5_of_chapter_5() {
    let printed = printed_on_the_hdf5_of_chapter_5(
        "--table subfiling --rounds 1 --kib 64",
        &[
            ("H5FD_SUBFILING_IOC_PER_NODE", "2"),
            ("H5FD_SUBFILING_STRIPE_SIZE", "32768"),
        ],
    );
    assert!(
        printed.contains("ok: 2 cases measured, all read back right"),
        "{printed}"
    );
}

/// The page shows a run with the HDF5 of chapter 5, where one rank reads for all.
#[test]
#[ignore = "builds HDF5 from its source; run with --ignored"]
fn collective_metadata_on_the_hdf5_of_chapter_5() {
    let printed = printed_on_the_hdf5_of_chapter_5("--metadata-reads", &[]);
    let held = "ok: with the option, rank 0 reads the metadata for all";
    assert!(printed.contains(held), "{printed}");
    let session = root().join("chapters/09-tuning/session-metadata-reads-2.txt");
    let session = author::session::Session::read(&session).unwrap();
    let lines = printed.lines().skip_while(|it| !it.starts_with("HDF5 "));
    let ours: String = lines.take(3).map(|it| format!("{it}\n")).collect();
    assert!(session.agrees(&ours), "{printed}");
}
