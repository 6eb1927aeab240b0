//! Small programs, each right or wrong in one way. They are tests that only run as ranks:
//! see `program` in `../recorder.rs`.

use std::io::Write as _;
use std::time::Duration;

use crate::common::rank;
use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, File};
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{Array2, array};
use parallel_hdf5::{
    DatasetOptions, Slab, Transfer, create, create_dataset, data_folder, rows_of,
    write_rows, write_slab,
};

fn file(world: &SimpleCommunicator, name: &str) -> parallel_hdf5::Result<File> {
    Ok(create(data_folder()?.join(name), world)?)
}

#[test]
#[ignore = "runs as a rank"]
fn leaves_out() {
    rank(|world| {
        let file = file(world, "leaves-out.hdf5")?;
        if world.rank() != 0 {
            create_dataset::<f32>(&file, "x", (10, 3))?; // leaves out
        }
        world.barrier();
        Ok(file.close()?)
    });
}

#[test]
#[ignore = "runs as a rank"]
fn other_names() {
    rank(|world| {
        let file = file(world, "other-names.hdf5")?;
        create_dataset::<f32>(&file, &format!("of-rank-{}", world.rank()), 10)?;
        Ok(file.close()?)
    });
}

#[test]
#[ignore = "runs as a rank"]
fn other_shapes() {
    rank(|world| {
        let file = file(world, "other-shapes.hdf5")?;
        let group = file.create_group("group")?;
        let rows = if world.rank() == 2 { 12 } else { 10 };
        create_dataset::<f32>(&group, "x", (rows, 3))?;
        drop(group);
        Ok(file.close()?)
    });
}

#[test]
#[ignore = "runs as a rank"]
fn other_types() {
    rank(|world| {
        let file = file(world, "other-types.hdf5")?;
        match world.rank() {
            0 => create_dataset::<f64>(&file, "x", 10)?,
            _ => create_dataset::<i64>(&file, "x", 10)?,
        };
        Ok(file.close()?)
    });
}

#[test]
#[ignore = "runs as a rank"]
fn other_roots() {
    rank(|world| {
        let mut number = world.rank();
        let root = if world.rank() == 0 { 0 } else { 1 };
        world.process_at_rank(root).broadcast_into(&mut number);
        Ok(())
    });
}

/// Each rank writes collectively, and to a dataset of its own.
#[test]
#[ignore = "runs as a rank"]
fn other_datasets() {
    rank(|world| {
        let file = file(world, "other-datasets.hdf5")?;
        let mut all = Vec::new();
        for rank in 0..world.size() {
            all.push(create_dataset::<f64>(&file, &format!("of-rank-{rank}"), 8)?);
        }
        let rows = rows_of(world.rank(), world.size(), 8);
        let values = ndarray::Array1::from_elem(rows.len(), 1.0);
        let own = &all[world.rank() as usize];
        write_rows(own, rows, values.view(), Transfer::Collective)?;
        all.clear();
        Ok(file.close()?)
    });
}

/// The same, but each rank for itself: that is right.
#[test]
#[ignore = "runs as a rank"]
fn own_datasets() {
    rank(|world| {
        let file = file(world, "own-datasets.hdf5")?;
        let mut all = Vec::new();
        for rank in 0..world.size() {
            all.push(create_dataset::<f64>(&file, &format!("of-rank-{rank}"), 8)?);
        }
        let own = &all[world.rank() as usize];
        let values = ndarray::Array1::from_elem(8, 1.0);
        write_rows(own, 0..8, values.view(), Transfer::Independent)?;
        all.clear();
        file.close()?;
        // In a file of one rank, also with the transfer mode of several.
        let path = data_folder()?.join(format!("of-rank-{}.hdf5", world.rank()));
        let file = File::create(path)?;
        let name = format!("x-{}", world.rank());
        let own = create_dataset::<f64>(&file, &name, 8)?;
        let attribute = own.new_attr::<i32>().create("rank")?;
        attribute.write_scalar(&world.rank())?;
        drop((own, attribute));
        Ok(file.close()?)
    });
}

