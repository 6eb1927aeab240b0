//! Chapter 3: the distances of any file, on any number of ranks; and what is refused.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::*;
use hdf5::{Dataset, File, H5Type};
use launch::supervise::Ended;
use ndarray::{Array1, Array2, Axis};

const PROGRAM: &str = env!("CARGO_BIN_EXE_distances");

/// Some points, the same each time.
fn points(rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        ((row * 31 + column * 17) % 101) as f64 - 50.0
    })
}

/// What the program must find for `points`: computed apart, in double precision.
fn right(points: &Array2<f64>) -> Array1<f64> {
    points.map_axis(Axis(1), |point| {
        point.iter().map(|x| x * x).sum::<f64>().sqrt()
    })
}

#[track_caller]
fn assert_distances(dataset: &Dataset, points: &Array2<f64>) {
    let right = right(points);
    assert_eq!(dataset.shape(), [right.len()]);
    let tolerance = if dataset.dtype().unwrap().size() == 4 {
        1e-6
    } else {
        1e-14
    };
    let found = match right.len() {
        0 => return,
        _ => dataset.read_1d::<f64>().unwrap(),
    };
    for (row, (found, right)) in found.iter().zip(&right).enumerate() {
        assert!(
            (found - right).abs() <= tolerance * right,
            "row {row}: {found}, not {right}"
        );
    }
}

/// A file with `points` in `coords`, of element type `T`.
fn file_with<T: H5Type + num_traits::FromPrimitive>(path: &Path, points: &Array2<f64>) {
    let file = create_serially(path).unwrap();
    let values = points.mapv(|it| T::from_f64(it).unwrap());
    let dataset = file
        .new_dataset::<T>()
        .shape(points.dim())
        .create("coords")
        .unwrap();
    if !values.is_empty() {
        dataset.write(&values).unwrap();
    }
}

fn rows_line(rank: usize, rows: std::ops::Range<usize>) -> String {
    match rows.len() {
        0 => format!("rank {rank}: no rows\n"),
        1 => format!("rank {rank}: row {}\n", rows.start),
        _ => format!("rank {rank}: rows {} to {}\n", rows.start, rows.end - 1),
    }
}

#[test]
fn the_lessons_own_file_on_any_number_of_ranks() {
    let data = scratch();
    // The second time and after, the same file is used, and its distances written again.
    for ranks in RANKS {
        let run = succeed(&launch(PROGRAM, ranks, &[], data.path()));
        let rows = |rank: usize| parallel_hdf5::rows_of(rank as i32, ranks as i32, 1000);
        let mut expected: String =
            (0..ranks).map(|rank| rows_line(rank, rows(rank))).collect();
        expected += "1000 distances written beside `coords`\n";
        assert_eq!(run.out[0], expected);
        let file = open_serially(data.path().join("coords.hdf5")).unwrap();
        let coords = file.dataset("coords").unwrap();
        assert_eq!(coords.shape(), [1000, 2]);
        let points = coords.read_2d::<f64>().unwrap();
        assert!(points.iter().any(|it| *it != 0.0));
        let distances = file.dataset("distances").unwrap();
        assert!(distances.dtype().unwrap().is::<f32>());
        assert_distances(&distances, &points);
    }
}

