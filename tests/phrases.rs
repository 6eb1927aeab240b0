//! The Rust phrases of `chapters/python-to-rust.md`, as a program that compiles.
//!
//! The page's table cannot include code from a file, so the test below holds the two
//! together: each Rust phrase of the table stands in this file.

use std::path::Path;
use std::process::ExitCode;

use hdf5::{Dataset, File};
use mpi::collective::SystemOperation;
use mpi::topology::{Color, SimpleCommunicator};
use mpi::traits::*;
use ndarray::{Array1, Array2, Axis, Ix1, Ix2, s};
use parallel_hdf5::{
    DatasetOptions, Result, Slab, Transfer, agree, cyclic, read_rows, rows_of, write_rows,
    write_slab,
};

// The phrases are compiled, not run: the chapters run their like.
#[allow(dead_code, unused_variables)]
fn ranks_and_messages() {
    let universe = mpi::initialize().unwrap();
    let world = universe.world();
    world.rank();
    world.size();
    world.barrier();

    let root = world.process_at_rank(0);
    let (x, mut y) = (1_i32, 0_i32);
    let mut all = vec![0_i32; world.size() as usize];
    // on rank 0
    root.gather_into_root(&x, &mut all[..]);
    // on the others
    root.gather_into(&x);
    world.all_gather_into(&x, &mut all[..]);
    root.broadcast_into(&mut y);
    world.all_reduce_into(&x, &mut y, SystemOperation::sum());
    world.process_at_rank(1).send(&x);
    let (x, status) = world.process_at_rank(0).receive::<i32>();
    world.process_at_rank(1).send(&all[..]);
    world.process_at_rank(0).receive_into(&mut all[..]);
    let color = Color::with_value(world.rank() % 2);
    let half = world.split_by_color(color);
    mpi::time();
    println!("{x}");
    world.abort(1)
}

#[allow(dead_code)]
fn guarded() -> ExitCode {
    parallel_hdf5::run(|world| {
        println!("{}", world.rank());
        Ok(())
    })
}

#[allow(dead_code, unused_variables)]
fn files(world: &SimpleCommunicator) -> Result<()> {
    let file = parallel_hdf5::create("foo.hdf5", world)?;
    let file = parallel_hdf5::open("foo.hdf5", world)?;
    let file = parallel_hdf5::open_read_only("foo.hdf5", world)?;
    // the same without the library of this workbook
    let file = File::with_options()
        .with_fapl(|access| access.mpio(world.as_raw(), None))
        .create("foo.hdf5")?;
    let file = File::open("foo.hdf5")?;
    file.fapl()?.driver();
    file.link_exists("distances");
    let group = file.create_group("day-1")?;
    parallel_hdf5::set_atomic_mode(&file, true)?;
    parallel_hdf5::about::hdf5_version();
    let heights = DatasetOptions::new()
        .chunks(&[64, 64])
        .deflate(4)
        .unlimited(0)
        .create::<i32>(&file, "heights", &[0, 64])?;
    heights.resize((100, 64))?;
    heights.chunk();
    heights.chunk_info(0);
    heights.storage_size();
    file.flush()?;
    file.close()?;
    Ok(())
}