/// Each rank gives an attribute another value.
#[test]
#[ignore = "runs as a rank"]
fn other_values() {
    rank(|world| {
        let file = file(world, "other-values.hdf5")?;
        let same = file.new_attr::<i32>().create("same")?;
        same.write_scalar(&7)?;
        let long = file.new_attr::<f64>().shape(200).create("long")?;
        long.write(&ndarray::Array1::from_elem(200, 0.5))?;
        let step = file.new_attr::<i32>().create("step")?;
        step.write_scalar(&(10 + world.rank()))?; // the values
        drop((same, long, step));
        Ok(file.close()?)
    });
}

/// The same with many numbers; and with a text.
#[test]
#[ignore = "runs as a rank"]
fn other_long_values() {
    rank(|world| {
        let file = file(world, "other-long-values.hdf5")?;
        let long = file.new_attr::<f64>().shape(200).create("long")?;
        let mut values = ndarray::Array1::from_elem(200, 0.5);
        values[199] += f64::from(world.rank());
        long.write(&values)?;
        drop(long);
        Ok(file.close()?)
    });
}

#[test]
#[ignore = "runs as a rank"]
fn other_texts() {
    rank(|world| {
        let file = file(world, "other-texts.hdf5")?;
        let title = file.new_attr::<VarLenUnicode>().create("title")?;
        let text: VarLenUnicode = format!("run {}", world.rank()).parse()?;
        title.write_scalar(&text)?;
        drop(title);
        Ok(file.close()?)
    });
}

/// A collective write for each row, and rank 0 has one row more.
#[test]
#[ignore = "runs as a rank"]
fn unequal_writes() {
    rank(|world| {
        let file = file(world, "unequal-writes.hdf5")?;
        let rows = 2 * world.size() as usize + 1;
        let x = create_dataset::<f64>(&file, "x", rows)?;
        for row in rows_of(world.rank(), world.size(), rows) {
            write_rows(&x, row..row + 1, array![1.0].view(), Transfer::Collective)?;
        }
        drop(x);
        Ok(file.close()?)
    });
}

#[test]
#[ignore = "runs as a rank"]
fn transfers_alone() {
    rank(|world| {
        let file = file(world, "transfers-alone.hdf5")?;
        let x = create_dataset::<f64>(&file, "x", 8)?;
        let rows = rows_of(world.rank(), world.size(), 8);
        let values = ndarray::Array1::from_elem(rows.len(), 1.0);
        // One rank believes that it need not take part.
        if world.rank() != 3 {
            write_rows(&x, rows, values.view(), Transfer::Collective)?;
        }
        drop(x);
        Ok(file.close()?)
    });
}

/// The numbers are of `f64`; HDF5 1.10 converts them for `single`, each rank for itself.
#[test]
#[ignore = "runs as a rank"]
fn wishes() {
    rank(|world| {
        let file = file(world, "wishes.hdf5")?;
        let single = create_dataset::<f32>(&file, "single", 8)?;
        let double = create_dataset::<f64>(&file, "double", 8)?;
        let rows = rows_of(world.rank(), world.size(), 8);
        let values = ndarray::Array1::from_elem(rows.len(), 1.0);
        write_rows(&single, rows.clone(), values.view(), Transfer::Collective)?;
        write_rows(&double, rows.clone(), values.view(), Transfer::Collective)?;
        write_rows(&double, rows, values.view(), Transfer::Independent)?;
        drop((single, double));
        Ok(file.close()?)
    });
}

#[test]
#[ignore = "runs as a rank"]
fn no_sender() {
    rank(|world| {
        if world.rank() == 0 {
            let (_number, _status) = world.process_at_rank(1).receive::<i32>(); // no sender
        }
        world.barrier();
        Ok(())
    });
}

/// Two groups of ranks with a file each, and other numbers of calls.
#[test]
#[ignore = "runs as a rank"]
fn split() {
    rank(|world| {
        let color = world.rank() % 2;
        let part = world
            .split_by_color(mpi::topology::Color::with_value(color))
            .ok_or("no part")?;
        let path = data_folder()?.join(format!("part-{color}.hdf5"));
        let file = create(path, &part)?;
        for n in 0..1 + 2 * color {
            create_dataset::<i32>(&file, &format!("x-{n}"), 4)?;
            part.barrier();
        }
        file.close()?;
        if world.rank() == 0 {
            world.process_at_rank(1).send(&1_i32);
        } else if world.rank() == 1 {
            let (_number, _status) = world.process_at_rank(0).receive::<i32>();
        }
        world.barrier();
        Ok(())
    });
}

