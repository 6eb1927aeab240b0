//! Opens the input and the output, and refuses what does not fit, before anything is
//! changed in the file. Every rank comes to the same verdict.

use std::fs::OpenOptions;
use std::path::Path;

use hdf5::types::{FloatSize, TypeDescriptor};
use hdf5::{Dataset, File, Group};
use mpi::topology::SimpleCommunicator;
use parallel_hdf5::{Result, SlabError, Transfer, agree, create_dataset};

/// The precision of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Float {
    F32,
    F64,
}

/// The points, and the dataset for their distances.
pub struct Files {
    file: File,
    /// The points: (rows, columns).
    pub input: Dataset,
    /// Their path in the file.
    pub input_name: String,
    /// The distances: (rows,), of the precision of the points.
    pub output: Dataset,
    /// How many points there are.
    pub rows: usize,
    /// How many numbers a point has.
    pub columns: usize,
    /// How many rows are worked on at once, if not all.
    pub block: usize,
    /// Of which precision they are.
    pub float: Float,
    /// How the distances must be written: to a compressed dataset only all ranks together.
    pub transfer: Transfer,
}

impl Files {
    // ANCHOR: open
    /// Opens `path`, and makes `distances` beside the dataset `name` unless it is there.
    /// Collective over `world`.
    pub fn open(path: &Path, name: &str, world: &SimpleCommunicator) -> Result<Files> {
        agree(world, can_be_changed(path))?;
        // First only to look: opening a file for writing may already change it.
        let (rows, float) = {
            let file = parallel_hdf5::open_read_only(path, world);
            let file = agree(world, file.map_err(|error| explain(path, error)))?;
            agree(world, find_fault(&file, name))?
        };
        let file = agree(world, parallel_hdf5::open(path, world))?;
        let (group, input) = agree(world, find_input(&file, name))?;
        let output = match group.link_exists("distances") {
            true => agree(world, group.dataset("distances"))?,
            false => agree(world, create_output(&group, rows, float))?,
        };
        let columns = input.shape()[1];
        let block = block(&input, columns, float);
        let compressed = !output.filters().is_empty();
        let transfer = if compressed {
            Transfer::Collective
        } else {
            Transfer::Independent
        };
        Ok(Files {
            file,
            input,
            input_name: name.to_owned(),
            output,
            rows,
            columns,
            block,
            float,
            transfer,
        })
    }
    // ANCHOR_END: open

    // ANCHOR: settle
    /// Before ranks write together, all must know whether one of them has failed.
    /// Where each writes for itself, nobody needs to ask before the end. Collective if
    /// writing is.
    pub fn settle<T>(
        &self,
        outcome: std::result::Result<T, SlabError>,
        world: &SimpleCommunicator,
    ) -> Result<T> {
        match self.transfer {
            Transfer::Independent => Ok(outcome?),
            Transfer::Collective => Ok(agree(world, outcome)?),
        }
    }
    // ANCHOR_END: settle

    /// Closes the file on all ranks. Collective over `world`.
    pub fn close(self, world: &SimpleCommunicator) -> Result<()> {
        let Files {
            file,
            input,
            output,
            ..
        } = self;
        drop((input, output));
        agree(world, file.close())?;
        Ok(())
    }
}

/// So many rows that they and their distances fit into the cache of a processor's core
/// (typically 1 MiB or more). Chunks are read as a whole, so whole chunks.
// ANCHOR: block
fn block(input: &Dataset, columns: usize, float: Float) -> usize {
    const BYTES: usize = 256 << 10;
    let bytes_a_row = columns * if float == Float::F32 { 4 } else { 8 };
    let rows = (BYTES / bytes_a_row.max(1)).max(1);
    let rows_a_chunk = input.chunk().map_or(1, |chunk| chunk[0]);
    rows.next_multiple_of(rows_a_chunk)
}
// ANCHOR_END: block

/// Looks at the file with the means of the operating system, whose messages are clearer
/// than those of HDF5 over MPI.
fn can_be_changed(path: &Path) -> std::result::Result<(), String> {
    let shown = path.display();
    let metadata = path.metadata().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file {shown}"),
        _ => format!("cannot look at {shown}: {error}"),
    })?;
    if metadata.is_dir() {
        return Err(format!("{shown} is a folder, not a file"));
    }
    if !parallel_hdf5::is_hdf5(path) {
        return Err(format!("{shown} is not an HDF5 file"));
    }
    // Root may write to any file; a file that is marked read-only is not to be changed.
    if metadata.permissions().readonly() {
        return Err(format!(
            "{shown} is read-only, and the distances are written into it; \
             `chmod u+w` it, or copy it"
        ));
    }
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("cannot change {shown}: {error}")),
    }
}

