//! What the recorder writes of real runs, and what is found in it.

#![cfg(target_os = "linux")] // LD_PRELOAD

mod common;
#[path = "recorder/programs.rs"]
mod programs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::*;
use launch::{Launch, Mpi};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parallel_hdf5::rows_of;
use record::lines::Resolver;
use record::{Call, Fate, Kind, Record, State, Watch};

const DISTANCES: &str = env!("CARGO_BIN_EXE_distances");
const OPEN_MPIO: &str = env!("CARGO_BIN_EXE_open-mpio");
const PROGRAMS: &str = "tests/recorder/programs.rs";

/// The recorder, built from this tree into the target folder of this test.
fn recorder() -> &'static Path {
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
        assert!(status.success(), "the recorder builds");
        target.join("debug/librecorder.so")
    })
}

/// Loads the recorder into the ranks of `launch`, but not into the launcher.
fn record_into(launch: &mut Launch, folder: &Path) {
    let variables = [
        ("LD_PRELOAD", recorder().display().to_string()),
        (record::FOLDER, folder.display().to_string()),
    ];
    for (name, value) in variables {
        launch.options.extend(match launch.mpi {
            Mpi::OpenMpi => vec!["-x".to_owned(), format!("{name}={value}")],
            Mpi::Mpich => vec!["-genv".to_owned(), name.to_owned(), value],
        });
    }
}

/// A run of one of the programs of `programs.rs`, which are in this executable.
fn program(name: &str, ranks: usize, data: &Path) -> Launch {
    launch_test(&format!("programs::{name}"), ranks, data)
}

/// The line of `programs.rs` that a call was made on.
fn resolver() -> Resolver {
    Resolver::new(&std::env::current_exe().unwrap(), PROGRAMS).unwrap()
}

/// The first line of `programs.rs` after `fn name()` that holds `text`.
fn line_of(name: &str, text: &str) -> u32 {
    let source = fs::read_to_string(root().join(PROGRAMS)).unwrap();
    let mut lines = source.lines().enumerate();
    lines
        .find(|(_, line)| line.starts_with(&format!("fn {name}()")))
        .expect("there is such a program");
    let (at, _) = lines
        .find(|(_, line)| line.contains(text))
        .expect("and such a line");
    at as u32 + 1
}

/// Records a run that may hang, and gives the record; `seconds` is its limit.
fn record_of(name: &str, ranks: usize, seconds: u64) -> (Record, launch::Run) {
    let data = scratch();
    let folder = scratch();
    let mut launch = program(name, ranks, data.path());
    launch.limit = Duration::from_secs(seconds);
    record_into(&mut launch, folder.path());
    let run = launch.run().unwrap();
    let record = Record::read(folder.path(), ranks).unwrap();
    assert_eq!(record.wrong_size(), None, "{}", run.report());
    assert_eq!(
        (record.skipped, record.without_mpi, record.surplus),
        (0, 0, 0)
    );
    (record, run)
}

#[test]
fn a_call_that_a_rank_leaves_out_is_named_with_its_line() {
    let (record, run) = record_of("leaves_out", 4, 8);
    assert!(!run.ended.success(), "{}", run.report());
    let resolver = resolver();
    let lines = |call: &Call| resolver.line(call);
    let difference = record.first_difference().expect("there is one");
    assert_eq!(difference.kind, Kind::Missing);
    assert_eq!(difference.odd_ranks(), [0]);
    let line = line_of("leaves_out", "create_dataset");
    let barrier = line_of("leaves_out", "barrier");
    assert_eq!(
        difference.sentence(&lines),
        format!(
            "ranks 1–3 created dataset `x` (line {line}), rank 0 never did (its next call: \
             barrier, line {barrier})"
        )
    );
    // Most often rank 0 hangs there. MPICH may notice that its messages do not fit together.
    let close = line_of("leaves_out", "file.close");
    let places = record.where_each_rank_sits(&lines);
    let of_rank_0 = places.iter().find(|it| it.ranks.contains(&0)).unwrap();
    assert_eq!(of_rank_0.line, Some(close), "{places:#?}");
    assert!(of_rank_0.text.contains("close file"), "{places:#?}");
}