/// Each rank writes a column; rank 0 also some single rows.
#[test]
#[ignore = "runs as a rank"]
fn columns() {
    rank(|world| {
        let columns = world.size() as usize;
        let file = file(world, "columns.hdf5")?;
        let x: Dataset = create_dataset::<i32>(&file, "x", (6, columns))?;
        let own = ndarray::Array2::from_elem((6, 1), world.rank());
        let rank = world.rank() as usize;
        x.write_slice(&own, ndarray::s![.., rank..=rank])?;
        let every_other = create_dataset::<i32>(&file, "every-other", 9)?;
        if world.rank() == 0 {
            every_other.write_slice(&array![1, 2, 3, 4, 5], ndarray::s![..;2])?;
        }
        drop((x, every_other));
        Ok(file.close()?)
    });
}

/// Goes on for longer than any test.
#[test]
#[ignore = "runs as a rank"]
fn endless() {
    rank(|world| {
        let file = file(world, "endless.hdf5")?;
        create_dataset::<i32>(&file, "x", 4)?;
        world.barrier();
        std::thread::sleep(Duration::from_secs(1000));
        Ok(file.close()?)
    });
}

/// Says what it has in its environment, and what a process has that it starts.
#[test]
#[ignore = "runs as a rank"]
fn environment() {
    rank(|_| {
        let child = std::process::Command::new("env").output()?;
        let child = String::from_utf8(child.stdout)?;
        let mut words = String::new();
        for name in ["LD_PRELOAD", "WORKBOOK_RECORD"] {
            let own = std::env::var_os(name).is_some();
            let handed_on = child.lines().any(|it| it.starts_with(name));
            words += &format!("has {name}: {own} {handed_on}\n");
        }
        // In one piece, and not where the test harness has begun a line.
        std::io::stderr().write_all(words.as_bytes())?;
        Ok(())
    });
}

/// Scribbles into the folder of the record.
#[test]
#[ignore = "runs as a rank"]
fn scribbles() {
    rank(|world| {
        let folder = std::env::var("RECORDER_SCRIBBLES_INTO")?;
        world.barrier();
        let own = format!("{folder}/{}", std::process::id());
        let mut lines = std::fs::OpenOptions::new()
            .append(true)
            .open(format!("{own}.jsonl"))?;
        lines.write_all(b"{\"Enter\":{\"seq\":1e300}}\nnonsense\n\xff\xfe\n[[[[[[\n")?;
        std::fs::write(format!("{folder}/12.state"), [0xff; 128])?;
        std::fs::write(format!("{folder}/x.jsonl"), "{}")?;
        world.barrier();
        Ok(())
    });
}

/// Many calls that do little: what the recorder costs at most.
#[test]
#[ignore = "runs as a rank"]
fn many_calls() {
    rank(|world| {
        let file = file(world, "many-calls.hdf5")?;
        let x = create_dataset::<f64>(&file, "x", world.size() as usize)?;
        let row = world.rank() as usize;
        let started = std::time::Instant::now();
        for _ in 0..10_000 {
            world.barrier();
        }
        let barriers = started.elapsed();
        for _ in 0..10_000 {
            let values = array![1.0];
            write_rows(&x, row..row + 1, values.view(), Transfer::Independent)?;
        }
        world.barrier();
        if world.rank() == 0 {
            let all = started.elapsed();
            println!("barriers {barriers:?}, writes {:?}", all - barriers);
        }
        drop(x);
        Ok(file.close()?)
    });
}