/// Each form on each kind of file: more rows than a block has, chunks that no block and no
/// rank begins with, a result that is compressed. All come to the same bits as one process.
#[test]
fn all_forms_come_to_the_same() {
    let data = scratch();
    let path = data.path().join("own.h5");
    // A block is 256 KiB of points: two columns of f64 are 16384 rows.
    let points = points(100_003, 2).mapv(|it| it / 3.0);
    {
        let file = create_serially(&path).unwrap();
        let add = |name: &str, chunk: Option<usize>| {
            let group = file.create_group(name).unwrap();
            let builder = group.new_dataset_builder();
            let builder = match chunk {
                Some(rows) => builder.chunk((rows, 2)).deflate(1),
                None => builder,
            };
            builder.with_data(&points).create("coords").unwrap();
            group
        };
        add("contiguous", None);
        add("chunked", Some(999));
        // A result that is compressed must be written by all ranks together.
        let group = add("both", Some(40_000));
        let builder = group.new_dataset::<f64>().chunk(3000).deflate(1);
        builder.shape(100_003).create("distances").unwrap();
    }
    let right = points.map_axis(Axis(1), |it| it.dot(&it).sqrt());
    for form in ["whole", "blocks", "vector", "reuse"] {
        for group in ["contiguous", "chunked", "both"] {
            for ranks in [1, 3] {
                let dataset = format!("{group}/coords");
                let args = ["--file", "own.h5", "--dataset", &dataset, "--form", form];
                succeed(&launch(PROGRAM, ranks, &args, data.path()));
                let file = change_serially(&path).unwrap();
                let distances = file.dataset(&format!("{group}/distances")).unwrap();
                let found = distances.read_1d::<f64>().unwrap();
                assert!(found == right, "{form}, {group}, {ranks} ranks");
                // What is there now must not pass for the next one's result.
                distances
                    .write(&Array1::<f64>::from_elem(100_003, -1.0))
                    .unwrap();
            }
        }
    }
}

/// Whatever the rows and the ranks: `--time` says three times and the memory, once.
#[test]
fn it_says_how_long_it_took() {
    let data = scratch();
    for ranks in [1, 3] {
        let run = succeed(&launch(
            PROGRAM,
            ranks,
            &["--rows", "10", "--time"],
            data.path(),
        ));
        let says = run.out[0].lines().last().unwrap();
        let pattern = r"^open \d+\.\d{6} s, work \d+\.\d{6} s, report \d+\.\d{6} s, close \d+\.\d{6} s; at most \d+\.\d MiB a rank$";
        assert!(regex::Regex::new(pattern).unwrap().is_match(says), "{says}");
    }
}

#[test]
fn few_rows_and_none_for_many_ranks() {
    for (rows, ranks) in [(0, 1), (0, 3), (1, 4), (3, 7), (5, 2), (10, 3)] {
        let data = scratch();
        let path = data.path().join("own.h5");
        let points = points(rows, 3);
        file_with::<f32>(&path, &points);
        let run = succeed(&launch(PROGRAM, ranks, &["--file", "own.h5"], data.path()));
        assert!(
            run.out[0].ends_with(&format!("{rows} distances written beside `coords`\n"))
        );
        let file = open_serially(&path).unwrap();
        assert_distances(&file.dataset("distances").unwrap(), &points);
    }
}

#[test]
fn any_number_of_columns_and_both_precisions() {
    for columns in [0, 1, 2, 5] {
        let data = scratch();
        let points = points(11, columns);
        file_with::<f32>(&data.path().join("f32.h5"), &points);
        file_with::<f64>(&data.path().join("f64.h5"), &points);
        for name in ["f32.h5", "f64.h5"] {
            succeed(&launch(PROGRAM, 2, &["--file", name], data.path()));
            let file = open_serially(data.path().join(name)).unwrap();
            let distances = file.dataset("distances").unwrap();
            assert_distances(&distances, &points);
            let is_f32 = distances.dtype().unwrap().is::<f32>();
            assert_eq!(is_f32, name == "f32.h5", "the precision of the points");
        }
    }
}

