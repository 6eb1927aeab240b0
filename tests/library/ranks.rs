//! Programs that use the library on several ranks. They are tests that only run as ranks: see
//! `launch_test` in `../common/mod.rs`. Each looks after itself; what must be in the file is
//! looked at by `../library.rs`, in one process.

use hdf5::file::LibraryVersion;
use mpi::collective::SystemOperation;
use mpi::traits::*;
use ndarray::{Array1, Array2, array};
use parallel_hdf5::{
    Actual, AllocTime, Cause, ChunkIo, DatasetOptions, FileOptions, FillTime, Slab,
    SlabError, Transfer, about, agree, chunked_rows_of, create, create_dataset, cyclic,
    data_folder, hand_over, hints, mpiio::MpiFile, read_rows, read_slab, read_slab_into,
    rows_of, write_rows, write_slab, write_then_rename,
};

use crate::common::rank;

/// What is written at (row, column) in these programs.
pub fn value(row: usize, column: usize) -> f64 {
    (1000 * row + column) as f64
}

/// The array that belongs to a slab of two axes.
fn values(slab: &Slab) -> Array2<f64> {
    let [rows, columns] = slab.axes() else {
        panic!("two axes");
    };
    let rows: Vec<usize> = rows.iter().collect();
    let columns: Vec<usize> = columns.iter().collect();
    Array2::from_shape_fn((rows.len(), columns.len()), |(i, j)| {
        value(rows[i], columns[j])
    })
}

pub const SHAPE: (usize, usize) = (11, 5);

/// Each distribution, transfer and layout: written, read back by the same ranks in the other
/// mode, and left for one process.
#[test]
#[ignore = "runs as a rank"]
fn slabs() {
    rank(|world| {
        let (me, size) = (world.rank(), world.size());
        let file = create(data_folder()?.join("slabs.hdf5"), world)?;
        let (rows, columns) = SHAPE;
        let whole = Slab::whole(&[rows, columns]);
        let slabs = [
            ("rows", whole.clone().along(0, rows_of(me, size, rows))),
            (
                "columns",
                whole.clone().along(1, rows_of(me, size, columns)),
            ),
            ("cyclic", whole.clone().along(0, cyclic(me, size, rows, 1))),
            ("blocks", whole.clone().along(0, cyclic(me, size, rows, 2))),
            (
                "cells",
                // The rows of all ranks, but of each only a part of the columns: all cells of
                // a row belong to one rank or another.
                whole.clone().along(1, cyclic(me, size, columns, 2)),
            ),
            ("chunks", whole.along(0, chunked_rows_of(me, size, rows, 4))),
        ];
        let (mine, other) = [Transfer::Independent, Transfer::Collective].into();
        for (name, slab) in slabs {
            for (transfer, back, suffix) in [(mine, other, "i"), (other, mine, "c")] {
                for chunked in [false, true] {
                    let layout = if chunked { "chunked" } else { "contiguous" };
                    let name = format!("{name}-{suffix}-{layout}");
                    let dataset = match chunked {
                        true => DatasetOptions::new().chunks(&[4, 2]).create::<f64>(
                            &file,
                            &name,
                            &[rows, columns],
                        )?,
                        false => create_dataset::<f64>(&file, &name, SHAPE)?,
                    };
                    let written = values(&slab);
                    let report = write_slab(&dataset, &slab, written.view(), transfer)?;
                    assert_eq!(report.requested, transfer);
                    match (transfer, chunked) {
                        (Transfer::Independent, _) => assert_eq!(
                            (report.actual, report.causes_here.as_slice()),
                            (Actual::NotCollective, &[Cause::IndependentRequested][..]),
                        ),
                        (Transfer::Collective, false) => {
                            assert_eq!(report.actual, Actual::ContiguousCollective);
                            assert_eq!(report.causes_anywhere, []);
                        }
                        (Transfer::Collective, true) => {
                            assert!(report.was_collective(), "{report}");
                            assert_ne!(report.chunks, ChunkIo::None);
                        }
                    }
                    hand_over(&file, world)?;
                    let read: Array2<f64> = read_slab(&dataset, &slab, back)?;
                    assert_eq!(read, written, "{name}");
                    let mut buffer = Array2::from_elem(written.dim(), -1.0);
                    read_slab_into(&dataset, &slab, buffer.view_mut(), transfer)?;
                    assert_eq!(buffer, written, "{name}");
                }
            }
        }
        Ok(file.close()?)
    });
}