/// A column of each rank, written independently: HDF5 writes it cell by cell.
#[test]
#[ignore = "runs as a rank"]
fn many_pieces() {
    rank(|world| {
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        let file = file(world, "many-pieces.hdf5")?;
        let dataset = create_dataset::<f64>(&file, "x", (10_000, size))?;
        let own = Array2::from_elem((10_000, 1), world.rank() as f64);
        let column = Slab::of(&dataset).along(1, rank..rank + 1);
        for _ in 0..5 {
            write_slab(&dataset, &column, own.view(), Transfer::Independent)?;
        }
        drop(dataset);
        Ok(file.close()?)
    });
}

/// Each rank writes a column of each dataset, all cells its own number, in ways that lay them
/// out differently; then rows of a dataset in a group.
#[test]
#[ignore = "runs as a rank"]
fn cells() {
    rank(|world| {
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        let file = file(world, "cells.hdf5")?;
        let own = Array2::from_elem((64, 1), world.rank() as f64);
        for (name, how) in [
            ("together", Transfer::Collective),
            ("alone", Transfer::Independent),
        ] {
            let dataset = create_dataset::<f64>(&file, name, (64, size))?;
            let column = Slab::of(&dataset).along(1, rank..rank + 1);
            write_slab(&dataset, &column, own.view(), how)?;
        }
        for (name, options) in [
            ("chunked", DatasetOptions::new().chunks(&[5, size.min(2)])),
            (
                "squeezed",
                DatasetOptions::new().chunks(&[16, 1]).deflate(1),
            ),
        ] {
            let dataset = options.create::<f64>(&file, name, &[64, size])?;
            let column = Slab::of(&dataset).along(1, rank..rank + 1);
            write_slab(&dataset, &column, own.view(), Transfer::Collective)?;
        }
        let group = file.create_group("group")?;
        let rows = create_dataset::<f64>(&group, "rows", (10, 3))?;
        let slab = Slab::of(&rows).along(0, rows_of(world.rank(), world.size(), 10));
        let shape = (slab.shape()[0], 3);
        let own = Array2::from_elem(shape, world.rank() as f64);
        write_slab(&rows, &slab, own.view(), Transfer::Collective)?;
        drop((group, rows));
        Ok(file.close()?)
    });
}

/// Reads and writes by the operating system's own functions, also where they fail, and in a
/// thread: what comes of it is written to a file.
#[test]
#[ignore = "runs as a rank"]
fn system_calls() {
    use std::io::{IoSlice, IoSliceMut, Read, Seek};
    use std::os::unix::fs::FileExt;

    rank(|world| {
        let path = data_folder()?.join(format!("{}.bytes", world.rank()));
        let mut options = std::fs::File::options();
        let mut file = options
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(&path)?;
        let mut said = Vec::new();
        let (mut bytes, mut more) = ([0; 8], [0; 8]);
        said.push(format!("pwrite {:?}", file.write_at(b"abcdef", 3)));
        let count = file.read_at(&mut bytes, 4);
        said.push(format!("pread {count:?} {bytes:?}"));
        said.push(format!("write {:?}", file.write(b"xy")));
        let pieces = [IoSlice::new(b"1"), IoSlice::new(b"23")];
        said.push(format!("writev {:?}", file.write_vectored(&pieces)));
        said.push(format!("lseek {:?}", file.stream_position()));
        let count = file.read_vectored(&mut [
            IoSliceMut::new(&mut bytes[..2]),
            IoSliceMut::new(&mut more),
        ]);
        said.push(format!("readv {count:?} {bytes:?} {more:?}"));
        let (mut from, mut to) = std::io::pipe()?;
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            to.write(b"from a thread")
        });
        let count = from.read(&mut bytes);
        said.push(format!("read from a pipe {count:?} {bytes:?}"));
        said.push(format!("the thread {:?}", thread.join()));
        let copy = file.try_clone()?;
        drop(file);
        let count = copy.read_at(&mut bytes, 0);
        said.push(format!("pread of a copy {count:?} {bytes:?}"));
        let mut to_read = std::fs::File::open(&path)?;
        said.push(format!(
            "write to what is only read {:?}",
            to_read.write(b"x")
        ));
        said.push(format!(
            "errno {:?}",
            std::io::Error::last_os_error().kind()
        ));
        let said = said.join("\n");
        Ok(std::fs::write(path.with_extension("said"), said)?)
    });
}
