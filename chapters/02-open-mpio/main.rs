//! Chapter 2: all ranks open one file together, and see that it is one.

mod wrong;

use std::os::unix::fs::MetadataExt;
use std::process::ExitCode;

use clap::Parser;
use hdf5::File;
use hdf5::file::FileDriver;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::about::communicator_size;
use parallel_hdf5::print_in_order;

/// Opens one file from all ranks.
#[derive(Parser)]
struct Args {
    /// Run one of the mistakes of the page instead.
    #[arg(long)]
    wrong: Option<wrong::Mistake>,
}

// ANCHOR: main
fn main() -> ExitCode {
    let args: Args = match parallel_hdf5::parse_args() {
        Ok(args) => args,
        Err(status) => return status,
    };
    match args.wrong {
        None => parallel_hdf5::run(open_together),
        Some(mistake) => wrong::make(mistake),
    }
}
// ANCHOR_END: main

fn open_together(world: &SimpleCommunicator) -> parallel_hdf5::Result<()> {
    let path = parallel_hdf5::data_folder()?.join("shared.hdf5");

    // ANCHOR: create
    // Collective: every rank makes this call, with the same path.
    let file = File::with_options()
        .with_fapl(|access| access.mpio(world.as_raw(), None))
        .create(&path)?;
    // ANCHOR_END: create

    // ANCHOR: structure
    // Collective too: it changes the structure of the file.
    file.create_group("made-together")?;
    // ANCHOR_END: structure

    // ANCHOR: see
    // What this rank sees: the file's driver, its communicator, the file behind the name.
    let FileDriver::Mpio(driver) = file.fapl()?.driver() else {
        return Err("the file was not opened through MPI-IO".into());
    };
    let ranks_of_file = communicator_size(driver.comm);
    let inode = std::fs::metadata(&path)?.ino();
    // ANCHOR_END: see

    // ANCHOR: report
    // Is it the inode of the file that rank 0 has open?
    let mut inode_of_rank_0 = inode;
    world
        .process_at_rank(0)
        .broadcast_into(&mut inode_of_rank_0);
    let same = if inode == inode_of_rank_0 {
        "the same file"
    } else {
        "ANOTHER file"
    };
    let rank = world.rank();
    print_in_order(
        world,
        &format!("rank {rank}: driver mpio, communicator of {ranks_of_file}, {same}"),
    );
    // ANCHOR_END: report

    // ANCHOR: close
    // Collective, and before MPI ends. Dropping `file` would do the same, but could not
    // report an error.
    file.close()?;
    // ANCHOR_END: close
    Ok(())
}
