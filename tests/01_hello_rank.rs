//! Chapter 1: a greeting from every rank, in any order; the gathered lines in rank order.

mod common;

use common::*;

const PROGRAM: &str = env!("CARGO_BIN_EXE_hello-rank");

#[test]
fn every_rank_greets_once() {
    let data = scratch();
    for ranks in RANKS {
        let run = succeed(&launch(PROGRAM, ranks, &[], data.path()));
        for rank in 0..ranks {
            let own: Vec<&str> = run.out[rank].lines().collect();
            assert_eq!(own[0], format!("Hello World (from process {rank})"));
            assert_eq!(own[1], format!("I am rank {rank} of {ranks}"));
        }
        let gathered: Vec<&str> = run.out[0].lines().skip(2).collect();
        let in_order: Vec<String> = (0..ranks)
            .map(|rank| format!("gathered: rank {rank} of {ranks}"))
            .collect();
        assert_eq!(gathered, in_order);
        assert!(
            run.out.iter().skip(1).all(|own| own.lines().count() == 2),
            "{}",
            run.report()
        );
        assert_eq!(run.complaints(), "");
    }
}

#[test]
fn alone_it_is_rank_0_of_1_and_no_launcher_is_missed() {
    let output = std::process::Command::new(PROGRAM)
        .output()
        .expect("it can be started");
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "Hello World (from process 0)\nI am rank 0 of 1\ngathered: rank 0 of 1\n"
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn the_other_mpis_launcher_is_noticed_and_said_once() {
    let other = match mpi() {
        launch::Mpi::OpenMpi => launch::Mpi::Mpich,
        launch::Mpi::Mpich => launch::Mpi::OpenMpi,
    };
    let data = scratch();
    let mut launch = launch(PROGRAM, 3, &[], data.path());
    launch.mpi = other;
    launch.launcher = other
        .launcher(root())
        .expect("the tests' set-up installs both MPIs");
    let run = succeed(&launch);
    assert_eq!(
        run.stdout.matches("I am rank 0 of 1").count(),
        3,
        "{}",
        run.report()
    );
    let complaints = run.complaints();
    let warnings = complaints
        .matches("Warning: the launcher started 3 processes")
        .count();
    assert_eq!(warnings, 1, "{}", run.report());
    assert!(complaints.contains("built for another MPI"), "{complaints}");
}

/// The Python program of the page prints the same lines, rank by rank.
#[test]
fn python_says_the_same() {
    let data = scratch();
    let script = root().join("chapters/01-hello-rank/hello_rank.py");
    for ranks in [1, 4] {
        let python = succeed(&launch_python(&script, ranks, &[], data.path()));
        let rust = succeed(&launch(PROGRAM, ranks, &[], data.path()));
        assert_eq!(python.out, rust.out, "{}", python.report());
    }
}

/// The launcher names the rank in front of each line; what is left is the rank's own text.
#[test]
fn what_a_rank_prints_is_kept_to_the_letter() {
    let data = scratch();
    let text = "  two blanks\n\n one blank\n\ta tab\n[0] a bracket\n";
    for ranks in [1, 3] {
        let run = succeed(&launch("printf", ranks, &[text], data.path()));
        for rank in 0..ranks {
            assert_eq!(run.out[rank], text, "{}", run.report());
        }
    }
}
