//! Chapter 5: which HDF5 is this program linked with, and do all ranks get to use it?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::inspect::Library;
use parallel_hdf5::{Result, Transfer, about, agree, read_rows, rows_of, write_rows};

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

const ROWS: usize = 1000;

// ANCHOR: main
fn main() -> ExitCode {
    parallel_hdf5::run_with(|world, args: Args| {
        if let Some(file) = &args.library {
            return look_at(file, world);
        }
        if world.rank() == 0 {
            say_what_is_linked(args.brief);
        }
        prove(world)
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

fn prove(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("proof.hdf5");
    let mine = rows_of(world.rank(), world.size(), ROWS);

    // ANCHOR: write
    // All ranks write one file; the second dataset goes through a filter on its way.
    let file = parallel_hdf5::create(&path, world)?;
    let values = Array1::from_iter(mine.clone().map(|row| (row * row) as u64));
    let squares = file.new_dataset::<u64>().shape(ROWS).create("squares")?;
    write_rows(&squares, mine.clone(), values.view(), Transfer::Independent)?;
    let builder = file.new_dataset::<u64>().chunk(100).shuffle();
    let filtered = builder.shape(ROWS).create("squares-filtered")?;
    agree(
        world,
        write_rows(&filtered, mine.clone(), values.view(), Transfer::Collective),
    )?;
    drop((squares, filtered));
    file.close()?;
    // ANCHOR_END: write

    // ANCHOR: read
    // Each rank reads all rows: its own, and those that the others wrote.
    let file = parallel_hdf5::open_read_only(&path, world)?;
    let is_right = |(row, value): (usize, &u64)| (row * row) as u64 == *value;
    let mut right = [0_u64; 2];
    for (count, name) in right.iter_mut().zip(["squares", "squares-filtered"]) {
        let all: Array1<u64> =
            read_rows(&file.dataset(name)?, 0..ROWS, Transfer::Collective)?;
        *count = all.iter().enumerate().filter(|it| is_right(*it)).count() as u64;
    }
    file.close()?;
    // ANCHOR_END: read

    report(&right, world)
}

fn report(right: &[u64; 2], world: &SimpleCommunicator) -> Result<()> {
    let root = world.process_at_rank(0);
    if world.rank() != 0 {
        root.gather_into(right);
        return Ok(());
    }
    let mut all = vec![0; 2 * world.size() as usize];
    root.gather_into_root(right, &mut all[..]);
    for (rank, right) in all.chunks(2).enumerate() {
        let wrote = rows_of(rank as i32, world.size(), ROWS);
        println!(
            "rank {rank}: wrote rows {wrote:?}, read {} and {} right",
            right[0], right[1]
        );
    }
    Ok(())
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