/// HDF5 converts, and then does not do what was asked for; it says so on all ranks, also where
/// one alone was the cause.
#[test]
#[ignore = "runs as a rank"]
fn wish_not_granted() {
    rank(|world| {
        let file = create(data_folder()?.join("wish.hdf5"), world)?;
        let dataset = create_dataset::<f32>(&file, "x", 100)?;
        let mine = rows_of(world.rank(), world.size(), 100);
        let slab = Slab::of(&dataset).along(0, mine.clone());
        let last = world.rank() == world.size() - 1;
        let report = match last {
            true => {
                let values = Array1::from_elem(mine.len(), 1.5_f64);
                write_slab(&dataset, &slab, values.view(), Transfer::Collective)?
            }
            false => {
                let values = Array1::from_elem(mine.len(), 1.5_f32);
                write_slab(&dataset, &slab, values.view(), Transfer::Collective)?
            }
        };
        if hdf5::library_version() < (1, 14, 3) {
            assert_eq!(report.actual, Actual::NotCollective, "{report}");
            assert_eq!(report.causes_anywhere, [Cause::TypeConversion], "{report}");
            assert_eq!(report.causes_here.is_empty(), !last, "{report}");
            let text = report.to_string();
            assert_eq!(text.contains("on another rank"), !last, "{text}");
        } else {
            // Newer ones convert all numbers first, and then transfer what was converted.
            assert!(report.was_collective(), "{report}");
        }
        drop(dataset);
        Ok(file.close()?)
    });
}

/// One rank's arguments are wrong in a collective transfer: the others do not wait for it.
#[test]
#[ignore = "runs as a rank"]
fn one_is_wrong() {
    rank(|world| {
        let file = create(data_folder()?.join("one-is-wrong.hdf5"), world)?;
        let dataset = create_dataset::<i32>(&file, "x", (8, 2))?;
        let wrong = world.rank() == world.size() - 1;
        let both = Transfer::Collective;

        // An array of a wrong shape, ...
        let rows = rows_of(world.rank(), world.size(), 8);
        let columns = if wrong { 3 } else { 2 };
        let values = Array2::from_elem((rows.len(), columns), 7);
        let written = write_rows(&dataset, rows.clone(), values.view(), both);
        assert_eq!(written.is_err(), wrong, "{written:?}");
        // ... rows that are not there, ...
        let beyond = if wrong { 8..9 } else { 0..1 };
        let read = read_rows::<i32, ndarray::Ix2>(&dataset, beyond, both);
        assert_eq!(read.is_err(), wrong, "{read:?}");
        // ... a slab of another dataset, ...
        let axes: &[usize] = if wrong { &[8] } else { &[8, 2] };
        let values = ndarray::ArrayD::from_elem(axes, 7);
        let slab = Slab::whole(axes);
        let written = match wrong || world.rank() == 0 {
            true => write_slab(&dataset, &slab, values.view(), both),
            false => {
                let nothing = Slab::of(&dataset).nothing();
                let none = Array2::<i32>::zeros((0, 2));
                write_slab(&dataset, &nothing, none.view(), both)
            }
        };
        assert_eq!(written.is_err(), wrong, "{written:?}");
        // ... and an array that lies the wrong way round.
        let mut turned = Array2::<i32>::zeros((2, 8)).reversed_axes();
        let mut straight = Array2::<i32>::zeros((8, 2));
        let view = if wrong {
            turned.view_mut()
        } else {
            straight.view_mut()
        };
        let read = read_slab_into(&dataset, &Slab::of(&dataset), view, both);
        assert_eq!(wrong, matches!(read, Err(SlabError::Strided)), "{read:?}");

        // One answer for all.
        let agreed = agree(world, read).unwrap_err();
        assert_eq!(agreed.rank, world.size() - 1);
        drop(dataset);
        Ok(file.close()?)
    });
}

