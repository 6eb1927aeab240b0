//! How much faster is it together? Measured in rounds, both ways in each of them.

use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::about::{mpi_io_library, mpi_library};
use parallel_hdf5::{Result, SlabError, Transfer, agree, read_slab_into, write_slab};

use crate::os_calls::OsCalls;
use crate::table::{Share, create_table, readings};

/// What is shared out, and the shape of the table. Rows are written so fast that a small table
/// would only show what it costs to wait for each other.
const TABLES: [(Share, [usize; 2]); 2] = [
    (Share::Rows, [1 << 14, 1 << 8]),
    (Share::Columns, [1 << 8, 1 << 8]),
];

/// Measures, and prints two rows of a table. Collective.
pub fn compare(world: &SimpleCommunicator, rounds: usize) -> Result<()> {
    if world.size() == 1 || rounds == 0 {
        println!("a comparison takes two ranks and one round, or more");
        return Ok(());
    }
    let path = parallel_hdf5::data_folder()?.join("compare.hdf5");
    let file = agree(world, parallel_hdf5::create(&path, world))?;
    let library = agree(world, mpi_io_library(&file))?; // collective
    for (share, shape) in TABLES {
        let table = agree(world, create_table(&file, &share.to_string(), shape))?;
        let slab = share.of(world.rank(), world.size(), &table);
        let mine = readings(&slab);
        let mut read = mine.clone();
        let writing = measure(world, rounds, |transfer| {
            write_slab(&table, &slab, mine.view(), transfer).map(drop)
        })?;
        let reading = measure(world, rounds, |transfer| {
            read_slab_into(&table, &slab, read.view_mut(), transfer).map(drop)
        })?;
        let same = if read == mine {
            Ok(())
        } else {
            Err("read other numbers")
        };
        agree(world, same)?;
        if world.rank() == 0 {
            let (mpi, ranks) = (mpi_library(), world.size());
            let size = (shape[0] * shape[1] * 8) as f64 / f64::from(1 << 20);
            let [writes, reads] = [writing.calls, reading.calls];
            println!(
                "| {library} in {mpi} | {ranks} | {share}, {size} MiB | {} | {} → {} | {} | {} → {} |",
                writing.gain(),
                writes[0].writes,
                writes[1].writes,
                reading.gain(),
                reads[0].reads,
                reads[1].reads,
            );
        }
    }
    agree(world, file.close())?;
    Ok(())
}

/// What was measured; what is an array is so of independent and of collective transfer.
#[derive(Default)]
struct Measured {
    /// Seconds, round by round.
    seconds: [Vec<f64>; 2],
    /// Calls of the operating system by all ranks together, in one transfer. On rank 0.
    calls: [OsCalls; 2],
}

// ANCHOR: measure
/// Transfers in both ways, round by round. Collective.
fn measure(
    world: &SimpleCommunicator,
    rounds: usize,
    mut transfer: impl FnMut(Transfer) -> std::result::Result<(), SlabError>,
) -> Result<Measured> {
    const WAYS: [Transfer; 2] = [Transfer::Independent, Transfer::Collective];
    let mut measured = Measured::default();
    // In round 0 much is done for the first time; it does not count.
    for round in 0..=rounds {
        // The way that comes first may be the one that finds the machine busy: take turns.
        for way in [round % 2, 1 - round % 2] {
            let ((mine, outcome), calls) = OsCalls::of(|| {
                world.barrier();
                let start = mpi::time();
                let outcome = transfer(WAYS[way]);
                (mpi::time() - start, outcome)
            });
            agree(world, outcome)?;
            let mut slowest = 0.0; // it is done when the last rank is
            world.all_reduce_into(&mine, &mut slowest, SystemOperation::max());
            if round > 0 {
                measured.seconds[way].push(slowest);
            }
            let all = calls.of_ranks(world).into_iter();
            measured.calls[way] = all.fold(OsCalls::default(), |sum, it| sum + it);
        }
    }
    Ok(measured)
}
// ANCHOR_END: measure

impl Measured {
    /// How many times faster it is together: the median of all rounds, and the quartiles.
    fn gain(&self) -> String {
        let [independent, collective] = &self.seconds;
        let rounds = independent.iter().zip(collective);
        let mut gains: Vec<f64> =
            rounds.map(|(alone, together)| alone / together).collect();
        gains.sort_by(f64::total_cmp);
        let [low, median, high] = [1, 2, 3].map(|quarter| {
            let gain = gains[(gains.len() - 1) * quarter / 4];
            let decimals = (1.0 - gain.log10().floor()).clamp(1.0, 4.0) as usize;
            format!("{gain:.decimals$}")
        });
        format!("{median} ({low}–{high})")
    }
}
