//! A simulation that writes down its steps, in three ways; it may be killed at a point that
//! has a name, and go on later.

use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use hdf5::{Dataset, File};
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{Array1, Array2, ArrayView1, arr1};
use nix::sys::signal::{Signal, raise};
use parallel_hdf5::{
    Result, Slab, Transfer, agree, create, create_dataset, data_folder, open, read_rows,
    read_slab, rows_of, write_rows, write_slab, write_then_rename,
};

use crate::model::{CELLS, advance, start};

/// When the file is flushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Flush {
    /// After each step.
    #[default]
    EveryStep,
    /// Not before the file is closed.
    Never,
}

/// How the simulation is run.
#[derive(clap::Args)]
pub struct Options {
    /// When it flushes its file.
    #[arg(long, default_value = "every-step")]
    flush: Flush,
    /// Write each step over the one before.
    #[arg(long)]
    in_place: bool,
    /// Write each step to a new file, which then takes the name of the old one.
    #[arg(long, conflicts_with = "in_place")]
    checkpoint: bool,
    /// Go on where an earlier run stopped.
    #[arg(long, conflicts_with = "in_place")]
    restart: bool,
    /// Kill a rank: rank=1,step=3,point=half-written (or flushed, or counted).
    #[arg(long)]
    die: Option<Death>,
}

impl Options {
    /// Runs it, for `steps` steps in all. **Collective**.
    pub fn run(self, world: &SimpleCommunicator, steps: usize) -> Result<()> {
        let plan = match (self.checkpoint, self.in_place) {
            (true, _) => Plan::Beside,
            (_, true) => Plan::InPlace,
            _ => Plan::Append(self.flush),
        };
        plan.run(world, steps, self.restart, self.die)
    }
}

/// How the steps are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Each step is a row of its own, in `steps.hdf5`.
    Append(Flush),
    /// Each step takes the place of the one before, in `state.hdf5`.
    InPlace,
    /// Each step is a new file `state.hdf5`, which takes the name of the old one when it is
    /// complete.
    Beside,
}

/// This rank's part of the simulation.
struct Part {
    /// Which cells.
    mine: Range<usize>,
    /// What they hold.
    cells: Array1<f64>,
    /// How many steps are done.
    done: usize,
}

impl Plan {
    /// Does `steps` steps in all, the first ones perhaps in an earlier run. **Collective**.
    pub fn run(
        self,
        world: &SimpleCommunicator,
        steps: usize,
        restart: bool,
        death: Option<Death>,
    ) -> Result<()> {
        let mine = rows_of(world.rank(), world.size(), CELLS);
        let mut part = Part {
            cells: start(mine.clone()).into(),
            mine,
            done: 0,
        };
        match self {
            Plan::Append(flush) => append(world, &mut part, steps, flush, restart, death)?,
            Plan::InPlace => in_place(world, &mut part, steps, death)?,
            Plan::Beside => beside(world, &mut part, steps, restart, death)?,
        }
        if death.is_some() {
            return Err(
                "nobody was killed: this run has no such rank, step or point".into(),
            );
        }
        if world.rank() == 0 {
            println!("{} steps are done", part.done);
        }
        Ok(())
    }
}

// ANCHOR: append
fn append(
    world: &SimpleCommunicator,
    part: &mut Part,
    steps: usize,
    flush: Flush,
    restart: bool,
    death: Option<Death>,
) -> Result<()> {
    let file = match restart {
        true => left_by_an_earlier_run(world, "steps.hdf5")?,
        false => prepared(world, steps, flush)?,
    };
    let (states, complete) = (file.dataset("states")?, file.dataset("complete")?);
    if restart {
        go_on(world, part, &states, &complete)?;
    }
    for step in part.done..steps {
        part.advance();
        let row = Slab::of(&states).along(0, step..step + 1);
        part.write(&states, row, || {
            Death::strike(death, world, step, Point::HalfWritten)
        })?;
        if flush == Flush::EveryStep {
            file.flush()?; // first the numbers ...
            Death::strike(death, world, step, Point::Flushed);
            count(world, &complete, step + 1)?;
            file.flush()?; // ... then the mark that says that they are there
        }
        Death::strike(death, world, step, Point::Counted);
    }
    drop((states, complete));
    file.close()?;
    Ok(())
}
// ANCHOR_END: append

// ANCHOR: prepared
/// The file with room for all steps. What changes its structure is done now, and flushed: from
/// here on only numbers are written.
fn prepared(world: &SimpleCommunicator, steps: usize, flush: Flush) -> Result<File> {
    let file = create(path("steps.hdf5")?, world)?;
    create_dataset::<f64>(&file, "states", (steps, CELLS))?;
    create_dataset::<u64>(&file, "complete", 1)?;
    if flush == Flush::EveryStep {
        file.flush()?;
    }
    Ok(file)
}
// ANCHOR_END: prepared

// ANCHOR: go_on
/// Takes up the last step that is marked as complete, whatever the rows behind it hold.
fn go_on(
    world: &SimpleCommunicator,
    part: &mut Part,
    states: &Dataset,
    complete: &Dataset,
) -> Result<()> {
    let count: Array1<u64> = read_rows(complete, 0..1, Transfer::Independent)?;
    part.done = count[0] as usize;
    if part.done > 0 {
        let row = Slab::of(states).along(0, part.done - 1..part.done);
        let row = row.along(1, part.mine.clone());
        let cells: Array2<f64> = read_slab(states, &row, Transfer::Independent)?;
        part.cells = cells.row(0).to_owned();
    }
    if world.rank() == 0 {
        println!("going on after {} steps", part.done);
    }
    Ok(())
}
// ANCHOR_END: go_on

