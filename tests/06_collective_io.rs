//! Chapter 6: the same table, written by each rank for itself and by all together; what HDF5
//! says of it; and what the operating system was told.

mod common;

use std::fs;
use std::path::Path;

use common::*;
use hdf5::Dataset;
use launch::Mpi;
use ndarray::{Array1, Array2};
use parallel_hdf5::cyclic;

const PROGRAM: &str = env!("CARGO_BIN_EXE_collective-io");
const TABLES: [&str; 4] = [
    "rows-independent",
    "rows-collective",
    "columns-independent",
    "columns-collective",
];

/// What a table must hold: computed apart.
fn right(sensors: usize) -> Array2<f64> {
    Array2::from_shape_fn((256, sensors), |(moment, sensor)| {
        moment as f64 + sensor as f64 / 1000.0
    })
}

/// The bytes of a contiguous dataset, as they lie in the file.
fn bytes(path: &Path, dataset: &Dataset) -> Vec<u8> {
    let start = dataset.offset().expect("it is contiguous") as usize;
    let size = dataset.storage_size() as usize;
    fs::read(path).unwrap()[start..start + size].to_vec()
}

/// The lines of a run of the program: what each says of the share, and each rank's writes.
fn told(printed: &str) -> Vec<(&str, Vec<u64>)> {
    let line = |line| {
        let (words, numbers): (&str, &str) =
            str::split_once(line, "; each rank's writes: ")?;
        let numbers = numbers.trim_matches(['[', ']']).split(", ");
        Some((words, numbers.map(|it| it.parse().unwrap()).collect()))
    };
    printed.lines().map(|it| line(it).expect(it)).collect()
}

/// Under ROMIO, whichever MPI the programs were built with.
fn romio() -> Vec<String> {
    match mpi() {
        Mpi::OpenMpi => io_options("romio"),
        Mpi::Mpich => Vec::new(), // it has no other
    }
}

#[test]
fn all_tables_are_the_same_bytes() {
    for ranks in RANKS {
        let data = scratch();
        let run = succeed(&launch(PROGRAM, ranks, &[], data.path()));
        let told = told(&run.out[0]);
        let words: Vec<&str> = told.iter().map(|it| it.0).collect();
        let expected = TABLES.map(|name| {
            let (share, transfer) = name.split_once('-').unwrap();
            format!("{share}: {transfer}, as asked")
        });
        assert_eq!(words, expected, "{}", run.report());

        let path = data.path().join("readings.hdf5");
        let file = open_serially(&path).unwrap();
        assert_eq!(file.member_names().unwrap().len(), TABLES.len());
        let tables = TABLES.map(|name| file.dataset(name).unwrap());
        assert_eq!(tables[0].read_2d::<f64>().unwrap(), right(256));
        let first = bytes(&path, &tables[0]);
        assert_eq!(first.len(), 256 * 256 * 8);
        for table in &tables {
            assert!(bytes(&path, table) == first, "{}", table.name());
        }
    }
}

/// Each rank for itself: a call for each piece. Together: ROMIO lets one rank write all.
#[test]
#[cfg(target_os = "linux")] // counts them
fn romio_collects_columns_and_leaves_rows_alone() {
    // A few calls may be those of MPI's own threads.
    const FEW: u64 = 5;
    for ranks in [2, 3, 4, 7] {
        let data = scratch();
        let mut launch = launch(PROGRAM, ranks, &[], data.path());
        launch.options = romio();
        let run = succeed(&launch);
        let told = told(&run.out[0]);
        let [rows_alone, rows_together, columns_alone, columns_together] = &told[..] else {
            panic!("{}", run.report());
        };
        for rank in 0..ranks {
            for (_, writes) in [rows_alone, rows_together] {
                assert!((1..=FEW).contains(&writes[rank]), "{}", run.report());
            }
            let mine = 256 * cyclic(rank as i32, ranks as i32, 256, 1).len() as u64;
            let writes = columns_alone.1[rank];
            assert!((mine..=mine + FEW).contains(&writes), "{}", run.report());
        }
        let all: u64 = columns_together.1.iter().sum();
        assert!((1..=FEW).contains(&all), "{}", run.report());
        assert!(columns_together.1[0] > 0, "{}", run.report());
    }
}

