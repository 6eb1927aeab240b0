//! Chapter 2: one file for all ranks; and each mistake ends as the page says.

mod common;

use std::process::Command;
use std::time::{Duration, Instant};

use common::*;
use mpi::traits::*;

const PROGRAM: &str = env!("CARGO_BIN_EXE_open-mpio");

#[test]
fn all_ranks_see_one_file() {
    for ranks in RANKS {
        let data = scratch();
        let run = succeed(&launch(PROGRAM, ranks, &[], data.path()));
        let expected: String = (0..ranks)
            .map(|rank| {
                format!(
                    "rank {rank}: driver mpio, communicator of {ranks}, the same file\n"
                )
            })
            .collect();
        assert_eq!(run.out[0], expected);
        assert!(
            run.out[1..].iter().all(String::is_empty),
            "{}",
            run.report()
        );
        let file = open_serially(data.path().join("shared.hdf5")).expect("HDF5, serially");
        assert_eq!(file.member_names().unwrap(), ["made-together"]);
    }
}

#[test]
fn the_serial_driver_locks_the_others_out() {
    let data = scratch();
    let run = fail(&launch(
        PROGRAM,
        4,
        &["--wrong", "serial-driver"],
        data.path(),
    ));
    assert_eq!(run.out[0], "1 of 4 ranks have the file\n");
    assert_eq!(
        run.complaints(),
        "Error: the others got: unable to lock file, errno = 11",
        "{}",
        run.report()
    );
}

#[test]
fn creation_on_one_rank_hangs() {
    let data = scratch();
    let run = hang(
        &mut launch(PROGRAM, 2, &["--wrong", "rank-zero-creates"], data.path()),
        4,
    );
    assert_eq!(
        run.stdout,
        "rank 0 creates the file ...\n",
        "{}",
        run.report()
    );
}

#[test]
fn an_error_on_one_rank_hangs_without_a_word() {
    let data = scratch();
    let run = hang(
        &mut launch(PROGRAM, 3, &["--wrong", "error"], data.path()),
        4,
    );
    assert_eq!(run.stdout, "", "{}", run.report());
    assert_eq!(run.complaints(), "", "{}", run.report());
}

#[test]
fn a_panic_on_one_rank_hangs_with_its_message() {
    let data = scratch();
    let run = hang(
        &mut launch(PROGRAM, 3, &["--wrong", "panic"], data.path()),
        4,
    );
    assert!(
        run.err[1].contains("index out of bounds"),
        "{}",
        run.report()
    );
}

#[test]
fn the_guard_ends_all_ranks_after_an_error() {
    let data = scratch();
    let started = Instant::now();
    let run = fail(&launch(
        PROGRAM,
        3,
        &["--wrong", "error-guarded"],
        data.path(),
    ));
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "ended, but not soon"
    );
    assert!(
        run.err[1].contains("Error on rank 1 of 3: No such file"),
        "{}",
        run.report()
    );
}

#[test]
fn the_guard_ends_all_ranks_after_a_panic() {
    let data = scratch();
    let run = fail(&launch(
        PROGRAM,
        3,
        &["--wrong", "panic-guarded"],
        data.path(),
    ));
    assert!(
        run.err[1].contains("index out of bounds"),
        "{}",
        run.report()
    );
    assert!(
        run.err[1].contains("Error: rank 1 panicked"),
        "{}",
        run.report()
    );
}

/// MPI tells HDF5 that it ends, and HDF5 closes what is open. But its package H5PB, through which
/// it writes, does not start any more while HDF5 shuts down (`FUNC_ENTER_NOAPI` in H5private.h), so
/// what has written nothing before gets the file's length only. The 1.14.5 of Debian 13 does better.
#[test]
fn a_file_that_is_never_closed() {
    let data = scratch();
    succeed(&launch(
        PROGRAM,
        2,
        &["--wrong", "never-closed"],
        data.path(),
    ));
    let file = data.path().join("never-closed.hdf5");
    let opened = open_serially(&file);
    let version = hdf5::library_version();
    match opened {
        Ok(file) => {
            assert!(version > (1, 10, 8), "{version:?} has closed it");
            assert_eq!(file.member_names().unwrap(), ["x"]);
        }
        Err(_) => {
            assert!(version.0 != 1 || version.1 != 14, "{version:?} has not");
            let bytes = std::fs::read(&file).unwrap();
            assert!(!bytes.is_empty(), "it has its length");
            assert!(bytes.iter().all(|it| *it == 0), "nothing is written");
        }
    }
}

