//! Creating a dataset.

use hdf5::{Dataset, Extent, Extents, Group, H5Type, SimpleExtents};

pub use hdf5::plist::dataset_create::{AllocTime, FillTime};

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
    create_with(parent, name, || {
        Ok(parent.new_dataset::<T>().shape(shape).create(name)?)
    })
}

/// Says what could not be created, and why.
fn create_with(
    parent: &Group,
    name: &str,
    create: impl FnOnce() -> Result<Dataset>,
) -> Result<Dataset> {
    let created = match parent.link_exists(name) {
        true => Err("the name already exists".into()),
        false => create(),
    };
    created.map_err(|error| format!("cannot create `{name}`: {error}").into())
}

/// How a dataset is laid out in the file. All ranks must choose the same.
///
/// ```standalone_crate
/// use mpi::traits::*;
/// use ndarray::Array2;
/// use parallel_hdf5::{
///     DatasetOptions, FillTime, Transfer, chunked_rows_of, create, data_folder, write_rows,
/// };
///
/// fn main() -> std::process::ExitCode {
///     parallel_hdf5::run(|world| {
///         let file = create(data_folder()?.join("compressed.hdf5"), world)?;
///         let dataset = DatasetOptions::new()
///             .chunks(&[100, 8])
///             .shuffle()
///             .deflate(4)
///             .fill(FillTime::Never) // every element will be written
///             .unlimited(0) // more rows may come
///             .create::<f32>(&file, "x", &[2000, 8])?;
///         // No chunk belongs to two ranks; and what is compressed is written together.
///         let mine = chunked_rows_of(world.rank(), world.size(), 2000, 100);
///         let values = Array2::from_elem((mine.len(), 8), world.rank() as f32);
///         write_rows(&dataset, mine, values.view(), Transfer::Collective)?;
///         drop(dataset);
///         Ok(file.close()?)
///     })
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct DatasetOptions {
    chunks: Option<Vec<usize>>,
    shuffle: bool,
    deflate: Option<u8>,
    fill: Option<FillTime>,
    allocate: Option<AllocTime>,
    unlimited: Vec<usize>,
}

impl DatasetOptions {
    /// Contiguous, and the rest as HDF5 does it unless told otherwise.
    pub fn new() -> DatasetOptions {
        DatasetOptions::default()
    }

    /// In chunks of this shape (`H5Pset_chunk`), one extent for each axis. If ranks write
    /// different chunks, none waits for another one's.
    pub fn chunks(mut self, shape: &[usize]) -> DatasetOptions {
        self.chunks = Some(shape.to_vec());
        self
    }

    /// Each chunk compressed by zlib (`H5Pset_deflate`), level 0 to 9. Needs chunks; is written
    /// by collective transfer only, and may be read independently. A chunk's size is known only
    /// when it is written, and may change then, and so may its place in the file.
    ///
    /// HDF5 1.10.8 keeps a chunk that was read independently, unpacked. What is written
    /// collectively afterwards is not seen by the next independent read of that handle: read
    /// collectively, or open the dataset again (chapter 7).
    pub fn deflate(mut self, level: u8) -> DatasetOptions {
        self.deflate = Some(level);
        self
    }

    /// Before compression, the first bytes of all elements of a chunk come first, then the
    /// second ones, … (`H5Pset_shuffle`): numbers then often compress better. Needs chunks.
    pub fn shuffle(mut self) -> DatasetOptions {
        self.shuffle = true;
        self
    }

    /// When elements that nobody has written are set to the fill value (`H5Pset_fill_time`).
    /// [`FillTime::Never`] saves a write of the whole dataset, where every element will be
    /// written; what is not written may then hold anything. Contiguous datasets are filled only
    /// with [`FillTime::Alloc`] (seen with HDF5 1.10.8): where the file had room from something
    /// that was deleted, the old bytes are read.
    pub fn fill(mut self, time: FillTime) -> DatasetOptions {
        self.fill = Some(time);
        self
    }