/// Options for files and datasets.
#[test]
#[ignore = "runs as a rank"]
fn options() {
    rank(|world| {
        let path = data_folder()?.join("options.hdf5");
        let file = FileOptions::new()
            .hint("cb_buffer_size", "1048576")
            .alignment(1024, 4096)
            .collective_metadata(true)
            .versions(LibraryVersion::Earliest, LibraryVersion::latest())
            .chunk_cache(101, 1 << 16)
            .create(&path, world)?;
        let given = hints(&file)?;
        let buffer = given.iter().find(|(name, _)| name == "cb_buffer_size");
        if about::mpi_io_library(&file)? == "ROMIO" {
            let value = buffer.map(|(_, value)| value.as_str());
            assert_eq!(value, Some("1048576"), "{given:?}");
        }
        let used = file.fapl()?;
        assert!(used.all_coll_metadata_ops() && used.coll_metadata_write());
        for (name, shape) in [("small", [3, 3]), ("large", [100, 30])] {
            create_dataset::<f32>(&file, name, shape)?;
        }
        let compressed = DatasetOptions::new()
            .chunks(&[10, 4])
            .shuffle()
            .deflate(6)
            .unlimited(0)
            .fill(FillTime::Alloc)
            .allocate(AllocTime::Incr)
            .create::<i32>(&file, "compressed", &[25, 4])?;
        let mine = rows_of(world.rank(), world.size(), 25);
        let values = Array2::from_shape_fn((mine.len(), 4), |(row, column)| {
            (4 * (row + mine.start) + column) as i32
        });
        let slab = Slab::of(&compressed).along(0, mine.clone());
        let refused = write_slab(&compressed, &slab, values.view(), Transfer::Independent);
        let allowed = world.size() == 1
            && crate::common::one_rank_may_write_filtered_data_independently();
        match allowed {
            true => assert!(refused.is_ok(), "{refused:?}"),
            false => assert!(refused.is_err() || mine.is_empty(), "{refused:?}"),
        }
        let report = write_slab(&compressed, &slab, values.view(), Transfer::Collective)?;
        assert!(report.was_collective(), "{report}");
        compressed.resize((30, 4))?;
        drop((compressed, used));
        Ok(file.close()?)
    });
}

/// What hand_over promises: what any rank wrote, every rank reads.
#[test]
#[ignore = "runs as a rank"]
fn handed_over() {
    rank(|world| {
        let file = create(data_folder()?.join("handed-over.hdf5"), world)?;
        let dataset = create_dataset::<i32>(&file, "x", 1 << 16)?;
        let writer = 0;
        for k in 1..20 {
            if world.rank() == writer {
                let values = Array1::from_elem(1 << 16, k);
                write_rows(&dataset, 0..1 << 16, values.view(), Transfer::Independent)?;
            }
            hand_over(&file, world)?;
            let read: Array1<i32> = read_rows(&dataset, 0..1 << 16, Transfer::Independent)?;
            assert!(read.iter().all(|it| *it == k), "round {k}");
            world.barrier();
        }
        drop(dataset);
        Ok(file.close()?)
    });
}

/// A file that is complete or not there; and after an error the old one.
#[test]
#[ignore = "runs as a rank"]
fn renamed() {
    rank(|world| {
        let path = data_folder()?.join("renamed.hdf5");
        let write = |k: i32, fails: bool| {
            write_then_rename(&path, world, |file| {
                let dataset = create_dataset::<i32>(file, "x", 4)?;
                let mine = rows_of(world.rank(), world.size(), 4);
                let values = Array1::from_elem(mine.len(), k);
                write_rows(&dataset, mine, values.view(), Transfer::Independent)?;
                let is_one = world.rank() == world.size() - 1;
                match fails && is_one {
                    true => Err("the disk is on fire".into()),
                    false => Ok(()),
                }
            })
        };
        write(1, false)?;
        let failed = write(2, true).unwrap_err().to_string();
        assert!(failed.ends_with("the disk is on fire"), "{failed}");
        world.barrier();
        assert!(!data_folder()?.join("renamed.hdf5.part").exists());
        let old = hdf5::File::open(&path)?.dataset("x")?.read_1d::<i32>()?;
        assert_eq!(old, array![1, 1, 1, 1]);
        world.barrier();
        write(3, false)
    });
}

