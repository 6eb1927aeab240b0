//! Chapter 10: on which node is each rank? Do all nodes see the same folder? Then ranks on all
//! nodes write one file.

mod places;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{
    Result, Transfer, agree, create, create_dataset, data_folder, print_in_order, rows_of,
    write_rows,
};
use places::{node_of, seen_by_all};

/// So many rows the file has.
const ROWS: usize = 1000;

/// Says on which node each rank is, and writes one file from all of them.
#[derive(Parser)]
struct Args {
    /// Write into this folder.
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    parallel_hdf5::run_with(program)
}

fn program(world: &SimpleCommunicator, args: Args) -> Result<()> {
    // ANCHOR: where
    let rank = world.rank();
    let node = node_of(world);
    let host = mpi::environment::processor_name()?;
    print_in_order(world, &format!("rank {rank} is on node {node}, {host}"));
    // ANCHOR_END: where

    let folder = args.folder.map_or_else(data_folder, Ok);
    let folder = agree(world, folder)?;
    agree(world, seen_by_all(world, &folder))?;

    // ANCHOR: write
    // Nothing here knows of nodes: it is chapter 3.
    let file = create(folder.join("cluster.hdf5"), world)?;
    let written_by = create_dataset::<u64>(&file, "written_by", ROWS)?;
    let mine = rows_of(rank, world.size(), ROWS);
    let values = Array1::from_elem(mine.len(), node as u64);
    write_rows(&written_by, mine, values.view(), Transfer::Collective)?;
    drop(written_by);
    file.close()?;
    // ANCHOR_END: write
    if rank == 0 {
        println!("{ROWS} rows written to cluster.hdf5");
    }
    Ok(())
}
