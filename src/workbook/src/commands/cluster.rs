//! `workbook cluster`: a Slurm on this machine.

use std::path::Path;

use anyhow::Result;
use clap::Subcommand;
use virtual_cluster::slurm;

#[derive(Subcommand)]
pub(crate) enum Cluster {
    /// Start it.
    Up {
        /// How many nodes.
        #[arg(long, env = "NODES", default_value_t = slurm::NODES as u64,
            value_parser = clap::value_parser!(u64).range(1..=16))]
        nodes: u64,
        /// One node, with this machine's host name and memory, as where it allows no namespaces.
        #[arg(long)]
        shared: bool,
    },
    /// Show its nodes and jobs.
    Status,
    /// Stop it, and leave nothing behind.
    Down,
}

impl Cluster {
    pub(crate) fn run(self, root: &Path) -> Result<bool> {
        let folder = slurm::usual_folder(root);
        match self {
            Cluster::Up { nodes, shared } => slurm::start(&folder, nodes as usize, shared)?,
            Cluster::Status => slurm::show(&folder)?,
            Cluster::Down => slurm::stop(&folder)?,
        }
        Ok(true)
    }
}
