//! Large data: the ranks write a dataset together, and read it again.

use std::path::Path;

use hdf5::{Dataset, File};
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{ArrayView1, ArrayViewMut1};
use parallel_hdf5::about::{mpi_io_library, mpi_library};
use parallel_hdf5::mpiio::MpiFile;
use parallel_hdf5::{
    DatasetOptions, FileOptions, FillTime, Result, Slab, Transfer, agree,
    create_in_subfiles, cyclic, hints, open_in_subfiles, read_slab_into, write_slab,
};

use crate::measure::{Case, Stopwatch};

/// By what the data is moved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Method {
    MpiIo,
    Hdf5,
    /// HDF5, with the file in several files.
    Subfiling,
}

/// How the ranks share a file of 8-byte numbers, and how they move their parts.
#[derive(Clone)]
pub struct Move {
    /// What a rank writes in all, in bytes.
    pub bytes: usize,
    /// The ranks take turns with blocks of this size (IOR calls a turn of all a segment).
    pub block: usize,
    /// What a rank moves in one call, within a block; `None`: all of its blocks.
    pub per_call: Option<usize>,
    pub method: Method,
    pub transfer: Transfer,
    pub hints: &'static [(&'static str, &'static str)],
    /// Datasets begin at multiples of this, in bytes.
    pub alignment: Option<u64>,
    /// Flush before closing, which asks for the data to be on the disk.
    pub flush: bool,
    /// The size of a chunk.
    pub chunk: Option<usize>,
    /// Whether HDF5 may fill new chunks.
    pub fill: bool,
}

impl Move {
    /// A slab for each rank, by HDF5, independently, in one call.
    pub fn new(bytes: usize) -> Move {
        Move {
            bytes,
            block: bytes,
            per_call: None,
            method: Method::Hdf5,
            transfer: Transfer::Independent,
            hints: &[],
            alignment: None,
            flush: false,
            chunk: None,
            fill: true,
        }
    }

    pub fn in_blocks_of(&self, block: usize) -> Move {
        Move {
            block,
            ..self.clone()
        }
    }

    /// A case that differs from this in what `change` does.
    pub fn case(&self, name: &'static str, change: impl FnOnce(&mut Move)) -> Case {
        let mut this = self.clone();
        change(&mut this);
        Case {
            name,
            run: Box::new(move |watch| this.run(watch)),
        }
    }

    // ANCHOR: run
    /// Writes a new file, writes it again, reads it; then looks at what was read.
    fn run(&self, watch: &mut Stopwatch) -> Result<()> {
        let world = watch.world;
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        let path = parallel_hdf5::data_folder()?.join("tuning.data");
        remove(&path, world)?;

        for (pass, phase) in ["first write", "rewrite"].into_iter().enumerate() {
            let mine = self.numbers(rank, size, watch.round, pass);
            let file = watch.time(phase, || self.open(&path, world, pass == 0))?;
            watch.time(phase, || self.write(&file, rank, size, &mine))?;
            watch.time(phase, || self.close(file))?;
        }

        // Not its own part, which its node may still have in memory: the next rank's.
        let next = (rank + 1) % size;
        let mut read = vec![0; self.bytes / 8];
        let file = watch.time("read", || self.open(&path, world, false))?;
        watch.time("read", || self.read(&file, next, size, &mut read))?;
        watch.time("read", || self.close(file))?;

        // No time counts for a result that is wrong.
        let right = read == self.numbers(next, size, watch.round, 1);
        let wrong = || format!("rank {rank} did not read what rank {next} wrote");
        agree(world, right.then_some(()).ok_or_else(wrong))?;
        Ok(())
    }
    // ANCHOR_END: run

    /// The numbers of a rank, in the order of the file. They tell their place in it, and what
    /// wrote them.
    fn numbers(&self, rank: usize, size: usize, round: u32, pass: usize) -> Vec<u64> {
        let block = self.block / 8;
        let tag = (u64::from(round) << 1 | pass as u64) << 40;
        let place = |at: usize| (at / block * size + rank) * block + at % block;
        (0..self.bytes / 8)
            .map(|at| tag | place(at) as u64)
            .collect()
    }

    /// Where each call's numbers lie: the first in the rank's memory, the first in the file,
    /// and how many. For calls within a block.
    fn calls(
        &self,
        rank: usize,
        size: usize,
        per_call: usize,
    ) -> Vec<(usize, usize, usize)> {
        let (all, block) = (self.bytes / 8, self.block / 8);
        let mut calls = Vec::new();
        for begin in (0..all).step_by(block) {
            let in_file = (begin * size) + rank * block;
            for at in (0..block).step_by(per_call) {
                calls.push((begin + at, in_file + at, per_call.min(block - at)));
            }
        }
        calls
    }

    fn open(&self, path: &Path, world: &SimpleCommunicator, new: bool) -> Result<Opened> {
        if self.method == Method::MpiIo {
            return Ok(Opened::MpiIo(match new {
                true => MpiFile::create(path, world, self.hints)?,
                false => MpiFile::open(path, world, self.hints)?,
            }));
        }
        let mut options = FileOptions::new();
        for (key, value) in self.hints {
            options = options.hint(key, value);
        }
        if let Some(bytes) = self.alignment {
            options = options.alignment(1 << 10, bytes);
        }
        if !new {
            let file = match self.method {
                Method::Subfiling => open_in_subfiles(path, world)?,
                _ => options.open(path, world)?,
            };
            let dataset = file.dataset("x")?;
            return Ok(Opened::Hdf5(dataset, file));
        }
        let file = match self.method {
            Method::Subfiling => create_in_subfiles(path, world)?,
            _ => options.create(path, world)?,
        };
        let mut options = DatasetOptions::new();
        if let Some(bytes) = self.chunk {
            options = options.chunks(&[bytes / 8]);
        }
        if !self.fill {
            options = options.fill(FillTime::Never);
        }
        let extent = self.bytes / 8 * world.size() as usize;
        let dataset = options.create::<u64>(&file, "x", &[extent])?;
        Ok(Opened::Hdf5(dataset, file))
    }

