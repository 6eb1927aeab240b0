//! Chapter 4: what atomic mode does, found by experiment; and the two ways that need none.

mod common;

use common::*;
use launch::Mpi;

const PROGRAM: &str = env!("CARGO_BIN_EXE_atomicity");

#[test]
fn rank_1_reads_what_rank_0_wrote() {
    for ranks in RANKS {
        let data = scratch();
        let run = succeed(&launch(PROGRAM, ranks, &[], data.path()));
        if ranks > 1 {
            assert_eq!(run.out[1], "rank 1 reads 42\n", "{}", run.report());
        }
        let file = open_serially(data.path().join("atomic.hdf5")).unwrap();
        assert_eq!(
            file.dataset("x")
                .unwrap()
                .read_1d::<i32>()
                .unwrap()
                .to_vec(),
            [42]
        );
    }
}

#[test]
fn python_does_the_same() {
    let data = scratch();
    let script = root().join("chapters/04-atomicity/atomicity.py");
    let run = succeed(&launch_python(&script, 2, &[], data.path()));
    assert_eq!(run.out[1], "rank 1 reads 42\n", "{}", run.report());
    succeed(&launch(PROGRAM, 2, &[], data.path()));
    assert_same_contents(data.path(), "atomic.hdf5", "atomic-by-python.hdf5");
}

/// The three cells of the row that the experiment prints.
fn torn_reads(io: Option<&str>, ranks: usize) -> [String; 3] {
    let data = scratch();
    let mut launch = launch(PROGRAM, ranks, &["--torn-reads", "200"], data.path());
    launch.options = io.map_or(Vec::new(), io_options);
    launch.limit = std::time::Duration::from_secs(240);
    let run = succeed(&launch);
    let row = run.out[0].trim().trim_matches(['|', ' ']);
    let cells: Vec<String> = row.split(" | ").map(str::to_owned).collect();
    cells
        .try_into()
        .unwrap_or_else(|_| panic!("not three cells\n{}", run.report()))
}

/// With atomic mode off the experiment sees tearing, or says that it could not.
fn assert_can_see(off: &str) {
    let words: Vec<&str> = off.split(' ').collect();
    let seen = matches!(words[..], [torn, "of", "200" | "400" | "600" | "800" | "1000", "torn"]
        if torn.parse::<u32>().is_ok_and(|it| it > 0));
    assert!(seen || off == "could not provoke (0 of 1000 torn)", "{off}");
}

#[test]
fn romio_tears_nothing_in_atomic_mode() {
    let (io, library) = match mpi() {
        Mpi::OpenMpi => (Some("romio"), "ROMIO in Open MPI "),
        Mpi::Mpich => (None, "ROMIO in MPICH "),
    };
    for ranks in [2, 3] {
        let [name, off, on] = torn_reads(io, ranks);
        assert!(name.starts_with(library), "{name}");
        assert_can_see(&off);
        assert_eq!(on, "0 of 200 torn");
    }
}

/// Whether OMPIO honours atomic mode depends on its version: 4.1 does not. The test holds
/// it to nothing but the form of the report.
#[test]
fn ompio_is_reported_as_it_is() {
    if mpi() != Mpi::OpenMpi {
        return; // MPICH has ROMIO only
    }
    let [name, off, on] = torn_reads(Some("ompio"), 2);
    assert!(name.starts_with("OMPIO in Open MPI "), "{name}");
    assert_can_see(&off);
    let torn: u32 = on.strip_suffix(" of 200 torn").expect(&on).parse().unwrap();
    eprintln!("observed: {name}: {off} without atomic mode, {torn} of 200 with it");
}

#[test]
fn the_recipe_and_the_message_arrive_whole() {
    for (option, how) in [
        ("--recipe", "through the file"),
        ("--message", "by message"),
    ] {
        for ranks in [1, 2, 4] {
            let data = scratch();
            let run = succeed(&launch(PROGRAM, ranks, &[option], data.path()));
            let expected = match ranks {
                1 => format!("{how}: there is no rank 1 to read\n"),
                _ => format!("{how}: rank 1 read 100 times, 0 of them wrong\n"),
            };
            assert_eq!(run.stdout, expected);
        }
    }
}

#[test]
fn the_experiment_needs_somebody_to_read() {
    let data = scratch();
    let run = succeed(&launch(PROGRAM, 1, &["--torn-reads"], data.path()));
    assert!(run.stdout.contains("needs two ranks"), "{}", run.report());
}
