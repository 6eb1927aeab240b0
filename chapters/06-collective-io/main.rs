//! Chapter 6: each rank for itself, or all ranks together; and the proof of which it was.

mod compare;
mod os_calls;
mod table;
mod wish;
mod wrong;

use std::process::ExitCode;

use clap::Parser;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use os_calls::OsCalls;
use parallel_hdf5::{Result, agree, write_slab};
use table::{create_table, readings};

/// Writes tables, each rank for itself and all ranks together.
#[derive(Parser)]
struct Args {
    /// Write this table only: `columns-collective`, say.
    #[arg(long, value_name = "TABLE", value_parser = table::NAMES)]
    only: Option<String>,
    /// How many rows a table has.
    #[arg(long, value_name = "ROWS", default_value_t = 256)]
    moments: usize,
    /// How many columns a table has.
    #[arg(long, value_name = "COLUMNS", default_value_t = 256)]
    sensors: usize,
    /// Ask for what HDF5 will not do collectively.
    #[arg(long)]
    wish: bool,
    /// How much faster is it together? In so many rounds.
    #[arg(long, value_name = "ROUNDS", num_args = 0..=1, default_missing_value = "9")]
    compare: Option<usize>,
    /// Do it wrong: ranks without a column leave out the call. Hangs on four ranks.
    #[arg(long, value_name = "HOW", value_parser = ["leave-out"])]
    wrong: Option<String>,
}

fn main() -> ExitCode {
    parallel_hdf5::run_with(|world, args: Args| match args {
        Args {
            compare: Some(rounds),
            ..
        } => compare::compare(world, rounds),
        Args { wish: true, .. } => wish::wishes(world),
        Args { wrong: Some(_), .. } => wrong::leave_out(world),
        args => write_tables(world, args.only.as_deref(), [args.moments, args.sensors]),
    })
}

fn write_tables(
    world: &SimpleCommunicator,
    only: Option<&str>,
    shape: [usize; 2],
) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("readings.hdf5");
    let file = agree(world, parallel_hdf5::create(&path, world))?;
    let wanted = |name| only.is_none_or(|only| only == name);
    for (name, share, transfer) in table::all().filter(|it| wanted(it.0)) {
        let table = agree(world, create_table(&file, name, shape))?;
        // ANCHOR: write
        let slab = share.of(world.rank(), world.size(), &table);
        let mine = readings(&slab);
        let write = || write_slab(&table, &slab, mine.view(), transfer);

        let (outcome, calls) = OsCalls::of(write);
        let report = agree(world, outcome)?;
        // ANCHOR_END: write
        let of_ranks = calls.of_ranks(world);
        if world.rank() == 0 {
            let writes: Vec<u64> = of_ranks.iter().map(|it| it.writes).collect();
            println!("{share}: {report}; each rank's writes: {writes:?}");
        }
    }
    agree(world, file.close())?;
    Ok(())
}
