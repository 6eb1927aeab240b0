//! Which contests there are, and how one is held.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use launch::Mpi;
use nix::sys::statvfs::statvfs;

use super::contenders::{Request, Size, Who, make_folder};
use super::found::{Bench, Contest, Entrant, Sample, title};
use super::programs::{BLOCK, Programs, Work, machine};

/// Where the file lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In a file system that is memory.
    Memory,
    /// On a disk, and not in the system's cache when a program begins.
    Disk,
}

impl Storage {
    fn name(self) -> &'static str {
        match self {
            Storage::Memory => "memory",
            Storage::Disk => "disk",
        }
    }
}

/// A contest that is to be held.
struct Planned {
    mpi: Mpi,
    storage: Storage,
    rows: usize,
    ranks: usize,
    rounds: usize,
    /// Who takes part, if not all.
    only: Option<&'static [Who]>,
}

impl Planned {
    fn title(&self) -> String {
        let mpi = self.mpi.to_string();
        title(self.rows, self.ranks, self.storage.name(), &mpi)
    }
}

/// More rows than this only block by block: a rank may not hold them.
const MOST_WHOLE: usize = 100_000_000;

/// Where not all are needed: those that chapter 3's first and last form stand for.
const SOME: &[Who] = &[
    Who::Reuse,
    Who::CBlocks,
    Who::CWhole,
    Who::H5pyWhole,
    Who::MpiIo,
    Who::Floor,
];

/// Those that go on where the others may not, or where there is little time.
const FAST: &[Who] = &[Who::Reuse, Who::CBlocks, Who::MpiIo, Who::Floor];

impl Size {
    /// The contests. The first is the one that the goals are about.
    fn contests(self) -> Vec<Planned> {
        let contest = |mpi, storage, rows, ranks, rounds| Planned {
            mpi,
            storage,
            rows,
            ranks,
            rounds,
            only: None,
        };
        let only = |who, planned: Planned| Planned {
            only: Some(who),
            ..planned
        };
        use Mpi::{Mpich, OpenMpi};
        use Storage::{Disk, Memory};
        const MAIN: usize = 50_000_000;
        match self {
            Size::Tiny => vec![
                contest(OpenMpi, Memory, 200_000, 2, 1),
                contest(Mpich, Disk, 1001, 3, 1),
            ],
            Size::Short => vec![
                contest(OpenMpi, Memory, MAIN, 2, 5),
                only(FAST, contest(OpenMpi, Memory, 10_000, 2, 3)),
                only(FAST, contest(OpenMpi, Memory, 1_000_000, 2, 3)),
                only(FAST, contest(Mpich, Memory, MAIN, 2, 3)),
            ],
            Size::Goals => vec![
                contest(OpenMpi, Memory, MAIN, 2, 9),
                only(FAST, contest(OpenMpi, Memory, 1_000_000, 2, 7)),
                only(FAST, contest(OpenMpi, Memory, 5_000_000, 2, 7)),
                only(FAST, contest(OpenMpi, Memory, 500_000_000, 2, 3)),
            ],
            Size::Full => vec![
                contest(OpenMpi, Memory, MAIN, 2, 9),
                only(SOME, contest(OpenMpi, Memory, 10_000, 2, 7)),
                only(SOME, contest(OpenMpi, Memory, 1_000_000, 2, 7)),
                only(SOME, contest(OpenMpi, Memory, 5_000_000, 2, 7)),
                only(FAST, contest(OpenMpi, Memory, 500_000_000, 2, 3)),
                only(SOME, contest(OpenMpi, Memory, MAIN, 1, 5)),
                only(SOME, contest(OpenMpi, Memory, MAIN, 4, 5)),
                only(SOME, contest(OpenMpi, Disk, MAIN, 2, 3)),
                only(FAST, contest(OpenMpi, Disk, 1_000_000, 2, 5)),
                only(SOME, contest(Mpich, Memory, MAIN, 2, 5)),
                only(FAST, contest(Mpich, Memory, MAIN, 1, 5)),
                only(FAST, contest(Mpich, Memory, MAIN, 4, 5)),
                only(FAST, contest(Mpich, Disk, MAIN, 2, 3)),
            ],
        }
    }

    /// How the library is compared with MPI-IO: numbers of a slab, of a column, rounds.
    fn slabs(self) -> [usize; 3] {
        match self {
            Size::Tiny => [1 << 12, 1 << 8, 1],
            Size::Short => [1 << 23, 1 << 13, 5],
            Size::Goals | Size::Full => [1 << 23, 1 << 13, 21],
        }
    }

    fn command(self) -> &'static str {
        match self {
            Size::Tiny => "author bench --size tiny",
            Size::Short => "make bench",
            Size::Goals => "author bench --size goals",
            Size::Full => "make bench-full",
        }
    }
}