/// OMPIO differs between versions and numbers of ranks. It is held to the files only.
#[test]
fn ompio_is_reported_as_it_is() {
    if mpi() != Mpi::OpenMpi {
        return; // MPICH has ROMIO only
    }
    for ranks in [2, 4] {
        let data = scratch();
        let mut launch = launch(PROGRAM, ranks, &[], data.path());
        launch.options = io_options("ompio");
        let run = succeed(&launch);
        let told = told(&run.out[0]);
        eprintln!(
            "observed: OMPIO, {ranks} ranks, columns together: {:?}",
            told[3].1
        );
        let file = open_serially(data.path().join("readings.hdf5")).unwrap();
        for name in TABLES {
            let table = file.dataset(name).unwrap();
            assert_eq!(table.read_2d::<f64>().unwrap(), right(256), "{name}");
        }
    }
}

#[test]
fn ranks_without_a_column_take_part() {
    for (sensors, ranks) in [("3", 4), ("3", 7), ("1", 2), ("0", 2)] {
        let data = scratch();
        let args = ["--sensors", sensors, "--only", "columns-collective"];
        let run = succeed(&launch(PROGRAM, ranks, &args, data.path()));
        let words = told(&run.out[0])[0].0;
        // Of a table without columns HDF5 1.10 says that it went through its chunks.
        assert!(words.starts_with("columns: collective"), "{}", run.report());
        let file = open_serially(data.path().join("readings.hdf5")).unwrap();
        assert_eq!(file.member_names().unwrap(), ["columns-collective"]);
        let table = file.dataset("columns-collective").unwrap();
        let sensors = sensors.parse().unwrap();
        assert_eq!(table.shape(), [256, sensors]);
        if sensors > 0 {
            assert_eq!(table.read_2d::<f64>().unwrap(), right(sensors));
        }
    }
}

#[test]
fn whoever_leaves_out_the_call_keeps_the_others_waiting() {
    let data = scratch();
    let mut launch = launch(PROGRAM, 4, &["--wrong", "leave-out"], data.path());
    let run = hang(&mut launch, 5);
    assert_eq!(run.stdout, "rank 3: nothing to write, on to the close\n");
    // With a column for each rank nobody leaves out anything.
    launch.ranks = 3;
    let run = succeed(&launch);
    for rank in 0..3 {
        assert_eq!(run.out[rank], format!("rank {rank}: closed\n"));
    }
}

/// Whether a conversion keeps HDF5 from a collective transfer is up to its version: 1.10 does
/// not make one. That without a conversion it does is the same in all.
#[test]
fn a_wish_is_granted_where_nothing_is_converted() {
    let old = parallel_hdf5::about::hdf5_version().starts_with("1.10.");
    for ranks in [1, 2, 4] {
        let data = scratch();
        let run = succeed(&launch(PROGRAM, ranks, &["--wish"], data.path()));
        let lines: Vec<&str> = run.out[0].lines().collect();
        let of = |name: &str| {
            let heading = format!("{name}:");
            let start = lines.iter().position(|line| *line == heading).expect(name);
            &lines[start + 1..start + 1 + ranks]
        };
        for (rank, line) in of("converted-before").iter().enumerate() {
            assert_eq!(*line, format!("rank {rank}: collective, as asked"));
        }
        let cause = "the elements in memory are of another type than those in the file";
        let refused = "independent, although collective was asked for";
        for rank in 0..ranks {
            let by_hdf5 = of("converted-by-hdf5")[rank];
            let on_rank_0 = of("converted-on-rank-0")[rank];
            if !old {
                eprintln!("observed: {by_hdf5}; {on_rank_0}");
                continue;
            }
            assert_eq!(by_hdf5, format!("rank {rank}: {refused}: {cause}"));
            let whose = if rank == 0 { "" } else { "on another rank, " };
            assert_eq!(on_rank_0, format!("rank {rank}: {refused}: {whose}{cause}"));
        }
        let right = Array1::from_shape_fn(1000, |row| row as f32 / 8.0);
        let file = open_serially(data.path().join("wishes.hdf5")).unwrap();
        for name in [
            "converted-by-hdf5",
            "converted-before",
            "converted-on-rank-0",
        ] {
            let found = file.dataset(name).unwrap().read_1d::<f32>().unwrap();
            assert_eq!(found, right, "{name}");
        }
    }
}