#[test]
#[ignore = "runs as a rank"]
fn write_and_never_close() {
    rank(|world| {
        let path = parallel_hdf5::data_folder()?.join("written.hdf5");
        let file = parallel_hdf5::create(&path, world)?;
        let dataset = parallel_hdf5::create_dataset::<f32>(&file, "x", 10)?;
        dataset.write_slice(&[1.5], 0..1)?;
        std::mem::forget(file);
        Ok(())
    });
}

/// What each rank has written something to before is whole.
#[test]
fn a_file_that_is_written_and_never_closed() {
    let data = scratch();
    succeed(&launch_test("write_and_never_close", 2, data.path()));
    let file = open_serially(data.path().join("written.hdf5")).expect("it is closed");
    let x = file.dataset("x").unwrap().read_1d::<f32>().unwrap();
    assert_eq!(x[0], 1.5);
}

#[test]
#[ignore = "runs as a rank"]
fn only_rank_0_asks_for_the_driver() {
    rank(|world| {
        let path = parallel_hdf5::data_folder()?.join("asked.hdf5");
        let file = parallel_hdf5::create(&path, world)?;
        if world.rank() == 0 {
            eprintln!("asks");
            file.fapl()?.driver();
            eprintln!("has asked");
        }
        world.barrier();
        Ok(file.close()?)
    });
}

/// To ask for the driver is collective, in Rust and in h5py.
#[test]
fn a_question_by_one_rank_hangs_in_both_languages() {
    let data = scratch();
    let script = data.path().join("asks.py");
    let text = "import sys, h5py\n\
        from mpi4py import MPI\n\
        world = MPI.COMM_WORLD\n\
        file = h5py.File(sys.argv[1], 'w', driver='mpio', comm=world)\n\
        if world.rank == 0:\n    \
            print('asks', file=sys.stderr, flush=True)\n    \
            file.driver\n    \
            print('has asked', file=sys.stderr, flush=True)\n\
        world.Barrier()\n\
        file.close()\n";
    std::fs::write(&script, text).unwrap();
    let file = data.path().join("asked-by-python.hdf5");
    let in_rust = launch_test("only_rank_0_asks_for_the_driver", 2, data.path());
    let in_python = launch_python(&script, 2, &[file.to_str().unwrap()], data.path());
    for mut launch in [in_rust, in_python] {
        let run = hang(&mut launch, 8);
        assert!(run.err[0].contains("asks"), "{}", run.report());
        assert!(!run.err[0].contains("has asked"), "{}", run.report());
    }
}

/// The Python program sees the same, and each opens what the other has created.
#[test]
fn python_creates_the_same_file() {
    let data = scratch();
    let script = root().join("chapters/02-open-mpio/open_mpio.py");
    let rust = succeed(&launch(PROGRAM, 3, &[], data.path()));
    let python = succeed(&launch_python(&script, 3, &[], data.path()));
    assert_eq!(python.out, rust.out, "{}", python.report());
    assert_same_contents(data.path(), "shared.hdf5", "shared-by-python.hdf5");
    let by_python = open_serially(data.path().join("shared-by-python.hdf5")).unwrap();
    assert_eq!(by_python.member_names().unwrap(), ["made-together"]);
    let reads = "import h5py; print(*h5py.File('shared.hdf5'))";
    let read = Command::new(common::python())
        .args(["-c", reads])
        .current_dir(data.path())
        .output()
        .expect("python3 can be started");
    assert_eq!(
        String::from_utf8_lossy(&read.stdout),
        "made-together\n",
        "{read:?}"
    );
}
