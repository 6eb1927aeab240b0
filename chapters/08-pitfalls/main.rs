//! Chapter 8: wrong programs and their cures; and what is left when one is killed.

mod catalogue;
mod left;
mod mistakes;
mod model;
mod steps;

use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use mistakes::Mistake;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::Result;

/// Makes a mistake, or runs its cure; or a simulation that may be killed.
#[derive(Parser)]
#[command(group = ArgGroup::new("what").required(true))]
struct Args {
    /// List the mistakes.
    #[arg(long, group = "what")]
    list: bool,
    /// Make a mistake. Some hang.
    #[arg(long, group = "what", value_name = "NAME")]
    wrong: Option<Mistake>,
    /// Do the same as it should be done.
    #[arg(long, group = "what", value_name = "NAME")]
    cure: Option<Mistake>,
    /// Run the simulation: so many steps in all.
    #[arg(long, group = "what", value_name = "N")]
    steps: Option<usize>,
    #[command(flatten)]
    how: steps::Options,
    /// Look at what a simulation left.
    #[arg(long, group = "what")]
    left: bool,
}

fn main() -> ExitCode {
    let args: Args = match parallel_hdf5::parse_args() {
        Ok(args) => args,
        Err(status) => return status,
    };
    match (args.wrong, args.cure, args.steps) {
        (Some(mistake), _, _) => mistakes::make(mistake),
        (_, Some(mistake), _) => mistakes::cure(mistake),
        (_, _, Some(steps)) => parallel_hdf5::run(|world| args.how.run(world, steps)),
        _ => parallel_hdf5::run(|world| tell(world, args.left)),
    }
}

/// Of several ranks, one says what is left, or lists the mistakes.
fn tell(world: &SimpleCommunicator, left: bool) -> Result<()> {
    if world.rank() != 0 {
        return Ok(());
    }
    match left {
        true => {
            let said = left::look(&parallel_hdf5::data_folder()?);
            said.iter().for_each(|it| println!("{it}"));
        }
        false => catalogue::CATALOGUE.iter().for_each(|it| println!("{it}")),
    }
    Ok(())
}