#[test]
fn a_compressed_dataset_in_a_group() {
    let data = scratch();
    let path = data.path().join("own.h5");
    let points = points(100, 2);
    {
        let file = create_serially(&path).unwrap();
        let group = file.create_group("run").unwrap().create_group("7").unwrap();
        let builder = group.new_dataset_builder().chunk((16, 2)).deflate(6);
        builder.with_data(&points).create("points").unwrap();
        // Without filters, but in chunks.
        let chunked = file.new_dataset_builder().chunk((7, 1));
        chunked
            .with_data(&points.mapv(|it| it as f32))
            .create("chunked")
            .unwrap();
    }
    for dataset in ["run/7/points", "/run/7/points", "chunked"] {
        for ranks in [1, 3] {
            let args = ["--file", "own.h5", "--dataset", dataset];
            succeed(&launch(PROGRAM, ranks, &args, data.path()));
        }
    }
    let file = open_serially(&path).unwrap();
    assert_distances(&file.dataset("run/7/distances").unwrap(), &points);
    assert_distances(&file.dataset("distances").unwrap(), &points);
}

/// Big-endian numbers, and a compressed `distances` that is there already: made by h5py.
#[test]
fn numbers_of_the_other_byte_order() {
    let data = scratch();
    let script = "
import h5py, numpy as np
with h5py.File('big.h5', 'w') as f:
    for name, kind in ('single', '>f4'), ('double', '>f8'):
        g = f.create_group(name)
        g['coords'] = (np.arange(60).reshape(20, 3) % 7 - 3).astype(kind)
    g.create_dataset('distances', (20,), '<f8', chunks=(8,), compression='gzip')
";
    let made = Command::new(python())
        .args(["-c", script])
        .current_dir(data.path())
        .status();
    assert!(made.expect("python3 can be started").success());
    let points = Array2::from_shape_fn((20, 3), |(row, column)| {
        ((row * 3 + column) % 7) as f64 - 3.0
    });
    for (group, ranks) in [("single", 3), ("double", 3), ("double", 7)] {
        let dataset = format!("{group}/coords");
        let args = ["--file", "big.h5", "--dataset", &dataset];
        succeed(&launch(PROGRAM, ranks, &args, data.path()));
        let file = open_serially(data.path().join("big.h5")).unwrap();
        let distances = file.dataset(&format!("{group}/distances")).unwrap();
        assert_distances(&distances, &points);
    }
}

/// What is refused: with a message that says `words`, once; and the file is as before.
#[track_caller]
fn assert_refused(data: &Path, args: &[&str], words: &[&str]) {
    let files = || -> Vec<(std::ffi::OsString, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(data)
            .unwrap()
            .flatten()
            .filter(|it| it.path().is_file())
            .map(|it| (it.file_name(), fs::read(it.path()).unwrap_or_default()))
            .collect();
        files.sort();
        files
    };
    let before = files();
    for ranks in [1, 4] {
        let run = fail(&launch(PROGRAM, ranks, args, data));
        let complaints = run.complaints();
        let errors = complaints
            .lines()
            .filter(|it| it.starts_with("Error"))
            .count();
        assert_eq!(errors, 1, "once, at {ranks} ranks:\n{}", run.report());
        for words in words {
            assert!(complaints.contains(words), "not `{words}`:\n{complaints}");
        }
        assert_eq!(run.stdout, "");
    }
    assert!(before == files(), "a file was changed");
}

#[test]
fn a_file_that_is_missing_or_is_not_hdf5() {
    let data = scratch();
    assert_refused(
        data.path(),
        &["--file", "nowhere.h5"],
        &["there is no file nowhere.h5"],
    );
    fs::create_dir(data.path().join("folder")).unwrap();
    assert_refused(data.path(), &["--file", "folder"], &["folder is a folder"]);
    fs::write(data.path().join("text.h5"), "no HDF5 at all\n").unwrap();
    assert_refused(
        data.path(),
        &["--file", "text.h5"],
        &["text.h5 is not an HDF5 file"],
    );
    fs::write(data.path().join("empty.h5"), "").unwrap();
    assert_refused(
        data.path(),
        &["--file", "empty.h5"],
        &["empty.h5 is not an HDF5 file"],
    );
    file_with::<f32>(&data.path().join("short.h5"), &points(1000, 2));
    let whole = fs::read(data.path().join("short.h5")).unwrap();
    fs::write(data.path().join("short.h5"), &whole[..whole.len() / 2]).unwrap();
    assert_refused(
        data.path(),
        &["--file", "short.h5"],
        &["short.h5 is damaged"],
    );
}