    fn write(&self, file: &Opened, rank: usize, size: usize, mine: &[u64]) -> Result<()> {
        match (file, self.per_call) {
            (Opened::MpiIo(file), None) => {
                self.see(file, rank, size)?;
                file.write_at(0, mine, self.transfer)?;
            }
            (Opened::MpiIo(file), Some(bytes)) => {
                for (at, place, count) in self.calls(rank, size, bytes / 8) {
                    file.write_at(place as u64, &mine[at..at + count], self.transfer)?;
                }
            }
            (Opened::Hdf5(dataset, _), None) => {
                let slab = self.slab(dataset, rank, size);
                write_slab(dataset, &slab, ArrayView1::from(mine), self.transfer)?;
            }
            (Opened::Hdf5(dataset, _), Some(bytes)) => {
                for (at, place, count) in self.calls(rank, size, bytes / 8) {
                    let slab = Slab::of(dataset).along(0, place..place + count);
                    let part = ArrayView1::from(&mine[at..at + count]);
                    write_slab(dataset, &slab, part, self.transfer)?;
                }
            }
        }
        Ok(())
    }

    fn read(
        &self,
        file: &Opened,
        rank: usize,
        size: usize,
        into: &mut [u64],
    ) -> Result<()> {
        match (file, self.per_call) {
            (Opened::MpiIo(file), None) => {
                self.see(file, rank, size)?;
                file.read_at(0, into, self.transfer)?;
            }
            (Opened::MpiIo(file), Some(bytes)) => {
                for (at, place, count) in self.calls(rank, size, bytes / 8) {
                    file.read_at(place as u64, &mut into[at..at + count], self.transfer)?;
                }
            }
            (Opened::Hdf5(dataset, _), None) => {
                let slab = self.slab(dataset, rank, size);
                read_slab_into(dataset, &slab, ArrayViewMut1::from(into), self.transfer)?;
            }
            (Opened::Hdf5(dataset, _), Some(bytes)) => {
                for (at, place, count) in self.calls(rank, size, bytes / 8) {
                    let slab = Slab::of(dataset).along(0, place..place + count);
                    let part = ArrayViewMut1::from(&mut into[at..at + count]);
                    read_slab_into(dataset, &slab, part, self.transfer)?;
                }
            }
        }
        Ok(())
    }

    /// All blocks of a rank, for one call of MPI-IO.
    fn see(&self, file: &MpiFile<u64>, rank: usize, size: usize) -> Result<()> {
        let (all, block) = (self.bytes / 8, self.block / 8);
        Ok(file.see((rank * block) as u64, all / block, block, block * size)?)
    }

    /// All blocks of a rank, for one call of HDF5.
    fn slab(&self, dataset: &Dataset, rank: usize, size: usize) -> Slab {
        let blocks = cyclic(rank as i32, size as i32, dataset.size(), self.block / 8);
        Slab::of(dataset).along(0, blocks)
    }

    fn close(&self, file: Opened) -> Result<()> {
        match file {
            Opened::MpiIo(file) => {
                if self.flush {
                    file.sync()?;
                }
                file.close()?;
            }
            Opened::Hdf5(dataset, file) => {
                drop(dataset);
                if self.flush {
                    file.flush()?;
                }
                file.close()?;
            }
        }
        Ok(())
    }
}

/// The file, open.
enum Opened {
    MpiIo(MpiFile<u64>),
    Hdf5(Dataset, File),
}

/// Lets the next file be a new one: removes it, and its subfiles. Collective.
pub fn remove(path: &Path, world: &SimpleCommunicator) -> Result<()> {
    let removed = match world.rank() {
        0 => remove_all(path),
        _ => Ok(()),
    };
    let removed =
        removed.map_err(|error| format!("cannot remove {}: {error}", path.display()));
    agree(world, removed)?; // nobody goes on before that is done
    Ok(())
}

fn remove_all(path: &Path) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let subfile = format!("{name}.subfile_");
    for entry in std::fs::read_dir(path.parent().unwrap_or(Path::new(".")))? {
        let entry = entry?;
        let found = entry.file_name().to_string_lossy().into_owned();
        if found == name || found.starts_with(&subfile) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Prints a row of a table: which hints were asked for, and which are in effect. Collective.
// ANCHOR: hints
pub fn hints_in_effect(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("tuning.data");
    let asked = [
        ("cb_nodes", "1"),
        ("romio_cb_write", "disable"),
        ("make_it_fast", "true"),
    ];
    let mut options = FileOptions::new();
    for (key, value) in asked {
        options = options.hint(key, value);
    }
    let file = agree(world, options.create(&path, world))?;
    let library = agree(world, mpi_io_library(&file))?;
    let in_effect = agree(world, hints(&file))?;
    // ANCHOR_END: hints
    let cell = |key: &str| {
        let found = in_effect.iter().find(|(name, _)| name == key);
        found.map_or("–", |(_, value)| value.as_str())
    };
    if world.rank() == 0 {
        let cells = asked.map(|(key, _)| cell(key)).join(" | ");
        let count = in_effect.len();
        println!("| {library} in {} | {cells} | {count} |", mpi_library());
    }
    agree(world, file.close())?;
    Ok(())
}