#[test]
fn a_variable_of_the_environment_keeps_hdf5_from_it() {
    let data = scratch();
    let args = ["--only", "columns-collective", "--sensors", "4"];
    let mut launch = launch(PROGRAM, 2, &args, data.path());
    let variable = ("HDF5_MPI_OPT_TYPES".to_owned(), "0".to_owned());
    launch.environment.push(variable);
    let run = succeed(&launch);
    let expected = "columns: independent, although collective was asked for: \
                    HDF5_MPI_OPT_TYPES in the environment switches derived MPI types off; ";
    assert!(run.out[0].starts_with(expected), "{}", run.report());
}

/// The times are not looked at: only that the numbers come back, and that both are told.
#[test]
fn a_comparison_is_two_rows_of_a_table() {
    for ranks in [2, 3] {
        let data = scratch();
        let mut launch = launch(PROGRAM, ranks, &["--compare", "2"], data.path());
        launch.options = romio();
        let run = succeed(&launch);
        let rows: Vec<&str> = run.out[0].lines().collect();
        assert_eq!(rows.len(), 2, "{}", run.report());
        for (row, share) in rows.iter().zip(["rows", "columns"]) {
            let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
            let [
                library,
                of_ranks,
                of_share,
                writing,
                writes,
                reading,
                _reads,
            ] = cells[..]
            else {
                panic!("not seven cells: {row}");
            };
            assert!(library.starts_with("ROMIO in "), "{library}");
            assert_eq!(of_ranks, ranks.to_string());
            assert!(of_share.starts_with(share), "{of_share}");
            for gain in [writing, reading] {
                let median = gain.split(' ').next().unwrap();
                assert!(median.parse::<f64>().unwrap() > 0.0, "{gain}");
            }
            if share == "columns" && cfg!(target_os = "linux") {
                let alone = writes.split(' ').next().unwrap();
                assert!(alone.parse::<u64>().unwrap() >= 65_536, "{writes}");
            }
        }
    }
    let data = scratch();
    let run = succeed(&launch(PROGRAM, 1, &["--compare"], data.path()));
    assert_eq!(
        run.stdout,
        "a comparison takes two ranks and one round, or more\n"
    );
}

#[test]
fn a_table_that_nobody_knows_is_refused_once() {
    let data = scratch();
    let run = fail(&launch(PROGRAM, 3, &["--only", "diagonals"], data.path()));
    let complaints = run.complaints();
    assert_eq!(
        complaints.matches("invalid value").count(),
        1,
        "{complaints}"
    );
    assert!(complaints.contains("columns-collective"), "{complaints}");
}

#[test]
fn python_writes_the_same() {
    let script = root().join("chapters/06-collective-io/collective_io.py");
    for ranks in [1, 3, 4] {
        let data = scratch();
        let run = succeed(&launch_python(&script, ranks, &[], data.path()));
        assert_eq!(run.stdout, format!("4 tables written by {ranks} ranks\n"));
        succeed(&launch(PROGRAM, ranks, &[], data.path()));
        assert_same_contents(data.path(), "readings.hdf5", "readings-by-python.hdf5");
    }
}