    /// When the file's space is allocated (`H5Pset_alloc_time`). In a file that is open for
    /// several ranks HDF5 allocates when the dataset is created, whatever is asked for here.
    /// (From 1.13.1 on not what is filtered, which is always written collectively.)
    pub fn allocate(mut self, time: AllocTime) -> DatasetOptions {
        self.allocate = Some(time);
        self
    }

    /// May grow along `axis` without limit (`H5S_UNLIMITED`, by `resize`, which is
    /// **collective**). Needs chunks. Several axes may grow.
    pub fn unlimited(mut self, axis: usize) -> DatasetOptions {
        self.unlimited.push(axis);
        self
    }

    /// Creates the dataset `name` in `parent`, of elements `T` and this shape. **Collective**
    /// over the file's communicator: each rank must name the same dataset, shape and type, and
    /// have the same options.
    ///
    /// # Errors
    /// If there is something called `name` in `parent`, the options do not fit the shape, the
    /// HDF5 library lacks the filter, or the dataset cannot be created.
    pub fn create<T: H5Type>(
        &self,
        parent: &Group,
        name: &str,
        shape: &[usize],
    ) -> Result<Dataset> {
        create_with(parent, name, || {
            self.find_fault::<T>(shape)?;
            let extents = shape.iter().enumerate().map(|(axis, extent)| {
                match self.unlimited.contains(&axis) {
                    true => Extent::resizable(*extent),
                    false => Extent::fixed(*extent),
                }
            });
            let extents = SimpleExtents::from_vec(extents.collect());
            let mut builder = parent.new_dataset::<T>().shape(extents);
            if let Some(chunks) = &self.chunks {
                builder = builder.chunk(chunks);
            }
            if self.shuffle {
                builder = builder.shuffle();
            }
            if let Some(level) = self.deflate {
                builder = builder.deflate(level);
            }
            if let Some(time) = self.fill {
                builder = builder.fill_time(time);
            }
            if let Some(time) = self.allocate {
                builder = builder.alloc_time(Some(time));
            }
            Ok(builder.create(name)?)
        })
    }

    /// What HDF5 would refuse, and `hdf5-metno` 0.15.1 would then not say why.
    fn find_fault<T: H5Type>(&self, shape: &[usize]) -> Result<()> {
        if let Some(axis) = self.unlimited.iter().find(|axis| **axis >= shape.len()) {
            return Err(format!("there is no axis {axis} in shape {shape:?}").into());
        }
        let Some(chunks) = &self.chunks else {
            let wants = [
                (self.deflate.is_some(), "compression"),
                (self.shuffle, "shuffling"),
                (!self.unlimited.is_empty(), "an axis that grows"),
            ];
            return match wants.into_iter().find(|(wanted, _)| *wanted) {
                Some((_, what)) => Err(format!("{what} needs chunks").into()),
                None => Ok(()),
            };
        };
        if chunks.len() != shape.len() {
            return Err(format!("chunks {chunks:?} for a shape {shape:?}").into());
        }
        for (axis, (chunk, extent)) in chunks.iter().zip(shape).enumerate() {
            if *chunk == 0 {
                return Err(format!("a chunk has no elements along axis {axis}").into());
            }
            if chunk > extent && !self.unlimited.contains(&axis) {
                return Err(format!(
                    "chunks of {chunk} along axis {axis}, where the dataset has only {extent}"
                )
                .into());
            }
        }
        let elements = chunks.iter().map(|it| *it as u128).product::<u128>();
        if elements * size_of::<T>() as u128 > u128::from(u32::MAX) {
            return Err(format!("chunks {chunks:?} of more than 4 GiB").into());
        }
        if self.deflate.is_some() && !hdf5::filters::deflate_available() {
            return Err("this HDF5 was built without zlib".into());
        }
        match self.deflate {
            Some(10..) => Err("zlib knows the levels 0 to 9".into()),
            _ => Ok(()),
        }
    }
}