// ANCHOR: in_place
fn in_place(
    world: &SimpleCommunicator,
    part: &mut Part,
    steps: usize,
    death: Option<Death>,
) -> Result<()> {
    let file = create(path("state.hdf5")?, world)?;
    let state = create_dataset::<f64>(&file, "state", CELLS)?;
    let complete = create_dataset::<u64>(&file, "complete", 1)?;
    for step in 0..steps {
        part.advance();
        // The old numbers are gone before the new ones are all there.
        let strike = || Death::strike(death, world, step, Point::HalfWritten);
        part.write(&state, Slab::of(&state), strike)?;
        file.flush()?;
        count(world, &complete, step + 1)?;
        file.flush()?;
    }
    drop((state, complete));
    file.close()?;
    Ok(())
}
// ANCHOR_END: in_place

// ANCHOR: beside
fn beside(
    world: &SimpleCommunicator,
    part: &mut Part,
    steps: usize,
    restart: bool,
    death: Option<Death>,
) -> Result<()> {
    if restart {
        let file = left_by_an_earlier_run(world, "state.hdf5")?;
        part.cells = read_rows(
            &file.dataset("state")?,
            part.mine.clone(),
            Transfer::Independent,
        )?;
        part.done = file.dataset("complete")?.read_raw::<u64>()?[0] as usize;
        file.close()?;
        if world.rank() == 0 {
            println!("going on after {} steps", part.done);
        }
    }
    for step in part.done..steps {
        part.advance();
        write_then_rename(path("state.hdf5")?, world, |file| {
            let state = create_dataset::<f64>(file, "state", CELLS)?;
            let complete = create_dataset::<u64>(file, "complete", 1)?;
            let strike = || Death::strike(death, world, step, Point::HalfWritten);
            part.write(&state, Slab::of(&state), strike)?;
            count(world, &complete, step + 1)
        })?;
        Death::strike(death, world, step, Point::Counted);
    }
    Ok(())
}
// ANCHOR_END: beside

/// Opens the file with which a run is to go on. **Collective**.
fn left_by_an_earlier_run(world: &SimpleCommunicator, name: &str) -> Result<File> {
    let opened = open(path(name)?, world)
        .map_err(|error| format!("cannot go on: {name}: {error}; start without --restart"));
    Ok(agree(world, opened)?)
}

/// Rank 0 notes how many steps are complete. Not collective.
fn count(world: &SimpleCommunicator, complete: &Dataset, steps: usize) -> Result<()> {
    if world.rank() == 0 {
        let steps = arr1(&[steps as u64]);
        write_rows(complete, 0..1, steps.view(), Transfer::Independent)?;
    }
    Ok(())
}

impl Part {
    fn advance(&mut self) {
        advance(self.cells.as_slice_mut().expect("it is one piece"));
        self.done += 1;
    }

    /// Writes the cells to their place in `row`, along its last axis. A write takes a while,
    /// and a rank may die in the middle of it: two halves make the middle a place.
    fn write(&self, to: &Dataset, row: Slab, between: impl FnOnce()) -> Result<()> {
        let half = self.mine.start + self.mine.len() / 2;
        let (first, second) = self
            .cells
            .view()
            .split_at(ndarray::Axis(0), self.mine.len() / 2);
        let write = |cells: Range<usize>, values: ArrayView1<f64>| -> Result<()> {
            let last = row.axes().len() - 1;
            let slab = row.clone().along(last, cells);
            let values = values.into_shape_with_order(slab.shape())?;
            write_slab(to, &slab, values, Transfer::Independent)?;
            Ok(())
        };
        write(self.mine.start..half, first)?;
        between();
        write(half..self.mine.end, second)
    }
}

/// Where a rank is to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Death {
    /// Which.
    pub rank: i32,
    /// In which step, from 0.
    pub step: usize,
    /// Where in it.
    pub point: Point,
}

/// A point in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Point {
    /// Each rank has written half of its cells.
    HalfWritten,
    /// The step's numbers are flushed, and it is not yet marked as complete.
    Flushed,
    /// The step is marked as complete.
    Counted,
}

impl Death {
    // ANCHOR: strike
    /// Kills the rank, if its time has come: no message, no clean-up, as when a machine takes
    /// a process away. **Collective**: the others wait here until their launcher ends them.
    fn strike(death: Option<Death>, world: &SimpleCommunicator, step: usize, point: Point) {
        let Some(death) = death.filter(|it| it.step == step && it.point == point) else {
            return;
        };
        world.barrier(); // all have come this far
        if world.rank() == death.rank {
            let _ = raise(Signal::SIGKILL);
        }
        world.barrier(); // one of us will not come
    }
    // ANCHOR_END: strike
}

impl FromStr for Death {
    type Err = String;

    /// `rank=1,step=3,point=half-written`, in any order; `point` may be left out.
    fn from_str(text: &str) -> std::result::Result<Death, String> {
        let mut death = Death {
            rank: 0,
            step: 0,
            point: Point::HalfWritten,
        };
        for part in text.split(',') {
            let wrong = || format!("`{part}` is not rank=…, step=… or point=…");
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            match name {
                "rank" => death.rank = value.parse().map_err(|_| wrong())?,
                "step" => death.step = value.parse().map_err(|_| wrong())?,
                "point" => {
                    death.point = Point::from_str(value, false).map_err(|_| {
                        format!("`{value}` is no point: half-written, flushed or counted")
                    })?
                }
                _ => return Err(wrong()),
            }
        }
        Ok(death)
    }
}

fn path(name: &str) -> Result<PathBuf> {
    Ok(data_folder()?.join(name))
}
