//! Creating a dataset.

use hdf5::{Dataset, Extents, Group, H5Type};

use crate::Result;

/// Creates the dataset `name` in `parent`, contiguous, of elements `T`; `shape` is
/// `(rows, …)`. **Collective** over the file's communicator: each rank must name the same
/// dataset, shape and type.
///
/// Unlike the builder of `hdf5-metno` 0.15.1 it says so if the name is taken. The builder
/// answers "unknown library error": it closes a property list before it reads HDF5's error.
///
/// # Errors
/// If there is something called `name` in `parent`, or it cannot be created.
pub fn create_dataset<T: H5Type>(
    parent: &Group,
    name: &str,
    shape: impl Into<Extents>,
) -> Result<Dataset> {
    if parent.link_exists(name) {
        return Err(format!("cannot create `{name}`: the name already exists").into());
    }
    let created = parent.new_dataset::<T>().shape(shape).create(name);
    created.map_err(|error| format!("cannot create `{name}`: {error}").into())
}
