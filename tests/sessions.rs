//! Every transcript of the book is made again by the command on its first line.

mod common;

use common::*;
use workbook::mpi::Toolchain;
use workbook::session::Session;

#[test]
fn every_transcript_is_what_its_command_prints() {
    let toolchain = toolchain();
    let sessions = Session::all(root()).unwrap();
    let releases = toolchain.releases();
    let mut replayed = 0;
    let mut wrong = String::new();
    for session in sessions.iter().filter(|it| it.is_for(&releases)) {
        let printed = session.replay(root(), &toolchain).unwrap();
        if !session.agrees(&printed) {
            let file = session.file.strip_prefix(root()).unwrap().display();
            let (old, new) = (
                session.comparable(&session.expected),
                session.comparable(&printed),
            );
            let diff = similar::TextDiff::from_lines(&old, &new);
            wrong += &format!("{file}: $ {}\n{}", session.command, diff.unified_diff());
        }
        replayed += 1;
    }
    assert!(
        wrong.is_empty(),
        "if this is how it should be, `make bless`:\n{wrong}"
    );
    assert!(replayed >= 10, "only {replayed} transcripts were found");
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
