//! The benchmark: all who take part come to the same results, wrong ones are found, and the
//! figures of the book are those of the runs that lie beside them. No time is looked at.

mod common;

use std::path::PathBuf;
use std::process::Command;

use author::bench::{self, Bench, Sample};
use common::*;

#[test]
fn all_programs_agree_and_can_be_compared() {
    let folder = scratch();
    let out = folder.path().to_str().unwrap();
    let output = command_of_a_reader(author_program())
        .args(["bench", "--size", "tiny", "--out", out])
        .output()
        .expect("it can be started");
    assert!(output.status.success(), "{}", printed(&output));
    let found = bench::read(&folder.path().join("bench.json")).unwrap();
    let everybody = [
        "`distances`",
        "`distances --form vector`",
        "`distances --form blocks`",
        "`distances --form whole`",
        "C, blocks, tuned",
        "C, blocks",
        "C, whole slab",
        "h5py, blocks",
        "h5py, whole slab",
        "MPI-IO, blocks",
        "the floor",
    ];
    // Debian's h5py is built for Open MPI.
    let without_h5py: Vec<&str> = everybody
        .into_iter()
        .filter(|it| !it.starts_with("h5py"))
        .collect();
    let [of_open_mpi, of_mpich] = &found.contests[..] else {
        panic!(
            "{} contests, and {:?}",
            found.contests.len(),
            found.left_out
        );
    };
    for (contest, right) in [(of_open_mpi, &everybody[..]), (of_mpich, &without_h5py)] {
        let names: Vec<&str> = contest.entrants.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, right, "{}", contest.title());
        for entrant in &contest.entrants {
            for samples in [&entrant.first, &entrant.again] {
                let [Sample { work, memory, .. }] = samples[..] else {
                    panic!("one round, not {}: {}", samples.len(), entrant.name);
                };
                assert!(work > 0.0, "{}", entrant.name);
                assert_eq!(
                    memory > 0.0,
                    entrant.name != "the floor",
                    "{}",
                    entrant.name
                );
            }
            for first in [true, false] {
                let ratio = contest.ratio(&entrant.name, first).unwrap().median;
                assert!(ratio.is_finite() && ratio > 0.0, "{}", entrant.name);
            }
        }
        assert!(contest.only_open > 0.0);
    }
    assert_eq!(found.slabs.len(), 2);
    for ways in found.slabs.values() {
        for slabs in ways.values() {
            for phase in ["first write", "rewrite", "read"] {
                assert_eq!(slabs.library[phase].len(), 1);
                assert_eq!(slabs.mpi_io[phase].len(), 1);
            }
        }
        assert_eq!(ways.len(), 4, "two layouts, two modes");
    }

    // What a person sees.
    let says = String::from_utf8_lossy(&output.stdout);
    let written = std::fs::read_to_string(folder.path().join("figures.md")).unwrap();
    for text in [&*says, &*written] {
        for name in everybody {
            assert!(text.contains(&format!("| {name} ")), "{name}:\n{text}");
        }
        assert!(
            text.contains("| against C, whole slab, first write "),
            "{text}"
        );
    }
    let chart = std::fs::read_to_string(folder.path().join("chart.svg")).unwrap();
    assert!(chart.contains(">h5py, whole slab</text>"), "{chart}");
}

/// The file that all work on: what is not right to the last bit is found, and where.
#[test]
fn a_wrong_result_does_not_count() {
    let folder = scratch();
    let file = folder.path().join("own.hdf5");
    let path = file.to_str().unwrap();
    let program = build_program("baselines", "bench-file");
    let ask = |args: &[&str]| {
        let output = Command::new(&program).args(args).output().unwrap();
        let says = String::from_utf8_lossy(&output.stderr).into_owned();
        (output, says)
    };
    let (made, says) = ask(&["make", path, "1000"]);
    assert!(made.status.success(), "{says}");
    let begins = String::from_utf8_lossy(&made.stdout).into_owned();
    let [coords, distances] = begins.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{begins}");
    };
    let compare = ["compare", path, coords, distances, "1000"];
    let (nothing_written, says) = ask(&compare);
    assert!(!nothing_written.status.success());
    assert!(says.starts_with("Error: distances[0] is "), "{says}");

    let distances_program = env!("CARGO_BIN_EXE_distances");
    succeed(&launch(
        distances_program,
        3,
        &["--file", path],
        folder.path(),
    ));
    let (right, says) = ask(&compare);
    assert!(right.status.success(), "{says}");

    // One bit.
    let dataset = change_serially(&file)
        .unwrap()
        .dataset("distances")
        .unwrap();
    let mut values = dataset.read_1d::<f32>().unwrap();
    values[777] = f32::from_bits(values[777].to_bits() ^ 1);
    dataset.write(&values).unwrap();
    drop(dataset);
    let (wrong, says) = ask(&compare);
    assert!(!wrong.status.success());
    assert!(says.starts_with("Error: distances[777] is "), "{says}");

    // What was there does not pass for a result.
    for more in [&[][..], &["--keep-room"], &["--keep-room", "--cold"]] {
        succeed(&launch(
            distances_program,
            2,
            &["--file", path],
            folder.path(),
        ));
        let spoil = [&["spoil", path, distances, "1000"], more].concat();
        let (spoilt, says) = ask(&spoil);
        assert!(spoilt.status.success(), "{says}");
        assert!(!ask(&compare).0.status.success(), "{spoil:?}");
    }
}

#[test]
fn the_books_figures_are_those_of_the_runs_beside_them() {
    let speed = root().join("chapters/speed");
    let mut runs: Vec<PathBuf> = std::fs::read_dir(&speed)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "json"))
        .collect();
    runs.sort();
    assert_eq!(runs.len(), 3, "three runs");
    let folder = scratch();
    bench::render(&runs, folder.path()).unwrap();
    for name in ["figures.md", "chart.svg"] {
        let [right, found] = [folder.path(), &speed]
            .map(|it| std::fs::read_to_string(it.join(name)).unwrap());
        assert!(
            right == found,
            "`author bench chapters/speed/*.json --out chapters/speed`"
        );
    }
}

/// Not everything that is JSON is a benchmark.
#[test]
fn what_is_no_run_is_refused() {
    let folder = scratch();
    let file = folder.path().join("other.json");
    std::fs::write(&file, "{\"command\": \"make bench\"}").unwrap();
    let error = bench::read(&file).unwrap_err();
    let says = format!("{error:#}");
    assert!(
        says.contains("other.json is not what `make bench` writes"),
        "{says}"
    );
    let nothing: &[Bench] = &[];
    assert!(bench::report::markdown(nothing).is_err());
}
