//! Exercise 5.2: the wrong launcher.
//!
//! Each launcher leaves a note in the environment of a process: how many processes it has
//! started. Open MPI's note is called `OMPI_COMM_WORLD_SIZE`, MPICH's `PMI_SIZE`. A program
//! that was built for another MPI cannot read it, and believes to be alone.
//!
//! Write `meant`: how many processes the launcher meant, if MPI knows of one and a note says
//! more; `None` if nothing is wrong. `note` returns what is on a note, if there is one; it may
//! be anything. `meant` is asked about this run, and about some others, which are told in
//! `launches.txt`.
//!
//! Checked, on 1, 2 and 4 ranks: what was found in each case, and the exit status.
//! `make exercise-5-2` checks it, `make hint-5-2` gives a hint.

use std::process::ExitCode;

use mpi::traits::*;

fn meant(size: i32, note: &dyn Fn(&str) -> Option<String>) -> Option<i32> {
    // YOUR PART BEGINS
    //~ // Who is alone has the wrong launcher. Or not?
    //~ if size == 1 { Some(2) } else { None }
    // Ranks that know of each other have the right launcher. What the notes say then may come
    // from somewhere else: a shell that was itself started by a launcher, for example.
    if size > 1 {
        return None;
    }
    // Both notes may be there, one of them with a 1 on it.
    ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"]
        .into_iter()
        .filter_map(|name| note(name)?.parse().ok())
        .find(|meant| *meant > 1)
    // YOUR PART ENDS
}

// Without the guard: it would find out by itself, and end the program.
fn main() -> ExitCode {
    let universe = mpi::initialize().expect("MPI can be started once in a process");
    let world = universe.world();

    let found = meant(world.size(), &|name| std::env::var(name).ok());
    if world.rank() == 0 {
        println!("this run: {}", in_words(found));
        let file = parallel_hdf5::data_folder()
            .expect("there")
            .join("launches.txt");
        let launches = std::fs::read_to_string(file).expect("there is a file of launches");
        for launch in launches.lines() {
            println!("{launch}: {}", in_words(of_others(launch)));
        }
    }
    match found {
        Some(_) => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    }
}

/// What `meant` says of a line like `MPI says 1 PMI_RANK=0 PMI_SIZE=4`.
fn of_others(launch: &str) -> Option<i32> {
    let mut words = launch.split_whitespace().skip(2);
    let size = words.next()?.parse().ok()?;
    let notes: Vec<(&str, &str)> = words.filter_map(|word| word.split_once('=')).collect();
    let note = |name: &str| {
        let found = notes.iter().find(|(is, _)| *is == name);
        found.map(|(_, text)| (*text).to_owned())
    };
    meant(size, &note)
}

fn in_words(found: Option<i32>) -> String {
    match found {
        Some(meant) => format!("the launcher meant {meant}"),
        None => "nothing wrong".to_owned(),
    }
}
