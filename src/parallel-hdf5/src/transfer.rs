//! Reading and writing a slab of a dataset.

use std::ffi::c_void;
use std::fmt;
use std::ops::Range;
use std::ptr;

use hdf5::types::{FloatSize, IntSize, TypeDescriptor};
use hdf5::{Dataset, Datatype, H5Type};
use hdf5_sys::h5d::{H5Dget_space, H5Dread, H5Dwrite};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::{
    H5FD_mpio_xfer_t, H5P_CLS_DATASET_XFER, H5P_DEFAULT, H5Pclose, H5Pcreate,
    H5Pset_dxpl_mpio,
};
use hdf5_sys::h5s::{
    H5S_ALL, H5S_MAX_RANK, H5S_SELECT_OR, H5S_SELECT_SET, H5Sclose, H5Screate_simple,
    H5Sget_simple_extent_dims, H5Sselect_hyperslab, H5Sselect_none,
};
use hdf5_sys::h5t::{
    H5T_NATIVE_DOUBLE, H5T_NATIVE_FLOAT, H5T_NATIVE_INT32, H5T_NATIVE_INT64,
    H5T_NATIVE_UINT32, H5T_NATIVE_UINT64,
};
use ndarray::{Array, ArrayView, ArrayViewMut, Dimension};

use crate::{Report, Slab};

/// How HDF5 moves the data of all ranks (its "transfer mode").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transfer {
    /// Each rank for itself. What HDF5 and h5py do unless told otherwise.
    #[default]
    Independent,
    /// All ranks together: every rank must call, also one that has nothing to move. Needed to
    /// write to a compressed dataset. HDF5 may do otherwise: [`Report`] says what it did.
    Collective,
}

/// Why a slab could not be read or written.
#[derive(Debug)]
pub enum SlabError {
    /// The array does not have the shape of the slab: (array's, slab's).
    Shape(Vec<usize>, Vec<usize>),
    /// The rows asked for reach beyond the dataset: (rows, number of rows).
    Beyond(Range<usize>, usize),
    /// The slab reaches beyond the dataset: (axis, index after the slab's last, extent).
    Outside(usize, usize, usize),
    /// The array's number of dimensions is not the dataset's: (array's, dataset's).
    Dimensions(usize, usize),
    /// The slab's number of axes is not the dataset's: (slab's, dataset's).
    Axes(usize, usize),
    /// The array's elements do not lie one after the other in memory (row by row).
    Strided,
    /// HDF5 reports an error.
    Hdf5(hdf5::Error),
}