#[test]
fn a_file_that_is_read_only() {
    let data = scratch();
    let path = data.path().join("own.h5");
    file_with::<f32>(&path, &points(10, 2));
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    assert_refused(data.path(), &["--file", "own.h5"], &["own.h5 is read-only"]);
}

#[test]
fn a_dataset_that_is_missing_or_of_another_shape_or_type() {
    let data = scratch();
    let file = create_serially(data.path().join("own.h5")).unwrap();
    file.create_group("group").unwrap();
    file.new_dataset_builder()
        .with_data(&[1.0_f32, 2.0])
        .create("flat")
        .unwrap();
    file.new_dataset_builder()
        .with_data(&ndarray::arr2(&[[1_i32, 2], [3, 4]]))
        .create("integers")
        .unwrap();
    file.new_dataset::<f32>().create("single").unwrap();
    file.new_dataset::<f32>()
        .shape((2, 2, 2))
        .create("deep")
        .unwrap();
    file.close().unwrap();
    for (dataset, words) in [
        (
            "coords",
            "there is no dataset `coords` in the file; at that place there is: deep,",
        ),
        ("group/coords", "there is no dataset `group/coords`"),
        ("nowhere/coords", "there is no group `nowhere`"),
        ("group", "`group` is not a dataset"),
        (
            "flat",
            "`flat` has the shape [2]; it must have two dimensions",
        ),
        ("single", "`single` has the shape []"),
        ("deep", "`deep` has the shape [2, 2, 2]"),
        ("integers", "`integers` holds i32; it must hold f32 or f64"),
        ("", "no dataset"),
    ] {
        assert_refused(
            data.path(),
            &["--file", "own.h5", "--dataset", dataset],
            &[words],
        );
    }
}

#[test]
fn distances_of_another_shape_or_type_are_left_alone() {
    let data = scratch();
    for (name, make) in [
        (
            "shape",
            &(|file: &File| drop(file.new_dataset::<f32>().shape(9).create("distances")))
                as &dyn Fn(&File),
        ),
        ("dimensions", &|file: &File| {
            drop(file.new_dataset::<f32>().shape((10, 1)).create("distances"))
        }),
        ("precision", &|file: &File| {
            drop(file.new_dataset::<f64>().shape(10).create("distances"))
        }),
        ("integers", &|file: &File| {
            drop(file.new_dataset::<i32>().shape(10).create("distances"))
        }),
        ("group", &|file: &File| drop(file.create_group("distances"))),
        ("dangling", &|file: &File| {
            drop(file.link_soft("/nowhere", "distances"))
        }),
    ] {
        let name = format!("{name}.h5");
        let path = data.path().join(&name);
        file_with::<f32>(&path, &points(10, 2));
        make(&change_serially(&path).unwrap());
        assert!(
            open_serially(&path).unwrap().link_exists("distances"),
            "{name}"
        );
        let words = ["`distances` is there already", "left alone"];
        assert_refused(data.path(), &["--file", &name], &words);
    }
}

#[test]
fn arguments_that_make_no_sense_are_explained_once() {
    let data = scratch();
    for args in [
        &["--rows", "-1"][..],
        &["--rows", "5", "--file", "x"],
        &["--colour"],
    ] {
        let run = fail(&launch(PROGRAM, 3, args, data.path()));
        assert_eq!(
            run.complaints().matches("Usage: distances").count(),
            1,
            "{}",
            run.report()
        );
    }
    let help = succeed(&launch(PROGRAM, 3, &["--help"], data.path()));
    assert_eq!(help.stdout.matches("Usage: distances").count(), 1);
}

