//! What is asked for, and who takes part.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What is to be measured, and where what was found is to go.
#[derive(Clone, Debug)]
pub struct Request {
    /// How much of it.
    pub size: Size,
    /// How many rounds, instead of the plan's.
    pub rounds: Option<usize>,
    /// The folder for `bench.json`, `figures.md` and `chart.svg`; `target/bench` if `None`.
    pub out: Option<PathBuf>,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Size {
    /// So little that a test can do it: the programs are compared, their times mean nothing.
    Tiny,
    /// About three minutes.
    Short,
    /// All that the goals are about: about four minutes.
    Goals,
    /// Everything: about ten minutes.
    Full,
}

/// A program that takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Chapter 3's, in its last form.
    Reuse,
    /// In the form before.
    Vector,
    /// In the form before that.
    Blocks,
    /// In its first form.
    Whole,
    /// In C, block by block, compiled for this very processor.
    CBlocksTuned,
    /// In C, block by block.
    CBlocks,
    /// In C, all at once.
    CWhole,
    /// With h5py, block by block.
    H5pyBlocks,
    /// With h5py, all at once.
    H5pyWhole,
    /// By MPI-IO, without HDF5.
    MpiIo,
    /// By `pread` and `pwrite`, without MPI.
    Floor,
}

impl Who {
    /// All of them; the first is what the others are compared with.
    pub const ALL: [Who; 11] = [
        Who::Reuse,
        Who::Vector,
        Who::Blocks,
        Who::Whole,
        Who::CBlocksTuned,
        Who::CBlocks,
        Who::CWhole,
        Who::H5pyBlocks,
        Who::H5pyWhole,
        Who::MpiIo,
        Who::Floor,
    ];

    /// What it is called in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Who::Reuse => "`distances`",
            Who::Vector => "`distances --form vector`",
            Who::Blocks => "`distances --form blocks`",
            Who::Whole => "`distances --form whole`",
            Who::CBlocksTuned => "C, blocks, tuned",
            Who::CBlocks => "C, blocks",
            Who::CWhole => "C, whole slab",
            Who::H5pyBlocks => "h5py, blocks",
            Who::H5pyWhole => "h5py, whole slab",
            Who::MpiIo => "MPI-IO, blocks",
            Who::Floor => "the floor",
        }
    }

    /// In which form, if it is chapter 3's: what `--form` is told.
    pub fn form(self) -> Option<&'static str> {
        match self {
            Who::Reuse => Some("reuse"),
            Who::Vector => Some("vector"),
            Who::Blocks => Some("blocks"),
            Who::Whole => Some("whole"),
            _ => None,
        }
    }

    /// Whether it holds all rows of a rank in memory.
    pub fn is_whole(self) -> bool {
        matches!(self, Who::Whole | Who::CWhole | Who::H5pyWhole)
    }
}

pub(crate) fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}
