//! A program that is not part of the workbook, and uses its library.

use mpi::traits::*;
use ndarray::Array2;
use parallel_hdf5::{DatasetOptions, Slab, Transfer, agree, cyclic, write_slab};

fn main() -> std::process::ExitCode {
    parallel_hdf5::run(|world| {
        let file = agree(world, parallel_hdf5::create("columns.hdf5", world))?;
        let options = DatasetOptions::new().chunks(&[100, 4]);
        let dataset = options.create::<f64>(&file, "x", &[1000, 8])?;

        // The columns are dealt out like cards.
        let mine = Slab::of(&dataset).along(1, cyclic(world.rank(), world.size(), 8, 1));
        let shape = (mine.shape()[0], mine.shape()[1]);
        let values = Array2::from_elem(shape, f64::from(world.rank()));
        let written = write_slab(&dataset, &mine, values.view(), Transfer::Collective);
        let report = agree(world, written)?;

        if world.rank() == 0 {
            println!("{report}");
        }
        drop(dataset);
        agree(world, file.close())?;
        Ok(())
    })
}
