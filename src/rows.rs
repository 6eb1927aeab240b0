//! Reading and writing a slab of a dataset: its rows `start..end`, with all columns.

use std::fmt;
use std::ops::Range;
use std::ptr;

use hdf5::{Dataset, H5Type};
use hdf5_sys::h5d::{H5Dread, H5Dwrite};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::{
    H5FD_mpio_xfer_t, H5P_CLS_DATASET_XFER, H5Pclose, H5Pcreate, H5Pset_dxpl_mpio,
};
use hdf5_sys::h5s::{
    H5S_SELECT_SET, H5Sclose, H5Screate_simple, H5Sselect_hyperslab, H5Sselect_none,
};
use ndarray::{Array, ArrayView, Dimension};

/// How HDF5 moves the data of all ranks (its "transfer mode").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transfer {
    /// Each rank for itself. What HDF5 and h5py do unless told otherwise.
    #[default]
    Independent,
    /// All ranks together: every rank must call, also one that has no rows. Needed to
    /// write to a compressed dataset.
    Collective,
}

/// Why a slab could not be read or written.
#[derive(Debug)]
pub enum RowsError {
    /// The array does not have the shape of the slab: (array's, slab's).
    Shape(Vec<usize>, Vec<usize>),
    /// The rows asked for reach beyond the dataset: (rows, number of rows).
    Beyond(Range<usize>, usize),
    /// The array's number of dimensions is not the dataset's: (array's, dataset's).
    Dimensions(usize, usize),
    /// The array's elements do not lie one after the other in memory (row by row).
    Strided,
    /// HDF5 reports an error.
    Hdf5(hdf5::Error),
}

