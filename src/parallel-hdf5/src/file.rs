//! Opening one file from all ranks.

use std::borrow::Cow;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use hdf5::File;
use hdf5::file::{FileBuilder, LibraryVersion};
use hdf5_sys::h5f::H5Fis_hdf5;
use mpi::ffi;
use mpi::traits::*;

use crate::about;

/// Creates the file for all ranks of `comm`, through MPI-IO; a file of that name is
/// replaced. **Collective** over `comm`: each rank must name the same file.
///
/// MPI must be initialised first and finalised after the file is closed ([`run`](crate::run)
/// sees to both).
///
/// # Errors
/// If the file cannot be created; HDF5 then fails on all ranks. And if the path is so long that
/// Open MPI would abort; then HDF5 is not called.
pub fn create<C: Communicator>(path: impl AsRef<Path>, comm: &C) -> hdf5::Result<File> {
    FileOptions::new().create(path, comm)
}

/// Opens an existing file for reading and writing by all ranks of `comm`, through MPI-IO.
/// **Collective** over `comm`.
///
/// # Errors
/// If the file is missing, not HDF5, or not writable; HDF5 then fails on all ranks.
pub fn open<C: Communicator>(path: impl AsRef<Path>, comm: &C) -> hdf5::Result<File> {
    FileOptions::new().open(path, comm)
}

/// Opens an existing file for reading by all ranks of `comm`, through MPI-IO.
/// **Collective** over `comm`.
///
/// # Errors
/// If the file is missing or not HDF5; HDF5 then fails on all ranks.
pub fn open_read_only<C: Communicator>(
    path: impl AsRef<Path>,
    comm: &C,
) -> hdf5::Result<File> {
    FileOptions::new().open_read_only(path, comm)
}

