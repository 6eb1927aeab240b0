//! Small data: many datasets, of which each is a few bytes, and much to look up.

use hdf5::File;
use hdf5::file::LibraryVersion;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::about::{has_collective_metadata_reads, hdf5_version};
use parallel_hdf5::{
    FileOptions, Result, Transfer, agree, create_dataset, data_folder, read_rows,
    write_rows,
};

use crate::measure::{Case, Stopwatch};
use crate::os_calls::OsCalls;

const DATASETS: usize = 64;
/// So many that what opening the file itself reads does not matter.
const GROUPS: usize = 500;

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

/// Prints how many times each rank reads to open many groups, without and with collective
/// metadata. A count, unlike a time, is the same on a busy machine. Collective.
pub fn count_reads(world: &SimpleCommunicator) -> Result<()> {
    let path = data_folder()?.join("groups.hdf5");
    let made = match world.rank() {
        0 => make_groups(&path), // without MPI; the others wait in `agree`
        _ => Ok(()),
    };
    agree(world, made)?;
    let together = match has_collective_metadata_reads() {
        true => "collective metadata",
        false => "collective metadata, which this HDF5 ignores for reads",
    };
    if world.rank() == 0 {
        println!(
            "HDF5 {}: reads of each rank, to open {GROUPS} groups",
            hdf5_version()
        );
    }
    // ANCHOR: reads
    for (collective, name) in [(false, "each rank alone"), (true, together)] {
        let options = FileOptions::new().collective_metadata(collective);
        let file = agree(world, options.open_read_only(&path, world))?;
        let (opened, calls) = OsCalls::of(|| {
            (0..GROUPS).try_for_each(|number| file.group(&name_of_group(number)).map(drop))
        });
        agree(world, opened)?;
        let calls = calls.of_ranks(world);
        if world.rank() == 0 {
            let reads: Vec<u64> = calls.iter().map(|it| it.reads).collect();
            println!("  {name}: {reads:?}");
        }
        agree(world, file.close())?;
    }
    // ANCHOR_END: reads
    let removed = match world.rank() {
        0 => std::fs::remove_file(&path),
        _ => Ok(()),
    };
    Ok(agree(world, removed)?)
}

fn make_groups(path: &std::path::Path) -> hdf5::Result<()> {
    let file = File::create(path)?;
    for number in 0..GROUPS {
        file.create_group(&name_of_group(number))?;
    }
    file.close()
}

fn name_of_group(number: usize) -> String {
    format!("group-{number}")
}
