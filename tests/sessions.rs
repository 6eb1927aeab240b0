//! Every transcript of the book is made again by the command on its first line.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use author::session::Session;
use common::*;
use launch::Toolchain;

/// So many at a time: some hang, which is seen by waiting, and a launcher waits, too.
const AT_A_TIME: usize = 4;

#[test]
fn every_transcript_is_what_its_command_prints() {
    let toolchain = toolchain();
    let mut sessions = Session::all(root()).unwrap();
    let releases = toolchain.releases();
    sessions.retain(|it| it.is_for(&releases));
    // Those that take longest first, so that none of them is alone in the end: the `make` commands.
    sessions.sort_by_key(|it| !it.command.starts_with("make "));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(session) = sessions.get(next.fetch_add(1, Ordering::Relaxed)) {
            let printed = session.replay(root(), &toolchain).unwrap();
            if !session.agrees(&printed) {
                wrong.push(difference(session, &printed));
            }
        }
        wrong
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        let found = workers.into_iter().flat_map(|it| it.join().unwrap());
        found.collect()
    });
    assert!(
        wrong.is_empty(),
        "if this is how it should be, `make bless`:\n{}",
        wrong.concat()
    );
    let replayed = sessions.len();
    assert!(replayed >= 10, "only {replayed} transcripts were found");
}

fn difference(session: &Session, printed: &str) -> String {
    let file = session.file.strip_prefix(root()).unwrap().display();
    let (old, new) = (
        session.comparable(&session.expected),
        session.comparable(printed),
    );
    let diff = similar::TextDiff::from_lines(&old, &new);
    format!("{file}: $ {}\n{}", session.command, diff.unified_diff())
}

/// The toolchain that the programs under test were built with.
fn toolchain() -> Toolchain {
    let mut toolchain = Toolchain::find(mpi(), root(), None).unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_hello-rank"));
    // target/debug/hello-rank lies two folders below the target folder
    toolchain.target = program.ancestors().nth(2).unwrap().to_owned();
    if let Some(hdf5) = std::env::var_os("HDF5_DIR") {
        toolchain.hdf5 = hdf5.into();
    }
    toolchain
}
