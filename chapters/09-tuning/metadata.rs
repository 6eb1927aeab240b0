//! Small data: many datasets, of which each is a few bytes, and much to look up.

use hdf5::file::LibraryVersion;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{
    FileOptions, Result, Transfer, agree, create_dataset, read_rows, write_rows,
};

use crate::measure::{Case, Stopwatch};

const DATASETS: usize = 64;

/// How the file's metadata is written and read.
#[derive(Clone, Default)]
pub struct Metadata {
    /// Metadata is read by one rank for all, and written by all together.
    pub collective: bool,
    /// Objects are stored as this version of HDF5, or a newer one, stores them.
    pub versions: Option<LibraryVersion>,
}

impl Metadata {
    /// A case that differs from this in what `change` does.
    pub fn case(&self, name: &'static str, change: impl FnOnce(&mut Metadata)) -> Case {
        let mut this = self.clone();
        change(&mut this);
        Case {
            name,
            run: Box::new(move |watch| this.run(watch)),
        }
    }

    fn options(&self) -> FileOptions {
        let options = FileOptions::new().collective_metadata(self.collective);
        match self.versions {
            Some(low) => options.versions(low, LibraryVersion::latest()),
            None => options,
        }
    }

    fn run(&self, watch: &mut Stopwatch) -> Result<()> {
        let world = watch.world;
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        let path = parallel_hdf5::data_folder()?.join("tuning.data");
        crate::transfer::remove(&path, world)?;
        let value = |dataset: usize, rank: usize| (1000 * dataset + rank) as u64;

        watch.time("create", || {
            let file = self.options().create(&path, world)?;
            for number in 0..DATASETS {
                let dataset = create_dataset::<u64>(&file, &name(number), size)?;
                let mine = Array1::from_elem(1, value(number, rank));
                write_rows(&dataset, rank..rank + 1, mine.view(), Transfer::Independent)?;
            }
            Ok(file.close()?)
        })?;

        let next = (rank + 1) % size;
        let read = watch.time("open", || {
            let file = self.options().open(&path, world)?;
            let mut read = Vec::new();
            for number in 0..DATASETS {
                let dataset = file.dataset(&name(number))?;
                let one: Array1<u64> =
                    read_rows(&dataset, next..next + 1, Transfer::Independent)?;
                read.push(one[0]);
            }
            file.close()?;
            Ok(read)
        })?;
        let right = read
            .iter()
            .copied()
            .eq((0..DATASETS).map(|it| value(it, next)));
        agree(
            world,
            right
                .then_some(())
                .ok_or("a dataset does not hold what was written"),
        )?;
        Ok(())
    }
}

fn name(number: usize) -> String {
    format!("x{number}")
}
