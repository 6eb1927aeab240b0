//! The page on scaling: its tables and its chart are those of what was measured and published,
//! and starting can be measured again.

mod common;

use std::fs;

use author::scaling::{self, Programs, Starts};
use common::*;
use launch::Mpi;
use virtual_cluster::hosts;
use workbook::traced::Tools;

#[test]
fn the_figures_of_the_page_are_those_of_what_was_measured() {
    let started = scaling::measured(root()).unwrap();
    assert!(started.ranks.len() >= 3 && started.hosts.len() >= 3);
    let folder = root().join("chapters/10-cluster");
    for (name, text) in scaling::figures(root(), &started).unwrap() {
        let shown = fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(shown, text, "{name}: `make figures-10` writes it anew");
    }
    // The page shows each part.
    let page = fs::read_to_string(folder.join("scaling.md")).unwrap();
    for part in ["chapter-3", "chapter-6", "measured", "published", "about"] {
        let include = format!("{{{{#include scaling-figures.md:{part}}}}}");
        assert!(page.contains(&include), "{include}");
    }
}

#[test]
fn a_slower_start_shows_where_it_should() {
    let started = scaling::measured(root()).unwrap();
    let mut slower = started.clone();
    for seconds in slower.ranks.values_mut().chain(slower.hosts.values_mut()) {
        seconds.iter_mut().for_each(|it| *it *= 100.0);
    }
    let lines = |started: &_| -> Vec<String> {
        let [(_, text), _] = scaling::figures(root(), started).unwrap();
        let lines = text.lines().filter(|it| it.starts_with("| "));
        lines.map(|it| it.replace(' ', "")).collect()
    };
    let (is, slow) = (lines(&started), lines(&slower));
    let differ = is.iter().zip(&slow).filter(|(a, b)| a != b).count();
    assert_eq!(is.len(), slow.len());
    // Starting the ranks, and the three numbers that it comes from.
    assert_eq!(differ, 4, "{is:#?}\n{slow:#?}");
}

#[test]
fn starting_can_be_measured() {
    if mpi() != Mpi::OpenMpi {
        return; // it is Open MPI's starting
    }
    if let Some(why) = hosts::refused() {
        println!("not tried: measuring starts: {why}");
        return;
    }
    let starts = Starts {
        rounds: 1,
        ranks: &[1, 2],
        hosts: &[1, 2],
    };
    let folder = workbook_program().parent().unwrap();
    // As tests/trace.rs builds them.
    let built = std::process::Command::new("cargo")
        .args(["build", "--quiet", "--locked", "--package", "recorder"])
        .arg("--target-dir")
        .arg(folder.parent().unwrap())
        .current_dir(root())
        .status();
    assert!(built.unwrap().success(), "the recorder and the check build");
    let programs = Programs {
        launcher: Mpi::OpenMpi.launcher(root()).unwrap(),
        workbook: workbook_program().to_owned(),
        hello: env!("CARGO_BIN_EXE_hello-rank").into(),
        distances: env!("CARGO_BIN_EXE_distances").into(),
        tools: Tools::of(folder),
    };
    let started = scaling::measure(&programs, starts).unwrap();
    for times in [&started.ranks, &started.hosts] {
        assert_eq!(times.keys().copied().collect::<Vec<_>>(), [1, 2]);
        assert!(times.values().flatten().all(|it| *it > 0.0), "{started:?}");
    }
    assert!(started.metadata_reads > 0);
    scaling::figures(root(), &started).unwrap();
}