/// True if the file is there and begins as an HDF5 file does. Not collective: it is looked
/// at without MPI. (Opening an empty file for all ranks succeeds with HDF5 1.10, as if it
/// were a file with nothing in it.)
pub fn is_hdf5(path: impl AsRef<Path>) -> bool {
    let Ok(path) = CString::new(path.as_ref().as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: the path ends with a zero byte, and outlives the call.
    hdf5::sync::sync(|| unsafe { H5Fis_hdf5(path.as_ptr()) }) > 0
}

/// How a file is opened for all ranks: what may make it faster, and what its format may be.
/// All ranks must choose the same.
///
/// ```standalone_crate
/// use parallel_hdf5::{FileOptions, create_dataset, data_folder};
///
/// fn main() -> std::process::ExitCode {
///     parallel_hdf5::run(|world| {
///         let options = FileOptions::new()
///             .hint("cb_nodes", "2")
///             .alignment(1 << 16, 1 << 20) // what has 64 KiB or more begins at a whole MiB
///             .collective_metadata(true);
///         let file = options.create(data_folder()?.join("options.hdf5"), world)?;
///         let dataset = create_dataset::<f64>(&file, "x", 100_000)?;
///         assert_eq!(dataset.offset().map(|it| it % (1 << 20)), Some(0));
///         drop(dataset);
///         Ok(file.close()?)
///     })
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct FileOptions {
    hints: Vec<(String, String)>,
    alignment: Option<(u64, u64)>,
    collective_metadata: bool,
    versions: Option<(LibraryVersion, LibraryVersion)>,
    chunk_cache: Option<(usize, usize)>,
}

impl FileOptions {
    /// What HDF5 does unless told otherwise.
    pub fn new() -> FileOptions {
        FileOptions::default()
    }

    /// A hint for MPI-IO (`MPI_Info_set`; MPI 4.1, section 14.2.8): `cb_nodes`, `striping_unit`,
    /// `romio_cb_write`, … Each is a wish: an implementation passes over those that it does not
    /// know, without a word. [`hints`](crate::about::hints) tells which it took.
    ///
    /// With `cb_nodes` above 1, Open MPI 4.1.0 to 4.1.6 and 5.0.0 to 5.0.5 may lose what ranks
    /// write collectively (open-mpi/ompi #12718). `make doctor` names the setting that prevents it.
    pub fn hint(mut self, name: &str, value: &str) -> FileOptions {
        self.hints.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Whatever takes at least `threshold` bytes in the file begins at a multiple of `bytes`
    /// (`H5Pset_alignment`): a file system's stripe, say. Leaves gaps.
    pub fn alignment(mut self, threshold: u64, bytes: u64) -> FileOptions {
        self.alignment = Some((threshold, bytes));
        self
    }

    /// Metadata is read by one rank for all, and written by all together, instead of by each
    /// rank alone (`H5Pset_all_coll_metadata_ops`, `H5Pset_coll_metadata_write`).
    ///
    /// Some releases of HDF5, 1.10.8 among them, ignore this for reads, without an error: each
    /// rank goes on to read all metadata.
    /// [`has_collective_metadata_reads`](crate::about::has_collective_metadata_reads) tells
    /// whether this one does it.
    ///
    /// From then on more calls are **collective**: also those that only look something up, such
    /// as opening a dataset (HDF5 reference manual, `H5Pset_all_coll_metadata_ops`).
    pub fn collective_metadata(mut self, on: bool) -> FileOptions {
        self.collective_metadata = on;
        self
    }

    /// The oldest and the newest release of HDF5 whose file format may be used for what is
    /// created (`H5Pset_libver_bounds`). A newer `low` makes some structures faster, and the
    /// file unreadable for older releases.
    pub fn versions(mut self, low: LibraryVersion, high: LibraryVersion) -> FileOptions {
        self.versions = Some((low, high));
        self
    }

    /// The cache for chunks of each dataset: how many slots its hash table has, and how many
    /// bytes it may hold, on each rank (`H5Pset_cache`). Of a file that is open for writing
    /// through MPI-IO, HDF5 caches filtered chunks only. With 0 bytes it caches none, and no
    /// rank reads again from memory what others have written since (chapter 7).
    pub fn chunk_cache(mut self, slots: usize, bytes: usize) -> FileOptions {
        self.chunk_cache = Some((slots, bytes));
        self
    }

    /// As [`create`], with these options. **Collective** over `comm`.
    ///
    /// # Errors
    /// As [`create`]; and if a hint's name or value is one that MPI does not accept.
    pub fn create<C: Communicator>(
        &self,
        path: impl AsRef<Path>,
        comm: &C,
    ) -> hdf5::Result<File> {
        self.through_mpi(path.as_ref(), comm, |it, path| it.create(path))
    }

    /// As [`open`], with these options. **Collective** over `comm`.
    ///
    /// # Errors
    /// As [`open`]; and if a hint's name or value is one that MPI does not accept.
    pub fn open<C: Communicator>(
        &self,
        path: impl AsRef<Path>,
        comm: &C,
    ) -> hdf5::Result<File> {
        self.through_mpi(path.as_ref(), comm, |it, path| it.open_rw(path))
    }

    /// As [`open_read_only`], with these options. **Collective** over `comm`.
    ///
    /// # Errors
    /// As [`open_read_only`]; and if a hint's name or value is one that MPI does not accept.
    pub fn open_read_only<C: Communicator>(
        &self,
        path: impl AsRef<Path>,
        comm: &C,
    ) -> hdf5::Result<File> {
        self.through_mpi(path.as_ref(), comm, |it, path| it.open(path))
    }

    /// Opens `path` by `how`, if MPI-IO can; if it cannot, the error says why, where that is
    /// known.
    fn through_mpi<C: Communicator>(
        &self,
        path: &Path,
        comm: &C,
        how: impl FnOnce(&FileBuilder, &Path) -> hdf5::Result<File>,
    ) -> hdf5::Result<File> {
        let path = path_for_mpi(path, comm.size())?;
        how(&self.builder(comm)?, &path).map_err(|error| match why_not_opened(&path) {
            Some(why) => format!("{error}; {why}").into(),
            None => error,
        })
    }

    fn builder<C: Communicator>(&self, comm: &C) -> hdf5::Result<FileBuilder> {
        // `mpio` copies the hints, so that they may go at the end.
        let hints = match self.hints.is_empty() {
            true => None,
            false => Some(Info::of(&self.hints)?),
        };
        let mut builder = File::with_options();
        builder.with_fapl(|access| {
            access.mpio(comm.as_raw(), hints.as_ref().map(|it| it.0));
            if let Some((threshold, bytes)) = self.alignment {
                access.alignment(threshold, bytes);
            }
            if self.collective_metadata {
                access.all_coll_metadata_ops(true).coll_metadata_write(true);
            }
            if let Some((low, high)) = self.versions {
                access.libver_bounds(low, high);
            }
            if let Some((slots, bytes)) = self.chunk_cache {
                // HDF5's own policy for what leaves the cache first.
                access.chunk_cache(slots, bytes, 0.75);
            }
            access
        });
        Ok(builder)
    }
}

/// The path by which MPI-IO can open this file; all ranks come to the same answer. Not
/// collective.
///
/// # Errors
/// If Open MPI would abort all ranks, and return no error. To the path OMPIO adds `.locktest.`
/// and the number of the rank, in a place for 256 bytes (open-mpi/ompi #13565; mended in
/// 5.0.10).
pub(crate) fn path_for_mpi(path: &Path, ranks: i32) -> Result<Cow<'_, Path>, String> {
    let bytes = path.as_os_str().len();
    // Some releases of OMPIO open no file whose whole path is one letter (open-mpi/ompi
    // #12619); the same file by another path they do open.
    if bytes == 1 {
        return Ok(Path::new(".").join(path).into());
    }
    let longest = 255 - format!(".locktest.{}", ranks - 1).len();
    if bytes > longest && about::is_open_mpi_before([5, 0, 10]) && about::has_ompio() {
        let library = about::mpi_library();
        return Err(format!(
            "the path of the file has {bytes} bytes, and {library} aborts if it has more than \
             {longest} (open-mpi/ompi #13565): make another folder the current one, and name \
             the file from there"
        ));
    }
    Ok(path.into())
}

/// Why MPI-IO opened no file of this path, where the path is to blame. Not collective.
pub(crate) fn why_not_opened(path: &Path) -> Option<&'static str> {
    let path = path.as_os_str().as_bytes();
    let has_colon = path.contains(&b':') && !path.starts_with(b"ufs:");
    // MPICH's libraries have no OMPIO, and say nothing of ROMIO either. That of MPICH 4.2 takes only
    // the names that it knows for a kind of file system (seen with 4.2.1; 4.0.2 takes any).
    let romio = || !about::mpi_library().starts_with("Open MPI") || !about::has_ompio();
    (has_colon && romio() && !about::is_mpich_since([4, 2, 0])).then_some(
        "the path has a colon, and ROMIO takes what is before it for the kind of file system: \
         choose a path without, or write `ufs:` in front of it",
    )
}

