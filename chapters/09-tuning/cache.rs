//! The chunk cache: what a rank keeps of compressed chunks while it reads.

use mpi::traits::*;
use ndarray::{Array2, s};
use parallel_hdf5::{
    DatasetOptions, FileOptions, Result, Slab, Transfer, agree, read_slab, write_slab,
};

use crate::measure::{Case, Stopwatch};

/// The size of a chunk, in bytes: more than the 1 MiB that HDF5 takes by itself for a cache.
const CHUNK: usize = 2 << 20;

/// Rows of a chunk, each of which is read by a call of its own.
const ROWS: usize = 8;

/// A dataset of one compressed chunk for each rank, and a cache.
#[derive(Clone, Default)]
pub struct Cache {
    /// The size of the cache, in bytes, for each open dataset; `None`: HDF5's own choice.
    pub bytes: Option<usize>,
}

impl Cache {
    /// A case that differs from this in what `change` does.
    pub fn case(&self, name: &'static str, change: impl FnOnce(&mut Cache)) -> Case {
        let mut this = self.clone();
        change(&mut this);
        Case {
            name,
            run: Box::new(move |watch| this.run(watch)),
        }
    }

    fn run(&self, watch: &mut Stopwatch) -> Result<()> {
        let world = watch.world;
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        let path = parallel_hdf5::data_folder()?.join("tuning.data");
        crate::transfer::remove(&path, world)?;
        let columns = CHUNK / 8 / ROWS;
        let shape = [size * ROWS, columns];
        let right =
            Array2::from_shape_fn(shape, |(row, column)| (row * columns + column) as u64);

        // Written before, and not measured: compressed data is written collectively.
        let file = agree(world, parallel_hdf5::create(&path, world))?;
        let options = DatasetOptions::new().chunks(&[ROWS, columns]).deflate(1);
        let dataset = agree(world, options.create::<u64>(&file, "x", &shape))?;
        let mine = rank * ROWS..(rank + 1) * ROWS;
        let slab = Slab::of(&dataset).along(0, mine.clone());
        let values = right.slice(s![mine, ..]);
        agree(
            world,
            write_slab(&dataset, &slab, values, Transfer::Collective),
        )?;
        drop(dataset);
        agree(world, file.close())?;

        let next = (rank + 1) % size;
        let mut options = FileOptions::new();
        if let Some(bytes) = self.bytes {
            options = options.chunk_cache(521, bytes);
        }
        let read = watch.time("read", || {
            let file = options.open_read_only(&path, world)?;
            let dataset = file.dataset("x")?;
            let mut read = Array2::<u64>::zeros((ROWS, columns));
            for row in 0..ROWS {
                let at = next * ROWS + row;
                let slab = Slab::of(&dataset).along(0, at..at + 1);
                let one: Array2<u64> = read_slab(&dataset, &slab, Transfer::Independent)?;
                read.row_mut(row).assign(&one.row(0));
            }
            drop(dataset);
            file.close()?;
            Ok(read)
        })?;
        let right = right.slice(s![next * ROWS..(next + 1) * ROWS, ..]) == read;
        agree(
            world,
            right.then_some(()).ok_or("a row is not what was written"),
        )?;
        Ok(())
    }
}
