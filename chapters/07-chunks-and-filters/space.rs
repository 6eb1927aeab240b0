//! How many bytes of the file belong to a dataset when it was just created.

use hdf5::File;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::{AllocTime, DatasetOptions, Result, agree};

const SHAPE: [usize; 2] = [1000, 64];

/// Prints the table. **Collective**.
pub fn table(world: &SimpleCommunicator) -> Result<()> {
    let folder = parallel_hdf5::data_folder()?;
    let parallel = parallel_hdf5::create(folder.join("space.hdf5"), world)?;
    // Rank 0 has a file of its own, without MPI.
    let serial = match world.rank() {
        0 => Some(File::create(folder.join("space-serial.hdf5"))?),
        _ => None,
    };
    if world.rank() == 0 {
        println!(
            "{:<11} {:<12} {:>8} {:>8}",
            "layout", "allocation", "parallel", "serial"
        );
    }
    for layout in ["contiguous", "chunked", "compressed"] {
        for (word, allocation) in [
            ("early", AllocTime::Early),
            ("incremental", AllocTime::Incr),
            ("late", AllocTime::Late),
        ] {
            // Without chunks there is nothing that could be allocated bit by bit.
            if layout == "contiguous" && word == "incremental" {
                continue;
            }
            let name = format!("{layout}-{word}");
            let of_all = agree(world, bytes(&parallel, &name, layout, allocation))?;
            if let Some(file) = &serial {
                let alone = bytes(file, &name, layout, allocation)?;
                println!("{layout:<11} {word:<12} {of_all:>8} {alone:>8}");
            }
        }
    }
    agree(world, parallel.close())?;
    Ok(())
}

// ANCHOR: bytes
/// What a new dataset takes before anybody writes. **Collective** over the file's ranks.
fn bytes(file: &File, name: &str, layout: &str, allocation: AllocTime) -> Result<u64> {
    let options = DatasetOptions::new().allocate(allocation);
    let options = match layout {
        "contiguous" => options,
        "chunked" => options.chunks(&[64, 64]),
        _ => options.chunks(&[64, 64]).deflate(6),
    };
    let dataset = options.create::<i32>(file, name, &SHAPE)?;
    Ok(dataset.storage_size())
}
// ANCHOR_END: bytes