/// The counterpart of `cost.c`: the same calls through the library. Arguments by the
/// environment: `COST=elements,calls,collective`.
#[test]
#[ignore = "runs as a rank"]
fn cost() {
    rank(|world| {
        let given = std::env::var("COST")?;
        let given: Vec<usize> =
            given.split(',').map(str::parse).collect::<Result<_, _>>()?;
        let [elements, calls, collective] = given[..] else {
            return Err("COST has three numbers".into());
        };
        let transfer = match collective {
            0 => Transfer::Independent,
            _ => Transfer::Collective,
        };
        let total = elements * calls * world.size() as usize;
        let file = create(data_folder()?.join("cost.hdf5"), world)?;
        let dataset = create_dataset::<f32>(&file, "x", total)?;
        let mut values = Array1::from_shape_fn(elements, |i| (i % 1000) as f32);
        let mut took = [0.0; 2];
        for (reads, took) in [false, true].into_iter().zip(&mut took) {
            world.barrier();
            let begin = mpi::time();
            for call in 0..calls {
                let start = (world.rank() as usize * calls + call) * elements;
                let slab = Slab::whole(&[total]).along(0, start..start + elements);
                match reads {
                    true => read_slab_into(&dataset, &slab, values.view_mut(), transfer)?,
                    false => write_slab(&dataset, &slab, values.view(), transfer)?,
                };
            }
            let mine = mpi::time() - begin;
            world.all_reduce_into(&mine, took, SystemOperation::max());
        }
        if world.rank() == 0 {
            println!("took {:.9} {:.9}", took[0], took[1]);
        }
        drop(dataset);
        Ok(file.close()?)
    });
}

/// As long as a path may be here, and longer. Open MPI would abort; that is refused before.
#[test]
#[ignore = "runs as a rank"]
fn paths() {
    rank(|world| {
        std::env::set_current_dir(data_folder()?)?;
        let longest = 255 - format!(".locktest.{}", world.size() - 1).len();
        let path = |length: usize| {
            let name = format!("{length}.hdf5");
            let steps = length - name.len();
            // `.//` is as good as `./`.
            format!("{}{}{name}", "./".repeat(steps / 2), "/".repeat(steps % 2))
        };
        create(path(longest), world)?.close()?;
        let mut sizes = vec![longest];
        let library = about::mpi_library();
        let library: Vec<&str> = library.split(['.', ' ']).collect();
        let aborts = library[..2] == ["Open", "MPI"]
            && (library[2] < "5" || library[2..4] == ["5", "0"] && library[4].len() == 1);
        for length in [longest + 1, 400] {
            let made = create(path(length), world);
            let by_mpi = MpiFile::<i32>::create(path(length), world, &[]);
            if aborts && std::env::var_os("OMPI_MCA_io").is_none() {
                for said in [
                    made.unwrap_err().to_string(),
                    by_mpi.err().unwrap().to_string(),
                ] {
                    let expected = format!("{length} bytes, and Open MPI ");
                    assert!(said.contains(&expected), "{said}");
                    let expected = format!("more than {longest} (open-mpi/ompi #13565)");
                    assert!(said.contains(&expected), "{said}");
                }
            } else {
                made?.close()?;
                by_mpi?.close()?;
                sizes.push(length);
            }
        }
        // One letter.
        create("q", world)?.close()?;
        parallel_hdf5::open("q", world)?.close()?;
        MpiFile::<i32>::create("m", world, &[])?.close()?;
        world.barrier();
        for length in sizes {
            assert!(std::path::Path::new(&format!("{length}.hdf5")).exists());
        }
        assert!(std::path::Path::new("q").exists() && std::path::Path::new("m").exists());
        Ok(())
    });
}