/// Hints, as MPI holds them.
struct Info(ffi::MPI_Info);

impl Info {
    fn of(hints: &[(String, String)]) -> hdf5::Result<Info> {
        for (name, value) in hints {
            let longest = |most: u32| 1..most as usize; // with a zero byte at the end
            let sane = longest(ffi::MPI_MAX_INFO_KEY).contains(&name.len())
                && longest(ffi::MPI_MAX_INFO_VAL).contains(&value.len());
            if !sane || name.contains('\0') || value.contains('\0') {
                return Err(format!("MPI takes no hint `{name}` = `{value}`").into());
            }
        }
        // SAFETY: the object is ours, and freed once.
        let info = unsafe {
            let mut info = ffi::RSMPI_INFO_NULL;
            ffi::MPI_Info_create(&raw mut info);
            Info(info)
        };
        for (name, value) in hints {
            let name = CString::new(name.as_str()).expect("looked at above");
            let value = CString::new(value.as_str()).expect("looked at above");
            // SAFETY: both texts end with a zero byte, are not too long, and are copied.
            unsafe { ffi::MPI_Info_set(info.0, name.as_ptr(), value.as_ptr()) };
        }
        Ok(info)
    }
}

impl Drop for Info {
    fn drop(&mut self) {
        // SAFETY: it was made by `of`, and is freed here only.
        unsafe { ffi::MPI_Info_free(&raw mut self.0) };
    }
}
