//! The library's slab transfer refuses what does not fit. (One process and a serial file are
//! enough for that; the chapters' tests run it on many ranks.)

mod common;

use common::scratch;
use hdf5::{Dataset, File};
use ndarray::{Array1, Array2, Array3, arr2, s};
use parallel_hdf5::{RowsError, Transfer, create_dataset, read_rows, write_rows};

/// A dataset of shape (4, 3), filled with -1.
fn four_by_three(folder: &tempfile::TempDir) -> (File, Dataset) {
    let file = File::create(folder.path().join("x.h5")).unwrap();
    let dataset = create_dataset::<f32>(&file, "x", (4, 3)).unwrap();
    dataset.write(&Array2::from_elem((4, 3), -1.0_f32)).unwrap();
    (file, dataset)
}

/// The trap that `write_rows` is there for. When this test fails, `hdf5-metno` has mended
/// it: rejoice, and change what chapter 3 says.
#[test]
fn write_slice_of_hdf5_metno_scrambles_a_wrong_shape() {
    let folder = scratch();
    let (_file, dataset) = four_by_three(&folder);
    let wrong = Array2::from_shape_fn((3, 4), |(row, column)| (10 * row + column) as f32);
    dataset
        .write_slice(&wrong, s![0..4, 0..3])
        .expect("accepted in silence");
    let found = dataset.read_2d::<f32>().unwrap();
    assert_eq!(
        found.row(1).to_vec(),
        [3.0, 10.0, 11.0],
        "cut at other places"
    );
}

#[test]
fn write_rows_refuses_what_does_not_fit() {
    let folder = scratch();
    let (_file, dataset) = four_by_three(&folder);
    let write = |rows, values: &Array2<f32>| {
        write_rows(&dataset, rows, values.view(), Transfer::Independent)
    };
    let shape = write(0..4, &Array2::zeros((3, 4)));
    assert!(matches!(shape, Err(RowsError::Shape(..))), "{shape:?}");
    assert_eq!(
        shape.unwrap_err().to_string(),
        "an array of shape [3, 4] does not fit a slab of shape [4, 3]"
    );
    for (rows, extent) in [
        (0..1, (2, 3)),
        (0..2, (1, 3)),
        (0..2, (2, 2)),
        (2..2, (1, 3)),
    ] {
        let refused = write(rows, &Array2::zeros(extent));
        assert!(
            matches!(refused, Err(RowsError::Shape(..))),
            "{extent:?}: {refused:?}"
        );
    }
    let beyond = write(3..5, &Array2::zeros((2, 3)));
    assert!(matches!(beyond, Err(RowsError::Beyond(_, 4))), "{beyond:?}");

    let flat = Array1::<f32>::zeros(12);
    let flat = write_rows(&dataset, 0..4, flat.view(), Transfer::Independent);
    assert!(matches!(flat, Err(RowsError::Dimensions(1, 2))), "{flat:?}");
    let deep = Array3::<f32>::zeros((4, 3, 1));
    let deep = write_rows(&dataset, 0..4, deep.view(), Transfer::Independent);
    assert!(matches!(deep, Err(RowsError::Dimensions(3, 2))), "{deep:?}");

    // A transposed array has the right shape, but not the right order in memory.
    let transposed = Array2::<f32>::zeros((3, 4)).reversed_axes();
    let strided = write_rows(&dataset, 0..4, transposed.view(), Transfer::Independent);
    assert!(matches!(strided, Err(RowsError::Strided)), "{strided:?}");

    let untouched = dataset.read_2d::<f32>().unwrap();
    assert!(untouched.iter().all(|it| *it == -1.0), "{untouched}");
}

#[test]
fn rows_are_written_and_read_where_they_belong() {
    let folder = scratch();
    let (_file, dataset) = four_by_three(&folder);
    let values = arr2(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    write_rows(&dataset, 1..3, values.view(), Transfer::Independent).unwrap();
    let nothing = Array2::<f32>::zeros((0, 3));
    write_rows(&dataset, 4..4, nothing.view(), Transfer::Independent).unwrap();

    let all: Array2<f64> = read_rows(&dataset, 0..4, Transfer::Independent).unwrap();
    let m = -1.0;
    assert_eq!(
        all,
        arr2(&[[m, m, m], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [m, m, m]])
    );
    let none: Array2<f64> = read_rows(&dataset, 2..2, Transfer::Independent).unwrap();
    assert_eq!(none.dim(), (0, 3));

    let flat = read_rows::<f64, ndarray::Ix1>(&dataset, 0..4, Transfer::Independent);
    assert!(matches!(flat, Err(RowsError::Dimensions(1, 2))), "{flat:?}");
    let beyond = read_rows::<f64, ndarray::Ix2>(&dataset, 0..5, Transfer::Independent);
    assert!(matches!(beyond, Err(RowsError::Beyond(_, 4))), "{beyond:?}");
}

#[test]
fn a_name_that_is_taken_is_said() {
    let folder = scratch();
    let (file, _dataset) = four_by_three(&folder);
    let again = create_dataset::<f32>(&file, "x", 7).unwrap_err();
    assert_eq!(
        again.to_string(),
        "cannot create `x`: the name already exists"
    );
}
