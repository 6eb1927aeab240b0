//! What the program can be asked for.

use clap::Parser;

/// Writes a compressed dataset from all ranks, and shows what chunks are good for.
#[derive(Parser)]
#[group(multiple = false)]
pub struct Args {
    /// Share out the rows without regard to chunks.
    #[arg(long)]
    pub slabs: bool,
    /// Try to write each rank for itself.
    #[arg(long)]
    pub independent: bool,
    /// Let a dataset grow, step by step.
    #[arg(long)]
    pub append: bool,
    /// How much room a new dataset takes, before anybody writes.
    #[arg(long)]
    pub space: bool,
    /// What is in the parts of a dataset that nobody wrote.
    #[arg(long)]
    pub unwritten: bool,
    /// What is in the rows of ranks that write nothing, while the others write together.
    #[arg(long)]
    pub gap: bool,
    /// Read, write again, and read again.
    #[arg(long)]
    pub again: bool,
    /// Measure layouts against each other: so many rounds.
    #[arg(long, value_name = "ROUNDS", num_args = 0..=1, default_missing_value = "7")]
    pub compare: Option<usize>,
}