impl fmt::Display for RowsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowsError::Shape(array, slab) => {
                write!(
                    f,
                    "an array of shape {array:?} does not fit a slab of shape {slab:?}"
                )
            }
            RowsError::Beyond(rows, count) => {
                write!(f, "rows {rows:?} of a dataset that has {count} rows")
            }
            RowsError::Dimensions(array, dataset) => {
                write!(
                    f,
                    "an array of {array} dimensions for a dataset of {dataset}"
                )
            }
            RowsError::Strided => f.write_str(
                "the array's elements do not lie row by row in memory; copy it first \
                 (`.as_standard_layout()`)",
            ),
            RowsError::Hdf5(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for RowsError {}

impl From<hdf5::Error> for RowsError {
    fn from(error: hdf5::Error) -> Self {
        RowsError::Hdf5(error)
    }
}

/// Reads the rows `rows` of `dataset`, all columns, into a new array of shape
/// `(rows.len(), …)`. HDF5 converts the numbers to `T` (byte order, precision).
///
/// With [`Transfer::Collective`], **collective** over the file's communicator; an empty
/// range takes part. With [`Transfer::Independent`], not collective.
///
/// # Errors
/// If the rows reach beyond the dataset, `D` has another number of dimensions than the
/// dataset, the numbers cannot be converted, or the file cannot be read.
pub fn read_rows<T: H5Type + Default + Copy, D: Dimension>(
    dataset: &Dataset,
    rows: Range<usize>,
    transfer: Transfer,
) -> Result<Array<T, D>, RowsError> {
    let shape = slab_shape(dataset, &rows)?;
    let mut dimension = D::zeros(D::NDIM.unwrap_or(shape.len()));
    if dimension.ndim() != shape.len() {
        return Err(RowsError::Dimensions(dimension.ndim(), shape.len()));
    }
    dimension.slice_mut().copy_from_slice(&shape);
    let mut array = Array::from_elem(dimension, T::default());
    let in_memory = hdf5::Datatype::from_type::<T>()?;
    with_selection(
        dataset,
        &rows,
        &shape,
        transfer,
        |memory, file, transfer| {
            let buffer = array.as_mut_ptr().cast();
            // SAFETY: `memory` selects as many elements of `T` as `array` holds, in row-major
            // order, in which `array` was just allocated; the ids are open.
            unsafe { H5Dread(dataset.id(), in_memory.id(), memory, file, transfer, buffer) }
        },
    )?;
    Ok(array)
}

/// Writes `values` to the rows `rows` of `dataset`, all columns.
///
/// Unlike `write_slice` of `hdf5-metno` 0.15.1, which writes an array of a wrong shape as
/// long as its number of dimensions is right, this compares every extent.
///
/// With [`Transfer::Collective`], **collective** over the file's communicator; an empty
/// range takes part. With [`Transfer::Independent`], not collective.
///
/// Two ranks that write the same row are not noticed: the file then holds one of the two.
///
/// # Errors
/// If `values` is not of shape `(rows.len(), …)`, is not laid out row by row, reaches
/// beyond the dataset, or the file cannot be written.
pub fn write_rows<T: H5Type, D: Dimension>(
    dataset: &Dataset,
    rows: Range<usize>,
    values: ArrayView<'_, T, D>,
    transfer: Transfer,
) -> Result<(), RowsError> {
    // ANCHOR: shapes
    let shape = slab_shape(dataset, &rows)?;
    if values.ndim() != shape.len() {
        return Err(RowsError::Dimensions(values.ndim(), shape.len()));
    }
    if values.shape() != shape {
        return Err(RowsError::Shape(values.shape().to_vec(), shape));
    }
    // ANCHOR_END: shapes
    let elements = values.as_slice().ok_or(RowsError::Strided)?;
    let in_memory = hdf5::Datatype::from_type::<T>()?;
    with_selection(
        dataset,
        &rows,
        &shape,
        transfer,
        |memory, file, transfer| {
            let buffer = elements.as_ptr().cast();
            // SAFETY: `memory` selects as many elements of `T` as the slice holds; the ids are
            // open.
            unsafe {
                H5Dwrite(dataset.id(), in_memory.id(), memory, file, transfer, buffer)
            }
        },
    )
}

/// The shape of the slab `rows` of `dataset`.
fn slab_shape(dataset: &Dataset, rows: &Range<usize>) -> Result<Vec<usize>, RowsError> {
    let mut shape = dataset.shape();
    let Some(count) = shape.first_mut() else {
        return Err(RowsError::Dimensions(1, 0));
    };
    if rows.start > rows.end || rows.end > *count {
        return Err(RowsError::Beyond(rows.clone(), *count));
    }
    *count = rows.len();
    Ok(shape)
}

/// Calls `transfer_data` with a dataspace for the memory, one for the file with `rows`
/// selected, and a data-transfer property list.
fn with_selection(
    dataset: &Dataset,
    rows: &Range<usize>,
    shape: &[usize],
    transfer: Transfer,
    transfer_data: impl FnOnce(hid_t, hid_t, hid_t) -> i32,
) -> Result<(), RowsError> {
    let count: Vec<u64> = shape.iter().map(|extent| *extent as u64).collect();
    let mut start = vec![0_u64; shape.len()];
    start[0] = rows.start as u64;
    let empty = count.contains(&0);

    let in_file = dataset.space()?;
    hdf5::sync::sync(|| {
        // SAFETY: `count` and `start` hold one number for each dimension of the dataset,
        // and outlive the calls; each id is checked, used while open, and closed once.
        unsafe {
            let in_memory = Owned::new(
                H5Screate_simple(count.len() as i32, count.as_ptr(), ptr::null()),
                H5Sclose,
            )?;
            // A selection of nothing still takes part in a collective transfer.
            if empty {
                hdf5::h5check(H5Sselect_none(in_memory.id))?;
                hdf5::h5check(H5Sselect_none(in_file.id()))?;
            } else {
                hdf5::h5check(H5Sselect_hyperslab(
                    in_file.id(),
                    H5S_SELECT_SET,
                    start.as_ptr(),
                    ptr::null(),
                    count.as_ptr(),
                    ptr::null(),
                ))?;
            }
            let properties = Owned::new(H5Pcreate(*H5P_CLS_DATASET_XFER), H5Pclose)?;
            let mode = match transfer {
                Transfer::Independent => H5FD_mpio_xfer_t::H5FD_MPIO_INDEPENDENT,
                Transfer::Collective => H5FD_mpio_xfer_t::H5FD_MPIO_COLLECTIVE,
            };
            hdf5::h5check(H5Pset_dxpl_mpio(properties.id, mode))?;
            hdf5::h5check(transfer_data(in_memory.id, in_file.id(), properties.id))?;
            Ok(())
        }
    })
}

/// An HDF5 id that is closed when it is dropped.
struct Owned {
    id: hid_t,
    close: unsafe extern "C" fn(hid_t) -> i32,
}

impl Owned {
    fn new(id: hid_t, close: unsafe extern "C" fn(hid_t) -> i32) -> hdf5::Result<Owned> {
        hdf5::h5check(id)?;
        Ok(Owned { id, close })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the id was open when it was taken, and is closed here only.
        unsafe { (self.close)(self.id) };
    }
}