/// Holds all contests.
pub fn carry_out(root: &Path, programs: &Programs, request: &Request) -> Result<Bench> {
    let size = request.size;
    let mut found = Bench {
        command: size.command().to_owned(),
        machine: machine(),
        versions: programs.versions(),
        block: BLOCK,
        left_out: programs.left_out.clone(),
        contests: Vec::new(),
        slabs: BTreeMap::new(),
    };
    for planned in size.contests() {
        if !programs.is_there(planned.mpi) {
            continue; // which is said in `left_out`
        }
        let rounds = request.rounds.unwrap_or(planned.rounds);
        let title = planned.title();
        let Some(folder) = room_for(root, &planned)? else {
            let why = format!("{title}: there is no room for so large a file");
            println!("(left out: {why})");
            found.left_out.push(why);
            continue;
        };
        println!("{title}: {rounds} rounds");
        found
            .contests
            .push(hold(programs, &planned, rounds, folder.path())?);
    }
    for mpi in Mpi::ALL.into_iter().filter(|it| programs.is_there(*it)) {
        let [slab, column, rounds] = size.slabs();
        let rounds = request.rounds.unwrap_or(rounds);
        println!("the library against MPI-IO, {mpi}: {rounds} rounds");
        let folder = scratch(&memory_folder(root))?;
        let file = folder.path().join("slabs.hdf5");
        let slabs = programs.slabs(mpi, &file, [slab, column, rounds])?;
        found.slabs.insert(programs.release(mpi)?, slabs);
    }
    Ok(found)
}

/// A folder for the file of a contest, if it has room for it and a quarter more.
fn room_for(root: &Path, planned: &Planned) -> Result<Option<tempfile::TempDir>> {
    let folder = match planned.storage {
        Storage::Memory => memory_folder(root),
        Storage::Disk => disk_folder(root),
    };
    let folder = scratch(&folder)?;
    let free = statvfs(folder.path())?;
    let free = free.blocks_available() as u64 * free.fragment_size() as u64;
    let needed = 12 * planned.rows as u64;
    Ok((free > needed + needed / 4).then_some(folder))
}

/// A folder of our own, removed at the end.
fn scratch(folder: &Path) -> Result<tempfile::TempDir> {
    make_folder(folder)?;
    Ok(tempfile::Builder::new()
        .prefix("workbook-bench-")
        .tempdir_in(folder)?)
}

/// Linux has memory as a file system here; elsewhere it is the disk, through the cache.
fn memory_folder(root: &Path) -> PathBuf {
    let shared_memory = PathBuf::from("/dev/shm");
    match shared_memory.is_dir() {
        true => shared_memory,
        false => disk_folder(root),
    }
}

fn disk_folder(root: &Path) -> PathBuf {
    root.join("target/data/bench")
}

fn hold(
    programs: &Programs,
    planned: &Planned,
    rounds: usize,
    folder: &Path,
) -> Result<Contest> {
    let path = folder.join("bench.hdf5");
    let file = programs.make_file(&path, planned.rows)?;
    let cold = planned.storage == Storage::Disk;
    let takes_part = |who: &Who| {
        let chosen = planned.only.is_none_or(|only| only.contains(who));
        let fits = !who.is_whole() || planned.rows <= MOST_WHOLE;
        chosen && fits && programs.has(*who, planned.mpi)
    };
    let mut entrants: Vec<(Who, Entrant)> = Who::ALL
        .into_iter()
        .filter(takes_part)
        .map(|who| {
            let name = who.name().to_owned();
            let (first, again) = (Vec::new(), Vec::new());
            (who, Entrant { name, first, again })
        })
        .collect();
    let work = Work {
        mpi: planned.mpi,
        ranks: planned.ranks,
        file: &file,
    };
    let progress = indicatif::ProgressBar::new(((rounds + 1) * entrants.len()) as u64);
    let mut random = fastrand::Rng::with_seed(planned.rows as u64);
    for round in 0..=rounds {
        let mut order: Vec<usize> = (0..entrants.len()).collect();
        random.shuffle(&mut order);
        for index in order {
            let (who, entrant) = &mut entrants[index];
            for keep_room in [false, true] {
                let sample = one(programs, *who, &work, keep_room, cold)?;
                // The first round warms up: memory, caches, libraries.
                if round > 0 {
                    match keep_room {
                        false => entrant.first.push(sample),
                        true => entrant.again.push(sample),
                    }
                }
            }
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    Ok(Contest {
        mpi: programs.release(planned.mpi)?,
        storage: planned.storage.name().to_owned(),
        rows: planned.rows,
        ranks: planned.ranks,
        entrants: entrants.into_iter().map(|(_, it)| it).collect(),
        only_open: programs.only_open(&work)?,
    })
}

/// One launch of a program, on a file whose results are not there, and the proof that they
/// are there afterwards.
fn one(
    programs: &Programs,
    who: Who,
    work: &Work,
    keep_room: bool,
    cold: bool,
) -> Result<Sample> {
    programs.spoil(work.file, keep_room, cold)?;
    let sample = programs.run(who, work)?;
    // The floor computes nothing.
    if who != Who::Floor
        && let Some(fault) = programs.fault(work.file)?
    {
        bail!("{} under {} is wrong: {fault}", who.name(), work.mpi);
    }
    Ok(sample)
}