/// A colon, where ROMIO opens the file and where OMPIO does.
#[test]
#[ignore = "runs as a rank"]
fn colons() {
    rank(|world| {
        let folder = std::path::absolute(data_folder()?)?;
        let path = folder.join("run-12:30.hdf5");
        let library = about::mpi_library();
        let romio = match library.strip_prefix("MPICH ") {
            Some(release) => release.starts_with("4.0.") || release.starts_with("4.1."),
            None => std::env::var_os("OMPI_MCA_io").is_some(),
        };
        let made = create(&path, world);
        let by_mpi = MpiFile::<i32>::create(folder.join("raw-12:30"), world, &[]);
        if !romio {
            made?.close()?;
            by_mpi?.close()?;
            // The path is not to blame here.
            let missing = parallel_hdf5::open(folder.join("a:b/none"), world).unwrap_err();
            assert!(!missing.to_string().contains("colon"), "{missing}");
            return Ok(());
        }
        let missing = parallel_hdf5::open(folder.join("none"), world).unwrap_err();
        assert!(!missing.to_string().contains("colon"), "{missing}");
        for said in [
            made.unwrap_err().to_string(),
            by_mpi.err().unwrap().to_string(),
        ] {
            assert!(said.contains("the path has a colon, and ROMIO"), "{said}");
            assert!(said.contains("write `ufs:` in front of it"), "{said}");
        }
        let cured = format!("ufs:{}", path.display());
        create(&cured, world)?.close()?;
        parallel_hdf5::open_read_only(&cured, world)?.close()?;
        world.barrier();
        assert!(path.exists());
        Ok(())
    });
}

/// The cure that `run` names works; without it, the error is left to it.
#[test]
#[ignore = "runs as a rank"]
fn large_attribute() {
    rank(|world| {
        let values = Array1::<f64>::zeros(10_000);
        let options =
            FileOptions::new().versions(LibraryVersion::V18, LibraryVersion::latest());
        let file = options.create(data_folder()?.join("new.hdf5"), world)?;
        file.new_attr_builder().with_data(&values).create("table")?;
        file.close()?;
        let file = create(data_folder()?.join("old.hdf5"), world)?;
        let refused = file.new_attr_builder().with_data(&values).create("table");
        let refused = agree(world, refused.map(drop));
        file.close()?;
        Ok(refused?)
    });
}

/// In one collective read rank 0 reads all, and each other rank the first number of its part; in
/// another all read their part with its borders. Prints how many numbers came out wrong.
#[test]
#[ignore = "runs as a rank"]
fn reads_within_reads() {
    rank(|world| {
        const COUNT: usize = 1000;
        let (me, size) = (world.rank(), world.size());
        let path = data_folder()?.join("within.hdf5");
        let mine = rows_of(me, size, COUNT);
        let file = create(&path, world)?;
        let x = create_dataset::<u64>(&file, "x", COUNT)?;
        let values = Array1::from_iter(mine.clone().map(|it| it as u64 + 1));
        write_rows(&x, mine.clone(), values.view(), Transfer::Collective)?;
        file.flush()?;
        let with_borders = mine.start.saturating_sub(1)..(mine.end + 1).min(COUNT);
        for (name, rows) in [
            (
                "all",
                if me == 0 {
                    0..COUNT
                } else {
                    mine.start..mine.start + 1
                },
            ),
            ("borders", with_borders),
        ] {
            let found: Array1<u64> = read_rows(&x, rows.clone(), Transfer::Collective)?;
            let wrong = found
                .iter()
                .zip(rows)
                .filter(|(found, row)| **found != *row as u64 + 1);
            let mut sum = 0;
            world.all_reduce_into(&wrong.count(), &mut sum, SystemOperation::sum());
            if me == 0 {
                println!("{name}: {sum} wrong");
            }
        }
        Ok(())
    });
}