impl fmt::Display for SlabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SlabError::Shape(array, slab) => {
                write!(
                    f,
                    "an array of shape {array:?} does not fit a slab of shape {slab:?}"
                )
            }
            SlabError::Beyond(rows, count) => {
                write!(f, "rows {rows:?} of a dataset that has {count} rows")
            }
            SlabError::Outside(axis, end, extent) => {
                write!(
                    f,
                    "the slab reaches index {} along axis {axis}, where the dataset has {extent}",
                    end - 1
                )
            }
            SlabError::Dimensions(array, dataset) => {
                write!(
                    f,
                    "an array of {array} dimensions for a dataset of {dataset}"
                )
            }
            SlabError::Axes(slab, dataset) => {
                write!(f, "a slab with {slab} axes of a dataset with {dataset}")
            }
            SlabError::Strided => f.write_str(
                "the array's elements do not lie row by row in memory; copy it first \
                 (`.as_standard_layout()`)",
            ),
            SlabError::Hdf5(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for SlabError {}

impl From<hdf5::Error> for SlabError {
    fn from(error: hdf5::Error) -> Self {
        SlabError::Hdf5(error)
    }
}

/// Reads a slab of `dataset` into a new array of shape [`Slab::shape`]. HDF5 converts the
/// numbers to `T` (byte order, precision); then it does not transfer collectively.
///
/// With [`Transfer::Collective`], **collective** over the file's communicator: an empty slab
/// takes part, and so does a rank whose arguments are wrong, before it returns its error.
/// With [`Transfer::Independent`], not collective.
///
/// # Errors
/// If the slab does not fit the dataset, `D` has another number of dimensions, the numbers
/// cannot be converted, or the file cannot be read.
pub fn read_slab<T: H5Type + Default + Copy, D: Dimension>(
    dataset: &Dataset,
    slab: &Slab,
    transfer: Transfer,
) -> Result<Array<T, D>, SlabError> {
    read_new(dataset, &InFile::of(dataset)?, slab, transfer)
}

fn read_new<T: H5Type + Default + Copy, D: Dimension>(
    dataset: &Dataset,
    space: &InFile,
    slab: &Slab,
    transfer: Transfer,
) -> Result<Array<T, D>, SlabError> {
    let shape = slab.shape();
    let mut dimension = D::zeros(D::NDIM.unwrap_or(shape.len()));
    if dimension.ndim() != shape.len() {
        let error = SlabError::Dimensions(dimension.ndim(), shape.len());
        return take_part_and_return::<T, _>(dataset, Way::Read, transfer, error);
    }
    dimension.slice_mut().copy_from_slice(&shape);
    let mut array = Array::from_elem(dimension, T::default());
    read_into(dataset, space, slab, array.view_mut(), transfer)?;
    Ok(array)
}

/// Reads a slab of `dataset` into an array that is there already, of shape [`Slab::shape`]:
/// no memory is fetched, and the [`Report`] says how it went. Otherwise as [`read_slab`].
///
/// # Errors
/// As [`read_slab`]; and if the array is of another shape, or not laid out row by row.
pub fn read_slab_into<T: H5Type, D: Dimension>(
    dataset: &Dataset,
    slab: &Slab,
    array: ArrayViewMut<'_, T, D>,
    transfer: Transfer,
) -> Result<Report, SlabError> {
    let space = InFile::of(dataset)?;
    read_into(dataset, &space, slab, array, transfer)
}

fn read_into<T: H5Type, D: Dimension>(
    dataset: &Dataset,
    space: &InFile,
    slab: &Slab,
    mut array: ArrayViewMut<'_, T, D>,
    transfer: Transfer,
) -> Result<Report, SlabError> {
    let fits = fits(&space.shape, slab, array.shape());
    let elements = fits.and_then(|()| array.as_slice_mut().ok_or(SlabError::Strided));
    match elements {
        Ok(elements) => {
            move_slab::<T>(dataset, space, slab, transfer, &mut |ids| {
                // SAFETY: the selections hold as many elements of `T` as the slice, which
                // has the slab's shape.
                unsafe { ids.read(elements.as_mut_ptr().cast()) }
            })
        }
        Err(error) => take_part_and_return::<T, _>(dataset, Way::Read, transfer, error),
    }
}

/// Writes `values`, an array of shape [`Slab::shape`], to a slab of `dataset`. The [`Report`]
/// says how it went.
///
/// With [`Transfer::Collective`], **collective** over the file's communicator: an empty slab
/// takes part, and so does a rank whose arguments are wrong, before it returns its error.
/// With [`Transfer::Independent`], not collective.
///
/// Two ranks that write the same element are not noticed: the file then holds one of the two.
///
/// ```standalone_crate
/// use mpi::traits::*;
/// use ndarray::Array2;
/// use parallel_hdf5::{
///     Slab, Transfer, agree, create, create_dataset, cyclic, data_folder, write_slab,
/// };
///
/// fn main() -> std::process::ExitCode {
///     parallel_hdf5::run(|world| {
///         let file = create(data_folder()?.join("columns.hdf5"), world)?;
///         let dataset = create_dataset::<f64>(&file, "x", (100, 8))?;
///         // The columns are dealt out like cards; a rank may get none.
///         let mine = cyclic(world.rank(), world.size(), 8, 1);
///         let slab = Slab::of(&dataset).along(1, mine);
///         let values = Array2::from_elem((100, slab.shape()[1]), world.rank() as f64);
///         let written = write_slab(&dataset, &slab, values.view(), Transfer::Collective);
///         let report = agree(world, written)?;
///         assert_eq!(report.to_string(), "collective, as asked");
///         drop(dataset);
///         Ok(file.close()?)
///     })
/// }
/// ```
///
/// # Errors
/// If the slab does not fit the dataset, `values` is of another shape or not laid out row by
/// row, the numbers cannot be converted, or the file cannot be written.
pub fn write_slab<T: H5Type, D: Dimension>(
    dataset: &Dataset,
    slab: &Slab,
    values: ArrayView<'_, T, D>,
    transfer: Transfer,
) -> Result<Report, SlabError> {
    let space = InFile::of(dataset)?;
    write_from(dataset, &space, slab, values, transfer)
}

fn write_from<T: H5Type, D: Dimension>(
    dataset: &Dataset,
    space: &InFile,
    slab: &Slab,
    values: ArrayView<'_, T, D>,
    transfer: Transfer,
) -> Result<Report, SlabError> {
    let fits = fits(&space.shape, slab, values.shape());
    let elements = fits.and_then(|()| values.as_slice().ok_or(SlabError::Strided));
    match elements {
        Ok(elements) => {
            move_slab::<T>(dataset, space, slab, transfer, &mut |ids| {
                // SAFETY: the selections hold as many elements of `T` as the slice, which
                // has the slab's shape.
                unsafe { ids.write(elements.as_ptr().cast()) }
            })
        }
        Err(error) => take_part_and_return::<T, _>(dataset, Way::Write, transfer, error),
    }
}

/// Reads the rows `rows` of `dataset`, all columns, into a new array of shape
/// `(rows.len(), …)`. Otherwise as [`read_slab`].
///
/// # Errors
/// If the rows reach beyond the dataset, and as [`read_slab`].
pub fn read_rows<T: H5Type + Default + Copy, D: Dimension>(
    dataset: &Dataset,
    rows: Range<usize>,
    transfer: Transfer,
) -> Result<Array<T, D>, SlabError> {
    let space = InFile::of(dataset)?;
    match slab_of_rows(&space.shape, rows) {
        Ok(slab) => read_new(dataset, &space, &slab, transfer),
        Err(error) => take_part_and_return::<T, _>(dataset, Way::Read, transfer, error),
    }
}

/// Reads the rows `rows` of `dataset`, all columns, into an array that is there already, of
/// shape `(rows.len(), …)`. Otherwise as [`read_slab_into`].
///
/// # Errors
/// If the rows reach beyond the dataset, and as [`read_slab_into`].
pub fn read_rows_into<T: H5Type, D: Dimension>(
    dataset: &Dataset,
    rows: Range<usize>,
    array: ArrayViewMut<'_, T, D>,
    transfer: Transfer,
) -> Result<(), SlabError> {
    let space = InFile::of(dataset)?;
    match slab_of_rows(&space.shape, rows) {
        Ok(slab) => read_into(dataset, &space, &slab, array, transfer).map(drop),
        Err(error) => take_part_and_return::<T, _>(dataset, Way::Read, transfer, error),
    }
}

/// Writes `values` to the rows `rows` of `dataset`, all columns.
///
/// Unlike `write_slice` of `hdf5-metno` 0.15.1, which writes an array of a wrong shape as
/// long as its number of dimensions is right, this compares every extent. Otherwise as
/// [`write_slab`].
///
/// # Errors
/// If `values` is not of shape `(rows.len(), …)`, the rows reach beyond the dataset, and as
/// [`write_slab`].
pub fn write_rows<T: H5Type, D: Dimension>(
    dataset: &Dataset,
    rows: Range<usize>,
    values: ArrayView<'_, T, D>,
    transfer: Transfer,
) -> Result<(), SlabError> {
    let space = InFile::of(dataset)?;
    match slab_of_rows(&space.shape, rows) {
        Ok(slab) => write_from(dataset, &space, &slab, values, transfer).map(drop),
        Err(error) => take_part_and_return::<T, _>(dataset, Way::Write, transfer, error),
    }
}

fn slab_of_rows(shape: &[usize], rows: Range<usize>) -> Result<Slab, SlabError> {
    let count = *shape.first().ok_or(SlabError::Dimensions(1, 0))?;
    if rows.start > rows.end || rows.end > count {
        return Err(SlabError::Beyond(rows, count));
    }
    Ok(Slab::whole(shape).along(0, rows))
}

/// Whether the slab lies in a dataset of this shape, and an array of that shape fits the slab.
fn fits(shape: &[usize], slab: &Slab, array: &[usize]) -> Result<(), SlabError> {
    let axes = slab.axes();
    if axes.len() != shape.len() {
        return Err(SlabError::Axes(axes.len(), shape.len()));
    }
    for (axis, (indices, extent)) in axes.iter().zip(shape).enumerate() {
        if indices.end() > *extent {
            return Err(SlabError::Outside(axis, indices.end(), *extent));
        }
    }
    // ANCHOR: shapes
    if array.len() != shape.len() {
        return Err(SlabError::Dimensions(array.len(), shape.len()));
    }
    if array != slab.shape() {
        return Err(SlabError::Shape(array.to_vec(), slab.shape()));
    }
    // ANCHOR_END: shapes
    Ok(())
}

/// Which way data goes.
#[derive(Clone, Copy)]
enum Way {
    Read,
    Write,
}

/// Returns the error. Before that, if the other ranks are about to transfer collectively,
/// takes part with nothing, so that they do not wait for this rank.
fn take_part_and_return<T: H5Type, R>(
    dataset: &Dataset,
    way: Way,
    transfer: Transfer,
    error: SlabError,
) -> Result<R, SlabError> {
    let space = InFile::of(dataset)?;
    if transfer == Transfer::Collective && !space.shape.is_empty() {
        let nothing = Slab::whole(&space.shape).nothing();
        let mut unused = 0_u8;
        let buffer = (&raw mut unused).cast();
        // What comes of it is of no interest: this rank has an error already.
        let _ = move_slab::<T>(dataset, &space, &nothing, transfer, &mut |ids| {
            // SAFETY: nothing is selected, so that nothing is read or written.
            unsafe {
                match way {
                    Way::Read => ids.read(buffer),
                    Way::Write => ids.write(buffer),
                }
            }
        });
    }
    Err(error)
}

/// The arguments of `H5Dread` and `H5Dwrite`.
struct Ids {
    dataset: hid_t,
    datatype: hid_t,
    memory: hid_t,
    file: hid_t,
    dxpl: hid_t,
}

impl Ids {
    /// # Safety
    /// The ids are open, and `buffer` has room for what is selected in `memory`.
    unsafe fn read(&self, buffer: *mut c_void) -> i32 {
        // SAFETY: the caller's.
        unsafe {
            H5Dread(
                self.dataset,
                self.datatype,
                self.memory,
                self.file,
                self.dxpl,
                buffer,
            )
        }
    }

    /// # Safety
    /// The ids are open, and `buffer` holds what is selected in `memory`.
    unsafe fn write(&self, buffer: *const c_void) -> i32 {
        // SAFETY: the caller's.
        unsafe {
            H5Dwrite(
                self.dataset,
                self.datatype,
                self.memory,
                self.file,
                self.dxpl,
                buffer,
            )
        }
    }
}

/// Lets `transfer_data` move the slab, with dataspaces for the memory and the file in which it
/// is selected, and a property list for this mode; then asks how it went.
///
/// `in_file` is the dataset's dataspace, and a copy of our own: the slab is selected in it.
fn move_slab<T: H5Type>(
    dataset: &Dataset,
    in_file: &InFile,
    slab: &Slab,
    transfer: Transfer,
    transfer_data: &mut dyn FnMut(&Ids) -> i32,
) -> Result<Report, SlabError> {
    let datatype = InMemory::of::<T>()?;
    let extents: Vec<u64> = slab.shape().iter().map(|extent| *extent as u64).collect();
    let report = hdf5::sync::sync(|| -> hdf5::Result<Report> {
        // SAFETY: `extents` and the hyperslabs hold one number for each axis of the dataset
        // (`fits` compares), and outlive the calls; each id is checked, used while open, and
        // closed once.
        unsafe {
            let in_memory = Owned::new(
                H5Screate_simple(extents.len() as i32, extents.as_ptr(), ptr::null()),
                H5Sclose,
            )?;
            let hyperslabs = slab.hyperslabs();
            let mut file = in_file.space.id;
            if extents.is_empty() {
                file = H5S_ALL; // a single number has no hyperslabs
            } else if hyperslabs.is_empty() {
                // A selection of nothing still takes part in a collective transfer.
                hdf5::h5check(H5Sselect_none(in_memory.id))?;
                hdf5::h5check(H5Sselect_none(file))?;
            }
            for (index, [start, stride, count, block]) in
                hyperslabs.iter().filter(|it| !it[0].is_empty()).enumerate()
            {
                let operation = if index == 0 {
                    H5S_SELECT_SET
                } else {
                    H5S_SELECT_OR
                };
                hdf5::h5check(H5Sselect_hyperslab(
                    file,
                    operation,
                    start.as_ptr(),
                    stride.as_ptr(),
                    count.as_ptr(),
                    block.as_ptr(),
                ))?;
            }
            let ids = |dxpl| Ids {
                dataset: dataset.id(),
                datatype: datatype.id(),
                memory: in_memory.id,
                file,
                dxpl,
            };
            match transfer {
                Transfer::Independent => {
                    hdf5::h5check(transfer_data(&ids(H5P_DEFAULT)))?;
                    Ok(Report::independent())
                }
                Transfer::Collective => {
                    // A new one each time: HDF5 notes in it what it did, if it did anything.
                    let dxpl = Owned::new(H5Pcreate(*H5P_CLS_DATASET_XFER), H5Pclose)?;
                    let mode = H5FD_mpio_xfer_t::H5FD_MPIO_COLLECTIVE;
                    hdf5::h5check(H5Pset_dxpl_mpio(dxpl.id, mode))?;
                    hdf5::h5check(transfer_data(&ids(dxpl.id)))?;
                    Report::of(dxpl.id)
                }
            }
        }
    });
    Ok(report?)
}

/// The dataspace of a dataset, a copy of our own, and its shape.
struct InFile {
    space: Owned,
    shape: Vec<usize>,
}

impl InFile {
    fn of(dataset: &Dataset) -> hdf5::Result<InFile> {
        hdf5::sync::sync(|| {
            let mut extents = [0; H5S_MAX_RANK as usize];
            // SAFETY: the dataset is open; there is room for as many extents as there can be.
            let (space, dims) = unsafe {
                let space = Owned::new(H5Dget_space(dataset.id()), H5Sclose)?;
                let room = extents.as_mut_ptr();
                let dims = H5Sget_simple_extent_dims(space.id, room, ptr::null_mut());
                (space, hdf5::h5check(dims)? as usize)
            };
            let shape = extents[..dims].iter().map(|it| *it as usize).collect();
            Ok(InFile { space, shape })
        })
    }
}

/// The type of the elements in memory. The numbers have types that HDF5 keeps itself, so that
/// none need be made for each transfer.
enum InMemory {
    Own(Datatype),
    OfHdf5(hid_t),
}

impl InMemory {
    fn of<T: H5Type>() -> hdf5::Result<InMemory> {
        Ok(InMemory::OfHdf5(match T::type_descriptor() {
            TypeDescriptor::Float(FloatSize::U4) => *H5T_NATIVE_FLOAT,
            TypeDescriptor::Float(FloatSize::U8) => *H5T_NATIVE_DOUBLE,
            TypeDescriptor::Integer(IntSize::U4) => *H5T_NATIVE_INT32,
            TypeDescriptor::Integer(IntSize::U8) => *H5T_NATIVE_INT64,
            TypeDescriptor::Unsigned(IntSize::U4) => *H5T_NATIVE_UINT32,
            TypeDescriptor::Unsigned(IntSize::U8) => *H5T_NATIVE_UINT64,
            _ => return Ok(InMemory::Own(Datatype::from_type::<T>()?)),
        }))
    }

    fn id(&self) -> hid_t {
        match self {
            InMemory::Own(datatype) => datatype.id(),
            InMemory::OfHdf5(id) => *id,
        }
    }
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
        hdf5::sync::sync(|| unsafe { (self.close)(self.id) });
    }
}
