//! The same write, timed by different clocks: one of them is right.

use hdf5::File;
use mpi::collective::SystemOperation;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{Result, Transfer, agree, create_dataset, write_rows};

use crate::measure::{Case, Stopwatch};

/// What is said of the time, out of each rank's own.
type Clock = fn(&Stopwatch, own: f64) -> f64;

/// The clocks; a rank that writes much writes so many bytes.
pub fn cases(bytes: usize) -> Vec<Case> {
    let case = |name, clock: Clock| Case {
        name,
        run: Box::new(move |watch: &mut Stopwatch| uneven_write(watch, bytes, clock)),
    };
    vec![
        case("the slowest rank", slowest),
        case("the mean of the ranks", |watch, own| {
            let mut sum = 0.0;
            watch
                .world
                .all_reduce_into(&own, &mut sum, SystemOperation::sum());
            sum / f64::from(watch.world.size())
        }),
        case("rank 0", |watch, mut own| {
            watch.world.process_at_rank(0).broadcast_into(&mut own);
            own
        }),
    ]
}

fn slowest(watch: &Stopwatch, own: f64) -> f64 {
    let mut slowest = 0.0;
    watch
        .world
        .all_reduce_into(&own, &mut slowest, SystemOperation::max());
    slowest
}

/// The last rank writes eight times as much as each of the others.
fn uneven_write(watch: &mut Stopwatch, bytes: usize, clock: Clock) -> Result<()> {
    let world = watch.world;
    let (rank, size) = (world.rank() as usize, world.size() as usize);
    let path = parallel_hdf5::data_folder()?.join("tuning.data");
    crate::transfer::remove(&path, world)?;
    let file = agree(world, parallel_hdf5::create(&path, world))?;
    let (many, few) = (bytes / 8, bytes / 64);
    let first = rank * few;
    let count = if rank + 1 == size { many } else { few };
    let dataset = agree(
        world,
        create_dataset::<u64>(&file, "x", (size - 1) * few + many),
    )?;
    let mine = Array1::from_iter((first as u64..).take(count));

    world.barrier();
    let start = mpi::time();
    let written = write_rows(
        &dataset,
        first..first + count,
        mine.view(),
        Transfer::Independent,
    );
    let own = mpi::time() - start;
    agree(world, written)?;
    watch.add("write", clock(watch, own));

    drop(dataset);
    agree(world, file.close())?;
    check(watch, &path)
}

fn check(watch: &Stopwatch, path: &std::path::Path) -> Result<()> {
    let world = watch.world;
    let found = match world.rank() {
        0 => File::open(path).and_then(|file| file.dataset("x")?.read_raw::<u64>()),
        _ => Ok(Vec::new()),
    };
    let found = agree(world, found)?;
    let right = found.iter().copied().eq(0..found.len() as u64);
    agree(
        world,
        right
            .then_some(())
            .ok_or("the numbers are not those that were written"),
    )?;
    Ok(())
}
