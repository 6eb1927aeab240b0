//! The library's slabs against raw MPI-IO: the same bytes of the same file, written and read in
//! one call, independently and collectively; as one slab a rank, and as columns.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hdf5::{Dataset, File};
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{ArrayView2, ArrayViewMut2};
use parallel_hdf5::mpiio::MpiFile;
use parallel_hdf5::{
    Clock, Result, Slab, Transfer, agree, create_dataset, read_slab_into, rows_of,
    write_slab,
};
use serde_json::json;

/// Times the library and MPI-IO in turn, and writes the seconds as JSON.
#[derive(Parser)]
struct Args {
    /// The file; it is made anew for each time, and removed.
    file: PathBuf,
    /// How many 8-byte numbers a rank moves as a slab.
    slab: usize,
    /// How many it moves as a column.
    column: usize,
    /// How often each is measured.
    rounds: usize,
    /// The file for the JSON.
    json: PathBuf,
}

/// How the ranks share the dataset.
#[derive(Clone, Copy)]
enum Layout {
    Slabs,
    Columns,
}

impl Layout {
    /// The shape of the dataset, (rows, columns), if each rank has so many numbers.
    fn shape(self, numbers: usize, size: usize) -> [usize; 2] {
        match self {
            Layout::Slabs => [size, numbers],
            Layout::Columns => [numbers, size],
        }
    }

    /// The part of a rank.
    fn slab(self, dataset: &Dataset, rank: usize, size: usize) -> Slab {
        let axis = match self {
            Layout::Slabs => 0,
            Layout::Columns => 1,
        };
        Slab::of(dataset).along(axis, rows_of(rank as i32, size as i32, size))
    }

    /// Lets MPI-IO see the part of a rank.
    fn see(
        self,
        file: &MpiFile<u64>,
        begin: u64,
        numbers: usize,
        rank: usize,
        size: usize,
    ) -> Result<()> {
        let (first, count, block) = match self {
            Layout::Slabs => (begin + (rank * numbers) as u64, 1, numbers),
            Layout::Columns => (begin + rank as u64, numbers, 1),
        };
        Ok(file.see(first, count, block, block * size)?)
    }
}

/// By what the numbers are moved.
#[derive(Clone, Copy)]
enum Means {
    Library,
    MpiIo,
}

/// The times of one case: for each phase, one for each round.
type Times = BTreeMap<&'static str, Vec<f64>>;

fn main() -> ExitCode {
    parallel_hdf5::run_with(|world, args: Args| {
        let mut all = serde_json::Map::new();
        for (name, layout, numbers) in [
            ("slabs", Layout::Slabs, args.slab),
            ("columns", Layout::Columns, args.column),
        ] {
            for (mode, transfer) in [
                ("independent", Transfer::Independent),
                ("collective", Transfer::Collective),
            ] {
                let mut times = [Times::new(), Times::new()];
                // The first round warms up, and does not count.
                for round in 0..=args.rounds {
                    // Who comes first has a colder machine: they take turns.
                    let mut order = [(0, Means::Library), (1, Means::MpiIo)];
                    order.rotate_left(round % 2);
                    for (index, means) in order {
                        let case = Case {
                            layout,
                            transfer,
                            means,
                            numbers,
                            world,
                        };
                        case.run(&args, round, &mut times[index])?;
                    }
                }
                let [library, mpi_io] = times;
                all.insert(
                    format!("{name}, {mode}"),
                    json!({ "library": library, "mpi-io": mpi_io }),
                );
            }
        }
        let written = match world.rank() {
            0 => std::fs::write(&args.json, serde_json::Value::from(all).to_string()),
            _ => Ok(()),
        };
        agree(world, written)?;
        Ok(())
    })
}

struct Case<'a> {
    layout: Layout,
    transfer: Transfer,
    means: Means,
    numbers: usize,
    world: &'a SimpleCommunicator,
}

