//! Chapter 5: which HDF5 is this program linked with, and do all ranks get to use it?

mod proof;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::inspect::Library;
use parallel_hdf5::{Result, about, agree};

/// Says which HDF5 this program is linked with, and uses it from all ranks.
#[derive(Parser)]
struct Args {
    /// Only look at this file: is it a parallel HDF5 library, or a serial one?
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// Leave out the name of the MPI library.
    #[arg(long)]
    brief: bool,
}

// ANCHOR: main
fn main() -> ExitCode {
    parallel_hdf5::run_with(|world, args: Args| {
        if let Some(file) = &args.library {
            return look_at(file, world);
        }
        if world.rank() == 0 {
            say_what_is_linked(args.brief);
        }
        proof::write_and_read(world)
    })
}
// ANCHOR_END: main

// ANCHOR: linked
/// All of this comes from the library itself, not from the headers of its build.
fn say_what_is_linked(brief: bool) {
    let settings = about::hdf5_settings();
    println!("HDF5 {}", about::hdf5_version());
    println!("parallel: {}", yes_or_no(settings.parallel));
    println!(
        "filtered parallel writes: {}",
        yes_or_no(settings.filtered_writes)
    );
    if !brief {
        println!("MPI: {}", about::mpi_library());
    }
}
// ANCHOR_END: linked

fn yes_or_no(said: Option<bool>) -> &'static str {
    said.map_or("not said", |yes| if yes { "yes" } else { "no" })
}

// ANCHOR: look
/// Reads the file as a file: it is neither linked nor loaded.
fn look_at(file: &Path, world: &SimpleCommunicator) -> Result<()> {
    let library = agree(world, Library::inspect(file))?;
    if world.rank() == 0 {
        println!("{library}");
    }
    Ok(())
}
// ANCHOR_END: look