#[test]
fn other_names_shapes_types_and_roots_are_told_apart() {
    let resolver = resolver();
    for (name, kind, expected) in [
        (
            "other_names",
            Kind::Names,
            "rank 0 created dataset `of-rank-0` (line L), rank 1 created dataset `of-rank-1` \
             (line L), rank 2 created dataset `of-rank-2` (line L) and rank 3 created dataset \
             `of-rank-3` (line L)",
        ),
        (
            "other_shapes",
            Kind::Shapes,
            "dataset `group/x` was created: ranks 0, 1 and 3 with shape (10, 3) (line L) and \
             rank 2 with shape (12, 3) (line L)",
        ),
        (
            "other_roots",
            Kind::Roots,
            "the broadcast was called: ranks 1–3 with root 1 (line L) and rank 0 with root 0 \
             (line L)",
        ),
    ] {
        let (record, run) = record_of(name, 4, 8);
        let difference = record.first_difference();
        let difference = difference.unwrap_or_else(|| panic!("{name}: {}", run.report()));
        assert_eq!(difference.kind, kind, "{name}");
        let what = if name == "other_roots" {
            "broadcast_into"
        } else {
            "create_dataset"
        };
        let line = line_of(name, what);
        assert_eq!(
            difference.sentence(&|call| resolver.line(call)),
            expected.replace("(line L)", &format!("(line {line})"))
        );
    }
    let (record, _) = record_of("other_types", 3, 8);
    let difference = record.first_difference().unwrap();
    assert_eq!(difference.kind, Kind::Elements);
    assert_eq!(difference.sides[0].ranks, [1, 2]);
    assert_eq!(difference.call.element.as_deref(), Some("i64"));
}