#[test]
fn the_naive_version_holds_for_four_ranks_once() {
    let data = scratch();
    let naive = |ranks, args: &[&str]| launch(PROGRAM, ranks, args, data.path());
    succeed(&naive(4, &["--naive"]));
    {
        let file = open_serially(data.path().join("naive.hdf5")).unwrap();
        let points = file.dataset("coords").unwrap().read_2d::<f64>().unwrap();
        assert_distances(&file.dataset("distances").unwrap(), &points);
    }
    let again = fail(&naive(4, &["--naive"]));
    assert!(
        again.complaints().contains("the name already exists"),
        "{}",
        again.report()
    );

    // With 3 ranks it succeeds, and the last 250 rows are nobody's.
    succeed(&naive(3, &["--naive", "--rows", "1000"]));
    let file = open_serially(data.path().join("naive-1000.hdf5")).unwrap();
    let found = file.dataset("distances").unwrap().read_1d::<f32>().unwrap();
    assert!(found.iter().take(750).all(|it| *it > 0.0));
    assert!(found.iter().skip(750).all(|it| *it == 0.0));
    drop(file);

    // With more than 4, the ranks from the fifth on reach beyond the dataset.
    // Three ranks abort on their own, and now and then that crashes Open MPI 4.1's mpirun: so
    // any end but a good one, and in time.
    let many = naive(7, &["--naive", "--rows", "1000"]).run().unwrap();
    assert!(!many.ended.success(), "{}", many.report());
    assert!(!matches!(many.ended, Ended::Limit(_)), "{}", many.report());
    assert!(
        many.complaints().contains("out of bounds"),
        "{}",
        many.report()
    );
}

/// The Python program and ours write the same distances into the same input.
#[test]
fn python_finds_the_same() {
    let data = scratch();
    succeed(&launch(PROGRAM, 4, &[], data.path()));
    let ours = data.path().join("coords.hdf5");
    let theirs = data.path().join("python.hdf5");
    fs::copy(&ours, &theirs).unwrap();
    change_serially(&theirs)
        .unwrap()
        .unlink("distances")
        .unwrap();

    // Python writes; Rust reads.
    let script = root().join("chapters/03-distances/distances.py");
    for ranks in RANKS {
        succeed(&launch_python(
            &script,
            ranks,
            &["python.hdf5"],
            data.path(),
        ));
        let file = open_serially(&theirs).unwrap();
        let points = file.dataset("coords").unwrap().read_2d::<f64>().unwrap();
        assert_distances(&file.dataset("distances").unwrap(), &points);
    }
    assert_same_contents(data.path(), "coords.hdf5", "python.hdf5");

    // Rust writes again what Python made; Python reads.
    succeed(&launch(PROGRAM, 3, &["--file", "python.hdf5"], data.path()));
    let reads = "
import h5py, numpy as np
with h5py.File('python.hdf5', 'r') as f:
    right = np.sqrt(np.sum(f['coords'][...] ** 2, axis=1))
    assert np.array_equal(f['distances'][...], right)
    print(len(right), f['distances'].dtype)
";
    let read = Command::new(python())
        .args(["-c", reads])
        .current_dir(data.path())
        .output();
    let read = read.expect("python3 can be started");
    assert_eq!(
        String::from_utf8_lossy(&read.stdout),
        "1000 float32\n",
        "{read:?}"
    );
}

/// Each row belongs to exactly one rank, whatever the numbers.
#[test]
fn the_slabs_cover_all_rows_once() {
    use proptest::prelude::*;
    proptest!(|(rows in 0_usize..5000, size in 1_i32..300)| {
        let mut next = 0;
        for rank in 0..size {
            let mine = parallel_hdf5::rows_of(rank, size, rows);
            prop_assert_eq!(mine.start, next);
            prop_assert!(mine.len() <= rows / size as usize + 1);
            prop_assert!(mine.len() >= rows / size as usize);
            next = mine.end;
        }
        prop_assert_eq!(next, rows);
    });
}