#[allow(dead_code, unused_variables)]
fn datasets(file: &File, dataset: &Dataset, world: &SimpleCommunicator) -> Result<()> {
    let coords = file.dataset("coords")?;
    let distances = file.new_dataset::<f32>().shape(1000).create("distances")?;
    let x = file.new_dataset::<i32>().shape(1).create("x")?;
    file.new_dataset::<f32>()
        .shape(1000)
        .chunk(100)
        .deflate(4)
        .create("small")?;
    dataset.shape();
    dataset.dtype()?;
    let mine = rows_of(world.rank(), world.size(), 1000);
    let points: Array2<f32> = read_rows(&coords, mine.clone(), Transfer::Independent)?;
    let points: Array2<f32> = coords.read_slice(s![250..500, ..])?;
    let result = points.map_axis(Axis(1), |p| p.dot(&p).sqrt());
    write_rows(
        &distances,
        mine.clone(),
        result.view(),
        Transfer::Independent,
    )?;
    write_rows(
        &distances,
        mine.clone(),
        result.view(),
        Transfer::Collective,
    )?;
    write_rows(
        &distances,
        mine.clone(),
        Array1::from_elem(mine.len(), 1.0).view(),
        Transfer::Collective,
    )?;
    let table = file.dataset("table")?;
    let slab = Slab::of(&table).along(1, cyclic(world.rank(), world.size(), 256, 1));
    let values = Array2::<f64>::zeros((256, 64));
    let report = write_slab(&table, &slab, values.view(), Transfer::Collective)?;
    report.was_collective();
    x.write_slice(&[42], 0..1)?;
    let value = x.read_slice_1d::<i32, _>(0..1)?[0];
    file.new_attr::<f64>().create("scale")?.write_scalar(&0.5)?;
    let outcome = read_rows::<f32, Ix2>(&coords, mine, Transfer::Independent);
    let points = agree(world, outcome)?;
    let all: Array1<f32> =
        read_rows::<f32, Ix1>(&distances, 0..1000, Transfer::Independent)?;
    Ok(())
}

#[allow(dead_code, unused_variables)]
fn arrays(points: Array2<f32>) {
    let zeros = Array2::<f32>::zeros((1000, 2));
    let numbers = Array1::from_iter(0..1000);
    points.sum_axis(Axis(1));
    points.mapv(f32::sqrt);
    points.slice(s![250..500, ..]);
    points.shape();
    points.t().as_standard_layout();
}

/// What the table says in Rust: the code in the second column, phrase by phrase.
fn phrases(page: &str) -> Vec<String> {
    let mut phrases = Vec::new();
    for row in page.lines().filter(|it| it.starts_with('|')) {
        let row = row.replace("\\|", "\u{1}");
        let Some(cell) = row.split('|').nth(2) else {
            continue;
        };
        let code = cell.split('`').skip(1).step_by(2);
        phrases.extend(code.map(|it| it.replace('\u{1}', "|")));
    }
    phrases
}

/// Without spaces and line breaks, which rustfmt chooses, and without trailing commas.
fn bare(code: &str) -> String {
    let bare: String = code.split_whitespace().collect();
    bare.replace(",)", ")")
}

#[test]
fn each_rust_phrase_of_the_page_compiles() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("chapters/python-to-rust.md");
    let page = std::fs::read_to_string(page).unwrap();
    let source = bare(include_str!("phrases.rs"));
    let phrases = phrases(&page);
    assert!(
        phrases.len() > 30,
        "only {} phrases were found",
        phrases.len()
    );
    // Commands for the shell, and names that stand alone, are no phrases of Rust.
    let unknown: Vec<_> = phrases
        .iter()
        .filter(|it| {
            !["make ", "mpirun ", "cargo "]
                .iter()
                .any(|tool| it.starts_with(tool))
        })
        .filter(|it| !source.contains(&bare(it)))
        .collect();
    assert!(
        unknown.is_empty(),
        "tests/phrases.rs does not compile these: {unknown:#?}"
    );
}

#[test]
fn a_phrase_that_no_compiler_saw_is_found() {
    let planted = "| `comm.rank` | `world.number_of_this_rank()` | nothing |";
    let source = bare(
        include_str!("phrases.rs")
            .split("fn phrases")
            .next()
            .unwrap(),
    );
    let [phrase] = &phrases(planted)[..] else {
        panic!("one phrase")
    };
    assert!(!source.contains(&bare(phrase)));
    assert_eq!(
        phrases(r"| a | `f(\|p\| p.dot(&p))` | |"),
        ["f(|p| p.dot(&p))"]
    );
}