/// What ends well, and is wrong.
#[test]
fn other_datasets_and_values_are_named() {
    let resolver = resolver();
    let sentence = |name: &str| {
        let (record, run) = record_of(name, 2, 20);
        let difference = record.first_difference();
        let difference = difference.unwrap_or_else(|| panic!("{name}: {}", run.report()));
        let said = difference.sentence(&|call| resolver.line(call));
        (difference.kind, said)
    };
    let line = line_of("other_datasets", "write_rows");
    assert_eq!(
        sentence("other_datasets"),
        (
            Kind::Names,
            format!(
                "rank 0 wrote together to dataset `of-rank-0` (line {line}) and rank 1 wrote \
                 together to dataset `of-rank-1` (line {line})"
            )
        )
    );
    let line = line_of("other_values", "the values");
    assert_eq!(
        sentence("other_values"),
        (
            Kind::Values,
            format!(
                "attribute `step` of the file was written: rank 0 with the value 10 (line {line}) \
                 and rank 1 with the value 11 (line {line})"
            )
        )
    );
    let (kind, said) = sentence("other_texts");
    assert_eq!(kind, Kind::Values, "{said}");
    assert!(said.contains(r#"rank 0 with the value "run 0""#), "{said}");
    let (kind, said) = sentence("other_long_values");
    assert_eq!(kind, Kind::Values, "{said}");
    assert!(
        said.contains("rank 1 with a value of 1600 bytes (digest "),
        "{said}"
    );
}

#[test]
fn datasets_of_ranks_that_write_alone_may_differ() {
    for ranks in [2, 3] {
        let (record, run) = record_of("own_datasets", ranks, 60);
        assert!(run.ended.success(), "{}", run.report());
        assert_eq!(record.first_difference(), None);
    }
}

#[test]
fn who_writes_fewer_times_is_told_how_often() {
    let (record, run) = record_of("unequal_writes", 2, 8);
    let difference = record.first_difference();
    let difference = difference.unwrap_or_else(|| panic!("{}", run.report()));
    assert_eq!(
        (difference.kind, difference.odd_ranks()),
        (Kind::Missing, vec![1])
    );
    let line = line_of("unequal_writes", "write_rows");
    let close = line_of("unequal_writes", "file.close");
    assert_eq!(
        difference.sentence(&|call| resolver().line(call)),
        format!(
            "rank 0 wrote together to dataset `x` for the 3rd time (line {line}), rank 1 did so \
             only 2 times (its next call: close file `unequal-writes.hdf5`, line {close})"
        )
    );
}

#[test]
fn a_rank_that_stays_away_from_a_collective_transfer_is_named() {
    let (record, run) = record_of("transfers_alone", 4, 8);
    let difference = record.first_difference();
    let difference = difference.unwrap_or_else(|| panic!("{}", run.report()));
    assert_eq!(difference.odd_ranks(), [3]);
    assert_eq!(difference.call.name, "H5Dwrite");
}

#[test]
fn a_collective_transfer_that_was_none_is_told_from_one() {
    let (record, run) = record_of("wishes", 3, 60);
    assert!(run.ended.success(), "{}", run.report());
    let old = parallel_hdf5::about::hdf5_version().starts_with("1.10.");
    for rank in &record.ranks {
        let writes = rank.calls.iter().filter(|it| it.name == "H5Dwrite");
        let writes: Vec<_> = writes
            .map(|it| (it.access.as_ref().unwrap().collective, it.honoured))
            .collect();
        let [single, double, alone] = writes[..] else {
            panic!("{writes:?}");
        };
        // A newer HDF5 may convert and transfer collectively.
        assert!(single.0 && (single.1 == Some(false) || !old), "{single:?}");
        assert_eq!(double, (true, Some(true)));
        assert_eq!(alone, (false, None));
    }
}

#[test]
fn a_message_that_nobody_sends_is_what_the_others_wait_for() {
    let (record, run) = record_of("no_sender", 4, 6);
    assert!(!run.ended.success());
    let resolver = resolver();
    let lines = |call: &Call| resolver.line(call);
    let line = line_of("no_sender", "no sender");
    let barrier = line_of("no_sender", "barrier");
    let difference = record.first_difference().expect("there is one");
    assert!(
        matches!(&difference.sides[1].fate, Fate::Stuck(call) if call.peer.is_some()),
        "{difference:#?}"
    );
    assert_eq!(
        difference.sentence(&lines),
        format!(
            "ranks 1–3 entered the barrier (line {barrier}), rank 0 never did: it waits in \
             MPI_Recv (receive a message from rank 1, line {line})"
        )
    );
}

/// Every rank writes its rows, no element twice, and the ranks do not differ.
#[test]
fn a_right_program_has_no_difference() {
    for ranks in RANKS {
        let (data, folder) = (scratch(), scratch());
        let mut launch = launch(DISTANCES, ranks, &[], data.path());
        record_into(&mut launch, folder.path());
        succeed(&launch);
        let record = Record::read(folder.path(), ranks).unwrap();
        assert_eq!(record.wrong_size(), None);
        assert_eq!(record.first_difference(), None, "{ranks} ranks");
        assert_eq!(
            (record.skipped, record.without_mpi, record.surplus),
            (0, 0, 0)
        );
        let written = record.written(Some("coords.hdf5"), "distances").unwrap();
        assert_eq!(written.shape, [1000]);
        assert!(written.exact);
        for rank in 0..ranks {
            assert_eq!(record.ranks[rank].state, State::Exited);
            let rows = rows_of(rank as i32, ranks as i32, 1000);
            let found = written.rows(rank);
            let rows = rows.start as u64..rows.end as u64;
            assert_eq!(found.ranges, std::slice::from_ref(&rows));
            assert!(found.whole);
        }
        assert_eq!(written.by_two_ranks(), None);
        assert_eq!(written.by_nobody(), None);
        let progress = Watch::open(folder.path()).progress();
        assert_eq!((progress.processes, progress.living), (ranks, 0));
    }
}

#[test]
fn communicators_are_looked_at_one_by_one() {
    for ranks in [2, 3, 4] {
        let (record, run) = record_of("split", ranks, 60);
        assert!(run.ended.success(), "{}", run.report());
        assert_eq!(record.first_difference(), None);
    }
}

#[test]
fn columns_and_strides_are_exact() {
    let (record, run) = record_of("columns", 3, 60);
    assert!(run.ended.success(), "{}", run.report());
    let x = record.written(None, "/x").unwrap();
    assert!(x.exact);
    assert_eq!((x.by_two_ranks(), x.by_nobody()), (None, None));
    assert_eq!(x.rows(1).ranges, std::slice::from_ref(&(0..6)));
    assert!(!x.rows(1).whole);
    let every_other = record.written(None, "every-other").unwrap();
    assert_eq!(every_other.ranks(), [0]);
    assert_eq!(every_other.by_nobody(), Some(vec![1]));
}

#[test]
fn a_run_that_hangs_is_seen_while_it_goes_on() {
    let (data, folder) = (scratch(), scratch());
    let mut launch = launch(OPEN_MPIO, 4, &["--wrong", "rank-zero-creates"], data.path());
    launch.limit = Duration::from_secs(6);
    record_into(&mut launch, folder.path());
    let watch = Watch::open(&folder.path().join("."));
    std::thread::scope(|scope| {
        let run = scope.spawn(|| launch.run().unwrap());
        let started = Instant::now();
        while !(watch.progress().living == 4 && watch.progress().all_in_mpi) {
            assert!(started.elapsed() < Duration::from_secs(6));
            std::thread::sleep(Duration::from_millis(50));
        }
        run.join().unwrap()
    });
    let record = Record::read(folder.path(), 4).unwrap();
    let resolver =
        Resolver::new(Path::new(OPEN_MPIO), "chapters/02-open-mpio/wrong.rs").unwrap();
    let lines = |call: &Call| resolver.line(call);
    let difference = record.first_difference().expect("there is one");
    let sentence = difference.sentence(&lines);
    assert_eq!(difference.sides.len(), 2, "{sentence}");
    assert!(
        difference.sides.iter().any(|side| side.ranks == [0]),
        "{sentence}"
    );
    let places = record.where_each_rank_sits(&lines);
    assert_eq!(places.len(), 2, "{places:#?}");
    assert!(places.iter().all(|it| it.line.is_some()), "{places:#?}");
    assert!(
        places[1]
            .text
            .starts_with("ranks 1–3: in MPI_Barrier (barrier)")
    );
}

/// SIGKILL leaves a process no time for anything.
#[test]
fn a_rank_that_is_killed_leaves_its_record() {
    let (data, folder) = (scratch(), scratch());
    let mut launch = program("endless", 2, data.path());
    record_into(&mut launch, folder.path());
    let pids = || -> Vec<i32> {
        let files = fs::read_dir(folder.path()).unwrap().flatten();
        let with_barrier = files.filter(|it| {
            let text = fs::read_to_string(it.path()).unwrap_or_default();
            text.contains("MPI_Barrier")
        });
        with_barrier
            .filter_map(|it| it.path().file_stem()?.to_str()?.parse().ok())
            .collect()
    };
    std::thread::scope(|scope| {
        let run = scope.spawn(|| launch.run().unwrap());
        let started = Instant::now();
        while pids().len() < 2 {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "it never got so far"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(Duration::from_millis(300));
        for pid in pids() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        run.join().unwrap()
    });
    let record = Record::read(folder.path(), 2).unwrap();
    for rank in &record.ranks {
        assert_eq!(rank.state, State::Between);
        let last = rank.calls.last().unwrap();
        assert_eq!((last.name.as_str(), last.ok), ("MPI_Barrier", Some(true)));
    }
    assert_eq!(record.first_difference(), None);
}

#[test]
fn the_program_does_not_see_the_recorder() {
    let data = scratch();
    let plain = succeed(&program("environment", 2, data.path()));
    let (_, run) = record_of("environment", 2, 60);
    let said = "has LD_PRELOAD: false false\nhas WORKBOOK_RECORD: false false\n";
    for err in [&plain.err[1], &run.err[1]] {
        // The launcher of Open MPI 5 joins it to the line that libtest has begun on the other stream.
        let begun = "test programs::environment ... ";
        assert_eq!(err.strip_prefix(begun).unwrap_or(err), said);
    }
}

/// Without a folder the recorder does nothing; what a program prints is the same with it.
#[test]
fn without_a_folder_nothing_is_recorded() {
    let (data, folder) = (scratch(), scratch());
    let mut launch = launch(DISTANCES, 2, &[], data.path());
    let plain = succeed(&launch);
    record_into(&mut launch, folder.path());
    let with = succeed(&launch);
    launch.options.retain(|it| !it.contains(record::FOLDER));
    launch
        .options
        .retain(|it| !it.contains(&*folder.path().to_string_lossy()));
    // What named the variable is gone, and what stood before it.
    let last = launch.options.len() - usize::from(launch.mpi == Mpi::OpenMpi);
    launch
        .options
        .truncate(last.min(if launch.mpi == Mpi::OpenMpi { 2 } else { 3 }));
    fs::remove_dir_all(folder.path()).unwrap();
    fs::create_dir(folder.path()).unwrap();
    let inert = succeed(&launch);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!((&plain.out, &plain.err), (&with.out, &with.err));
    assert_eq!((&plain.out, &plain.err), (&inert.out, &inert.err));
}

#[test]
fn a_program_that_scribbles_into_its_record_harms_itself_only() {
    let (data, folder) = (scratch(), scratch());
    let mut launch = program("scribbles", 2, data.path());
    let into = folder.path().display().to_string();
    launch
        .environment
        .push(("RECORDER_SCRIBBLES_INTO".to_owned(), into));
    record_into(&mut launch, folder.path());
    succeed(&launch);
    let record = Record::read(folder.path(), 2).unwrap();
    assert_eq!(record.skipped, 2 * 4);
    assert_eq!(record.first_difference(), None);
}

/// What it costs: `cargo run -p author -- test -- --test recorder -- --ignored --nocapture cost`. Prints a
/// table, and writes it where the page on pictures shows it, if that was made for this MPI.
#[test]
#[ignore = "takes minutes"]
fn cost() {
    use std::fmt::Write as _;

    const ROUNDS: usize = 7;
    let (data, folder) = (scratch(), scratch());
    // Ranks of MPICH that wait keep their cores: four on two cores take minutes for this.
    let ranks = if mpi() == Mpi::Mpich { 2 } else { 4 };
    type Make<'a> = &'a dyn Fn() -> Launch;
    let distances = || {
        let args = ["--rows", "4000000"];
        launch(DISTANCES, ranks, &args, data.path())
    };
    let many_calls = || program("many_calls", ranks, data.path());
    let many_pieces = || program("many_pieces", ranks, data.path());
    let programs: [(&str, Make<'_>); 3] = [
        ("distances, 4 million rows", &distances),
        ("many small calls", &many_calls),
        ("many small pieces", &many_pieces),
    ];
    #[derive(Clone, Copy)]
    enum Kind {
        Plain,
        Calls,
        Bytes,
    }
    let time = |make: Make<'_>, kind: Kind| {
        let mut launch = make();
        if !matches!(kind, Kind::Plain) {
            record_into(&mut launch, folder.path());
        }
        if matches!(kind, Kind::Bytes) {
            let variable = (record::BYTES.to_owned(), "1".to_owned());
            launch.environment.push(variable);
        }
        let started = Instant::now();
        succeed(&launch);
        let took = started.elapsed().as_secs_f64();
        for file in fs::read_dir(folder.path()).unwrap().flatten() {
            fs::remove_file(file.path()).unwrap();
        }
        took
    };
    let mut table = format!(
        "{mpi}, {ranks} ranks, {ROUNDS} rounds; how many times as long as without the recorder:\n\n",
        mpi = mpi().release(&mpi().launcher(root()).unwrap())
    );
    let heading = [
        "program",
        "seconds",
        "calls recorded",
        "calls and bytes recorded",
    ];
    let mut row = |cells: [&str; 4]| {
        let [program, seconds, calls, bytes] = cells;
        let line = format!("{program:<26}{seconds:<20}{calls:<20}{bytes}");
        writeln!(table, "{}", line.trim_end()).unwrap();
    };
    row(heading);
    for (name, make) in programs {
        let mut plain = Vec::new();
        let mut ratios = [Vec::new(), Vec::new()];
        for round in 0..=ROUNDS {
            // Whoever comes first has a colder machine.
            let mut order = [Kind::Plain, Kind::Calls, Kind::Bytes];
            order.rotate_left(round % 3);
            let mut took = [0.0; 3];
            for kind in order {
                took[kind as usize] = time(make, kind);
            }
            if round > 0 {
                plain.push(took[0]);
                ratios[0].push(took[1] / took[0]);
                ratios[1].push(took[2] / took[0]);
            }
        }
        let quartiles = |numbers: &mut Vec<f64>| {
            numbers.sort_by(f64::total_cmp);
            let [quarter, middle, three] =
                [1, 2, 3].map(|part| numbers[part * (numbers.len() - 1) / 4]);
            format!("{middle:.2} ({quarter:.2}–{three:.2})")
        };
        let [calls, bytes] = ratios.each_mut().map(quartiles);
        row([name, &quartiles(&mut plain), &calls, &bytes]);
    }
    println!("{table}");
}
