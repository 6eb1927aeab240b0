//! Chapter 8: what a killed rank leaves, how a run goes on from it, and the catalogue's list.
//! (The catalogue itself is made in the tests of the transcripts, under both MPIs.)

mod common;

use std::path::Path;
use std::process::Command;

use common::*;
use launch::Run;
use launch::supervise::Ended;
use workbook::chapter::Chapter;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pitfalls");

/// Runs it, and fails the test unless a signal or the launcher ended it.
#[track_caller]
fn killed(ranks: usize, args: &[&str], folder: &Path) -> Run {
    let run = launch(PROGRAM, ranks, args, folder).run().unwrap();
    let ended = !matches!(run.ended, Ended::Exit(0) | Ended::Limit(_));
    assert!(ended, "{args:?} with {ranks} ranks\n{}", run.report());
    assert!(run.left_behind.is_empty(), "{:?}", run.left_behind);
    assert!(!run.stdout.contains("are done"), "{}", run.report());
    run
}

/// What the program says is left, without a launcher.
fn left(folder: &Path) -> String {
    let output = Command::new(PROGRAM)
        .arg("--left")
        .env("WORKBOOK_DATA", folder)
        .output()
        .expect("it can be started");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The bits of all rows.
fn states(folder: &Path) -> Vec<u64> {
    let file = open_serially(folder.join("steps.hdf5")).expect("HDF5, serially");
    let states = file.dataset("states").unwrap().read_raw::<f64>().unwrap();
    states.into_iter().map(f64::to_bits).collect()
}

#[test]
fn never_flushed_it_does_not_open() {
    for ranks in [1, 3] {
        let data = scratch();
        let death = format!("rank={},step=2", ranks - 1);
        let args = ["--steps", "4", "--flush", "never", "--die", &death];
        killed(ranks, &args, data.path());
        assert!(
            left(data.path()).starts_with("steps.hdf5 does not open: "),
            "{}",
            left(data.path())
        );
    }
}

/// At each of its three points; and then it goes on, to the same bits.
#[test]
fn flushed_it_costs_one_step_and_goes_on_to_the_same_bits() {
    let whole = scratch();
    succeed(&launch(PROGRAM, 3, &["--steps", "5"], whole.path()));
    let right = states(whole.path());
    for (ranks, point, said) in [
        (
            1,
            "half-written",
            "2 steps are whole, 2 are marked complete; step 2 is torn: 8 of 16 cells",
        ),
        (
            4,
            "half-written",
            "2 steps are whole, 2 are marked complete; step 2 is torn: 8 of 16 cells",
        ),
        (2, "flushed", "3 steps are whole, 2 are marked complete"),
        (7, "counted", "3 steps are whole, 3 are marked complete"),
    ] {
        let data = scratch();
        let death = format!("rank=0,step=2,point={point}");
        killed(ranks, &["--steps", "5", "--die", &death], data.path());
        assert_eq!(left(data.path()), format!("steps.hdf5 opens: {said}\n"));
        assert_ne!(states(data.path()), right);
        // With another number of ranks: the cells do not depend on who computes them.
        let run = succeed(&launch(
            PROGRAM,
            2,
            &["--steps", "5", "--restart"],
            data.path(),
        ));
        let after = if point == "counted" { 3 } else { 2 };
        assert_eq!(
            run.out[0],
            format!("going on after {after} steps\n5 steps are done\n")
        );
        assert_eq!(states(data.path()), right, "{ranks} ranks, {point}");
    }
}

#[test]
fn in_place_nothing_is_whole() {
    let data = scratch();
    let args = ["--steps", "4", "--in-place", "--die", "rank=1,step=2"];
    killed(2, &args, data.path());
    assert_eq!(
        left(data.path()),
        "state.hdf5 opens: 8 of 16 cells are those after 2 steps, 8 those after 3\n"
    );
}

#[test]
fn renamed_the_last_step_is_whole() {
    let data = scratch();
    let args = ["--steps", "4", "--checkpoint", "--die", "rank=1,step=2"];
    killed(3, &args, data.path());
    let said = left(data.path());
    assert!(
        said.starts_with("state.hdf5 opens: the state after 2 steps, whole\n"),
        "{said}"
    );
    assert!(said.contains("state.hdf5.part "), "{said}");
    let on = ["--steps", "60", "--checkpoint", "--restart"];
    let run = succeed(&launch(PROGRAM, 4, &on, data.path()));
    assert!(
        run.out[0].starts_with("going on after 2 steps\n"),
        "{}",
        run.report()
    );
    // The model is computed again, in one process, for all 60 steps.
    assert_eq!(
        left(data.path()),
        "state.hdf5 opens: the state after 60 steps, whole\n"
    );
}

#[test]
fn what_makes_no_sense_is_said_once_and_by_all() {
    let data = scratch();
    let run = fail(&launch(
        PROGRAM,
        3,
        &["--steps", "2", "--restart"],
        data.path(),
    ));
    assert!(
        run.complaints()
            .starts_with("Error: cannot go on: steps.hdf5: "),
        "{}",
        run.report()
    );
    assert_eq!(run.complaints().matches("cannot go on").count(), 1);
    let nobody = ["--steps", "2", "--die", "rank=9,step=1"];
    let run = fail(&launch(PROGRAM, 4, &nobody, data.path()));
    assert!(
        run.complaints().contains("nobody was killed"),
        "{}",
        run.report()
    );
}

/// The page, the program, the check and the command have the same mistakes.
#[test]
fn the_list_is_everywhere_the_same() {
    let output = Command::new(PROGRAM).arg("--list").output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let listed: Vec<&str> = listed
        .lines()
        .filter_map(|it| it.split("  ").next())
        .collect();
    let chapter = Chapter::find(root(), "pitfalls").unwrap();
    let planned = chapter.plan.mistake.iter();
    let planned: Vec<&str> = planned.map(|it| it.name.as_str()).collect();
    assert_eq!(listed, planned);
    for session in ["session.txt", "session-mpich.txt"] {
        let text = std::fs::read_to_string(chapter.folder.join(session)).unwrap();
        let rows = text.lines().filter_map(|it| it.strip_prefix("| "));
        let rows: Vec<&str> = rows.filter_map(|it| it.split(' ').next()).collect();
        let rows: Vec<&str> = rows.into_iter().filter(|it| *it != "Mistake").collect();
        // MPICH's are those that Open MPI does not have.
        match session {
            "session.txt" => assert_eq!(rows, listed, "{session}"),
            _ => assert!(rows.iter().all(|it| listed.contains(it)), "{session}"),
        }
    }
}

/// Symptoms that nothing but the number of ranks could change.
#[test]
fn silent_mistakes_are_silent_with_more_ranks() {
    for (ranks, name) in [
        (3, "names-differ"),
        (4, "one-rank-attribute"),
        (7, "overlap"),
    ] {
        let data = scratch();
        let run = succeed(&launch(PROGRAM, ranks, &["--wrong", name], data.path()));
        assert_eq!(run.complaints(), "", "{}", run.report());
        let file = open_serially(data.path().join("pitfall.hdf5")).expect("it opens");
        let wrong = match name {
            "names-differ" => file.member_names().unwrap().len() == 1,
            "overlap" => {
                let owners = file.dataset("owner").unwrap().read_raw::<i32>().unwrap();
                // 7 ranks and 8 rows: rank 0 has two, and rank 1 takes one of them.
                owners[1] == 1
            }
            _ => file
                .dataset("numbers")
                .unwrap()
                .attr_names()
                .unwrap()
                .is_empty(),
        };
        assert!(wrong, "{name} with {ranks} ranks");
    }
}

/// Hangs cost their whole limit, so these two wait at the same time.
#[test]
fn hangs_hang_with_more_ranks() {
    std::thread::scope(|scope| {
        for (ranks, name) in [(3, "one-rank-dataset"), (4, "no-rows-no-call")] {
            scope.spawn(move || {
                let data = scratch();
                let args = ["--wrong", name];
                let run = hang(&mut launch(PROGRAM, ranks, &args, data.path()), 5);
                assert_eq!(run.stdout, "", "{}", run.report());
            });
        }
    });
}

/// h5py is the same library: the same symptoms, and a file that both can read.
#[test]
fn python_has_the_same_traps() {
    let data = scratch();
    let script = root().join("chapters/08-pitfalls/pitfalls.py");
    let run = succeed(&launch_python(&script, 3, &[], data.path()));
    let mut expected = vec![
        "names: 1 of 3 datasets",
        "narrow: 2147483647",
        "temporary: an independent write, refused",
        "link, r: opened by 3 of 3 ranks",
        "link, r+: opened by 1 of 3 ranks",
        "checkpoint: [2 2 2 2 2 2 2 2]",
    ];
    let mut lines: Vec<&str> = run.out[0].lines().collect();
    if !has_hdf5_1_10() && lines.len() == expected.len() {
        // A newer h5py may hand on the driver.
        println!("{}", lines.remove(4));
        expected.remove(4);
    }
    assert_eq!(lines, expected, "{}", run.report());
    let file = open_serially(data.path().join("state-by-python.hdf5")).unwrap();
    let state = file.dataset("state").unwrap().read_raw::<i64>().unwrap();
    assert_eq!(state, [2; 8]);
    assert!(!data.path().join("state-by-python.hdf5.part").exists());
}

/// (Python's HDF5 is that of the system, as a rule ours.)
fn has_hdf5_1_10() -> bool {
    parallel_hdf5::about::hdf5_version().starts_with("1.10.")
}

/// All ranks make the same calls; with HDF5 1.10, one of them gets an error or they hang.
#[test]
fn an_index_of_the_order_of_attributes_is_not_for_many_ranks() {
    let script = root().join("chapters/08-pitfalls/pitfalls.py");
    let data = scratch();
    let without = succeed(&launch_python(&script, 4, &["no-order"], data.path()));
    assert_eq!(without.out[0], "it ended\n", "{}", without.report());
    let data = scratch();
    let mut launch = launch_python(&script, 4, &["order"], data.path());
    launch.limit = std::time::Duration::from_secs(30);
    let run = launch.run().unwrap();
    match run.ended.success() {
        true if has_hdf5_1_10() => panic!("{}", run.report()),
        true => println!("it ended well: {}", run.report()),
        false => println!("it did not: {}", run.report()),
    }
}

/// A number for many rows is a call for each.
#[test]
fn python_fills_rows_in_a_loop_and_hangs() {
    let script = root().join("chapters/08-pitfalls/pitfalls.py");
    let data = scratch();
    let alone = succeed(&launch_python(&script, 1, &["scalar"], data.path()));
    assert_eq!(alone.out[0], "it ended\n");
    for ranks in [2, 3] {
        let mut launch = launch_python(&script, ranks, &["scalar"], data.path());
        let run = hang(&mut launch, 8);
        assert_eq!(run.stdout, "", "{}", run.report());
        let cured = succeed(&launch_python(&script, ranks, &["array"], data.path()));
        assert_eq!(cured.out[0], "it ended\n");
    }
}

/// What is too large for an attribute in the old format is not in the new one.
#[test]
fn a_large_attribute_needs_the_newer_format() {
    let data = scratch();
    for (newer, name) in [(false, "old.hdf5"), (true, "new.hdf5")] {
        let mut options = hdf5::File::with_options();
        let file = match newer {
            true => options
                .with_fapl(|it| it.libver_latest())
                .create(data.path().join(name)),
            false => options.create(data.path().join(name)),
        };
        let file = file.unwrap();
        let attribute = file.new_attr::<u64>().shape(10_000).create("offsets");
        // HDF5 2 may not make the old format unless it is asked to.
        if newer || hdf5::library_version().0 == 1 {
            assert_eq!(attribute.is_ok(), newer, "{name}");
        }
    }
}