impl Case<'_> {
    /// Writes a new dataset, writes it again, reads what the next rank has written, and
    /// compares. Opening and closing are not in the times.
    fn run(&self, args: &Args, round: usize, times: &mut Times) -> Result<()> {
        let (rank, size) = (self.world.rank() as usize, self.world.size() as usize);
        let next = (rank + 1) % size;
        let shape = self.layout.shape(self.numbers, size);
        let file = agree(self.world, parallel_hdf5::create(&args.file, self.world))?;
        let dataset = create_dataset::<u64>(&file, "x", shape);
        let dataset = agree(self.world, dataset)?;
        let begin = dataset
            .offset()
            .ok_or("the dataset has no place in the file")?
            / 8;
        let opened = Opened::new(self.means, file, dataset, args, self.world)?;

        let mut read = vec![0; self.numbers];
        for (pass, phase) in ["first write", "rewrite"].into_iter().enumerate() {
            let mine = numbers(self.numbers, rank, round, pass);
            let seconds = self.time(|| match &opened {
                Opened::Library(_, dataset) => {
                    let slab = self.layout.slab(dataset, rank, size);
                    let shape = [slab.shape()[0], slab.shape()[1]];
                    let values = ArrayView2::from_shape(shape, &mine)?;
                    write_slab(dataset, &slab, values, self.transfer)?;
                    Ok(())
                }
                Opened::MpiIo(file) => {
                    self.layout.see(file, begin, self.numbers, rank, size)?;
                    Ok(file.write_at(0, &mine, self.transfer)?)
                }
            })?;
            self.keep(times, round, phase, seconds);
        }
        let seconds = self.time(|| match &opened {
            Opened::Library(_, dataset) => {
                let slab = self.layout.slab(dataset, next, size);
                let shape = [slab.shape()[0], slab.shape()[1]];
                let room = ArrayViewMut2::from_shape(shape, &mut read)?;
                read_slab_into(dataset, &slab, room, self.transfer)?;
                Ok(())
            }
            Opened::MpiIo(file) => {
                self.layout.see(file, begin, self.numbers, next, size)?;
                Ok(file.read_at(0, &mut read, self.transfer)?)
            }
        })?;
        self.keep(times, round, "read", seconds);
        opened.close(self.world)?;

        let right = read == numbers(self.numbers, next, round, 1);
        let wrong = || format!("what rank {next} wrote was not read");
        agree(self.world, right.then_some(()).ok_or_else(wrong))?;
        let removed = match rank {
            0 => std::fs::remove_file(&args.file),
            _ => Ok(()),
        };
        agree(self.world, removed)?;
        Ok(())
    }

    fn time(&self, work: impl FnOnce() -> Result<()>) -> Result<f64> {
        let mut clock = Clock::start(self.world);
        let outcome = work();
        clock.lap("work");
        agree(self.world, outcome)?;
        Ok(clock.laps()[0].1)
    }

    fn keep(&self, times: &mut Times, round: usize, phase: &'static str, seconds: f64) {
        if round > 0 {
            times.entry(phase).or_default().push(seconds);
        }
    }
}

/// The numbers of a rank: other ones in each round and pass, so that what was there before
/// does not pass for right.
fn numbers(count: usize, rank: usize, round: usize, pass: usize) -> Vec<u64> {
    let tag = ((round << 1 | pass) << 8 | rank) as u64;
    (0..count as u64).map(|at| tag << 40 | at).collect()
}

enum Opened {
    Library(File, Dataset),
    MpiIo(MpiFile<u64>),
}

impl Opened {
    /// Gives the file to those who are to be timed.
    fn new(
        means: Means,
        file: File,
        dataset: Dataset,
        args: &Args,
        world: &SimpleCommunicator,
    ) -> Result<Opened> {
        match means {
            Means::Library => Ok(Opened::Library(file, dataset)),
            Means::MpiIo => {
                drop(dataset);
                agree(world, file.close())?;
                let file = MpiFile::open(&args.file, world, &[]);
                Ok(Opened::MpiIo(agree(world, file)?))
            }
        }
    }

    fn close(self, world: &SimpleCommunicator) -> Result<()> {
        match self {
            Opened::Library(file, dataset) => {
                drop(dataset);
                agree(world, file.close())?;
            }
            Opened::MpiIo(file) => agree(world, file.close())?,
        }
        Ok(())
    }
}
