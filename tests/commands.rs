//! The commands of the Makefile, used as a reader uses them.

mod common;

use std::process::{Command, Output};

use common::*;

/// `make …` in the workbook's folder, without what cargo put into our environment.
fn make(words: &[&str]) -> Output {
    let mut make = Command::new("make");
    make.args(words)
        .arg(format!("MPI={}", mpi().name()))
        .current_dir(root());
    as_of_a_reader(&mut make);
    make.env_remove("WORKBOOK_MPI");
    make.output().expect("make can be started")
}

#[test]
fn help_lists_every_command() {
    for words in [&["help"][..], &[]] {
        let output = make(words);
        let help = printed(&output);
        assert!(output.status.success(), "{help}");
        for target in [
            "chapter-N",
            "exercise-3",
            "exercise-3-2",
            "watch",
            "progress",
            "grade",
            "classroom",
            "report",
            "dist",
            "author-check",
            "test",
            "book",
            "serve",
            "doctor",
            "bless",
            "clean",
        ] {
            let line = help
                .lines()
                .find(|line| line.starts_with(&format!("make {target} ")));
            assert!(
                line.is_some_and(|line| line.len() > 25),
                "{target}:\n{help}"
            );
        }
    }
}

#[test]
fn a_chapter_shows_its_command_runs_it_and_checks_it() {
    for (target, program) in [
        ("chapter-1", "hello-rank"),
        ("chapter-distances", "distances"),
    ] {
        let output = make(&[target, "NP=1,3"]);
        let text = printed(&output);
        assert!(output.status.success(), "{text}");
        let shown: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("$ mpirun"))
            .collect();
        assert_eq!(shown.len(), 2, "{text}");
        assert!(
            shown[1].contains(" -n 3 ") && shown[1].ends_with(program),
            "{text}"
        );
        assert_eq!(
            text.lines().filter(|line| line.starts_with("ok: ")).count(),
            2
        );
    }
}

/// With 3 ranks the naive program ends well, and leaves rows that nobody computed.
#[test]
fn a_check_that_does_not_hold_is_a_failure() {
    let output = make(&["chapter-3", "NP=3", "ARGS=--naive --rows 1000"]);
    let text = printed(&output);
    assert!(!output.status.success(), "{text}");
    assert!(
        text.contains("NOT OK: distances[750] is 0, should be"),
        "{text}"
    );
}

#[test]
fn a_mistake_that_hangs_is_stopped_and_named() {
    let output = make(&[
        "chapter-2",
        "NP=2",
        "LIMIT=3",
        "ARGS=--wrong rank-zero-creates",
    ]);
    let text = printed(&output);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("no end after 3 s, so all ranks were stopped"),
        "{text}"
    );
    assert!(text.contains("ok: as the page says"), "{text}");
}

#[test]
fn words_that_mean_nothing_are_explained() {
    for (words, complaint) in [
        (
            &["chapter-99"][..],
            "there is no chapter `99`; there are 1 (hello-rank)",
        ),
        (
            &["chapter-1", "NP=none"],
            "the number of ranks is 1 to 1024, not `none`",
        ),
        (
            &["chapter-1", "NP=0"],
            "the number of ranks is 1 to 1024, not `0`",
        ),
        (&["chapter-1", "LIMIT=soon"], "invalid value 'soon'"),
        (&["chapter-1", "ARGS='"], "missing closing quote"),
    ] {
        let output = make(words);
        let text = printed(&output);
        assert!(!output.status.success(), "{text}");
        assert!(text.contains(complaint), "{words:?}:\n{text}");
    }
    let output = Command::new("make")
        .args(["chapter-1", "MPI=intel"])
        .current_dir(root())
        .output()
        .expect("make can be started");
    let text = printed(&output);
    assert!(!output.status.success());
    assert!(
        text.contains("MPI is openmpi or mpich, not intel"),
        "{text}"
    );
}