fn explain(path: &Path, error: hdf5::Error) -> String {
    let shown = path.display();
    let message = error.to_string();
    if message.contains("truncated") {
        return format!("{shown} is damaged: it is shorter than it says ({message})");
    }
    format!("cannot open {shown}: {message}")
}

/// The dataset `name`, which may be a path into groups, and the group that it is in.
fn find_input(file: &File, name: &str) -> std::result::Result<(Group, Dataset), String> {
    let name = name.trim_matches('/');
    let (parent, last) = name.rsplit_once('/').unwrap_or(("", name));
    let group = match parent {
        "" => file.group("/"),
        parent => file.group(parent),
    };
    let group = group.map_err(|_| format!("there is no group `{parent}` in the file"))?;
    if !group.link_exists(last) {
        let mut here = group.member_names().unwrap_or_default();
        here.sort();
        let here = if here.is_empty() {
            "nothing".to_owned()
        } else {
            here.join(", ")
        };
        return Err(format!(
            "there is no dataset `{name}` in the file; at that place there is: {here}"
        ));
    }
    let dataset = group
        .dataset(last)
        .map_err(|_| format!("`{name}` is not a dataset"))?;
    Ok((group, dataset))
}

/// The number of rows and the precision of the points, if they and what is beside them are
/// as they must be.
fn find_fault(file: &File, name: &str) -> std::result::Result<(usize, Float), String> {
    let (group, input) = find_input(file, name)?;
    let (rows, float) = shape_and_float(&input, name)?;
    may_be_written(&group, rows, float)?;
    Ok((rows, float))
}

/// The number of rows and the precision of the points.
fn shape_and_float(
    input: &Dataset,
    name: &str,
) -> std::result::Result<(usize, Float), String> {
    let shape = input.shape();
    let [rows, _columns] = shape[..] else {
        return Err(format!(
            "`{name}` has the shape {shape:?}; it must have two dimensions, (rows, columns)"
        ));
    };
    match float_of(input) {
        Some(float) => Ok((rows, float)),
        None => Err(format!(
            "`{name}` holds {}; it must hold f32 or f64",
            type_in_words(input)
        )),
    }
}

/// Nothing, if there is no `distances` yet, or it is what would be made.
fn may_be_written(
    group: &Group,
    rows: usize,
    float: Float,
) -> std::result::Result<(), String> {
    if !group.link_exists("distances") {
        return Ok(());
    }
    let left_alone = format!(
        "it is left alone, because shape [{rows}] of {} is needed. \
         Rename it, or work on a copy of the file",
        if float == Float::F32 { "f32" } else { "f64" }
    );
    let Ok(there) = group.dataset("distances") else {
        return Err(format!(
            "`distances` is there already, and is not a dataset; {left_alone}"
        ));
    };
    if there.shape() != [rows] || float_of(&there) != Some(float) {
        return Err(format!(
            "`distances` is there already, of shape {:?} of {}; {left_alone}",
            there.shape(),
            type_in_words(&there)
        ));
    }
    Ok(())
}

fn create_output(group: &Group, rows: usize, float: Float) -> Result<Dataset> {
    match float {
        Float::F32 => create_dataset::<f32>(group, "distances", rows),
        Float::F64 => create_dataset::<f64>(group, "distances", rows),
    }
}

/// The precision of a dataset of floating-point numbers, of either byte order.
fn float_of(dataset: &Dataset) -> Option<Float> {
    match dataset.dtype().ok()?.to_descriptor().ok()? {
        TypeDescriptor::Float(FloatSize::U4) => Some(Float::F32),
        TypeDescriptor::Float(FloatSize::U8) => Some(Float::F64),
        _ => None,
    }
}

/// The type of the elements as Rust names it, where it has a name.
fn type_in_words(dataset: &Dataset) -> String {
    match dataset.dtype().and_then(|it| it.to_descriptor()) {
        Ok(TypeDescriptor::Integer(size)) => format!("i{}", 8 * size as usize),
        Ok(TypeDescriptor::Unsigned(size)) => format!("u{}", 8 * size as usize),
        Ok(TypeDescriptor::Float(FloatSize::U4)) => "f32".to_owned(),
        Ok(TypeDescriptor::Float(FloatSize::U8)) => "f64".to_owned(),
        Ok(descriptor) => descriptor.to_string(),
        Err(_) => match dataset.dtype() {
            Ok(dtype) => format!("elements of another kind, {} bytes each", dtype.size()),
            Err(_) => "elements of an unknown kind".to_owned(),
        },
    }
}
