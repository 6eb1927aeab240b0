//! Raw MPI-IO: one file, opened by all ranks, without HDF5. What HDF5 itself stands on, and
//! what its speed is measured against. (`mpi` 0.8.2 has no files.)
//!
//! The file holds elements of one type, one after the other, as they are in memory: no names,
//! no shape, no byte order. MPI calls this the `native` representation.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use mpi::datatype::UserDatatype;
use mpi::ffi;
use mpi::traits::*;

use crate::Transfer;
use crate::file::{path_for_mpi, why_not_opened};

/// A file of elements `T`, opened by all ranks of a communicator through MPI-IO.
///
/// Closing it is **collective**, also when it is dropped.
pub struct MpiFile<T: Equivalence> {
    handle: ffi::MPI_File,
    path: PathBuf,
    elements: PhantomData<T>,
}

/// What MPI-IO could not do, on this rank, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MpiIoError {
    /// What was to be done: `create`, `write`.
    pub doing: &'static str,
    /// To which file.
    pub path: PathBuf,
    /// What MPI says (`MPI_Error_string`), or what is missing.
    pub why: String,
}

impl fmt::Display for MpiIoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MpiIoError { doing, path, why } = self;
        write!(f, "cannot {doing} {} by MPI-IO: {why}", path.display())
    }
}

impl std::error::Error for MpiIoError {}

impl<T: Equivalence> MpiFile<T> {
    /// Creates the file for all ranks of `comm`, or empties the one that is there.
    /// **Collective** over `comm`: each rank names the same file and the same hints.
    ///
    /// A hint that the MPI library does not know is ignored (MPI 4.1, section 14.2.8).
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create<C: Communicator>(
        path: impl AsRef<Path>,
        comm: &C,
        hints: &[(&str, &str)],
    ) -> Result<Self, MpiIoError> {
        let mode = ffi::MPI_MODE_CREATE | ffi::MPI_MODE_RDWR;
        let file = Self::open_with(path.as_ref(), comm, hints, mode, "create")?;
        // SAFETY: the handle is that of an open file.
        file.check("empty", unsafe { ffi::MPI_File_set_size(file.handle, 0) })?;
        Ok(file)
    }

    /// Opens the file for reading and writing by all ranks of `comm`. **Collective** over
    /// `comm`: each rank names the same file and the same hints.
    ///
    /// # Errors
    /// If there is no such file, or it may not be written.
    pub fn open<C: Communicator>(
        path: impl AsRef<Path>,
        comm: &C,
        hints: &[(&str, &str)],
    ) -> Result<Self, MpiIoError> {
        Self::open_with(path.as_ref(), comm, hints, ffi::MPI_MODE_RDWR, "open")
    }

    fn open_with<C: Communicator>(
        path: &Path,
        comm: &C,
        hints: &[(&str, &str)],
        mode: u32,
        doing: &'static str,
    ) -> Result<Self, MpiIoError> {
        let fail = |why: String| MpiIoError {
            doing,
            path: path.to_owned(),
            why,
        };
        let name = path_for_mpi(path, comm.size()).map_err(fail)?;
        let name = CString::new(name.as_os_str().as_bytes())
            .map_err(|_| fail("its name holds a zero byte".to_owned()))?;
        let hints = Hints::new(hints).map_err(fail)?;
        let mut handle = MaybeUninit::uninit();
        // SAFETY: name and hints outlive the call, which writes the handle if it succeeds.
        let handle = unsafe {
            let status = ffi::MPI_File_open(
                comm.as_raw(),
                name.as_ptr(),
                mode as c_int,
                hints.0,
                handle.as_mut_ptr(),
            );
            if status != ffi::MPI_SUCCESS as c_int {
                let why = match why_not_opened(path) {
                    Some(why) => format!("{}; {why}", error_text(status)),
                    None => error_text(status),
                };
                return Err(fail(why));
            }
            handle.assume_init()
        };
        let file = MpiFile {
            handle,
            path: path.to_owned(),
            elements: PhantomData,
        };
        file.view(0, &T::equivalent_datatype())?;
        Ok(file)
    }

    /// Lets this rank see a part of the file only, as if there were nothing else in it:
    /// `count` blocks of `block` elements, the first beginning at the element `first` of the
    /// file, each `stride` elements after the one before. Offsets then count the elements
    /// that it sees.
    /// **Collective** over the file's communicator; each rank may see another part.
    ///
    /// # Errors
    /// If MPI refuses it, or a number is too large for it (2³¹ − 1).
    pub fn see(
        &self,
        first: u64,
        count: usize,
        block: usize,
        stride: usize,
    ) -> Result<(), MpiIoError> {
        let number = |it: usize| c_int::try_from(it);
        let (Ok(count), Ok(block), Ok(stride)) =
            (number(count), number(block), number(stride))
        else {
            return Err(self.fail("take a view of", "a number is too large".to_owned()));
        };
        let seen = UserDatatype::vector(count, block, stride, &T::equivalent_datatype());
        self.view(first, &seen)
    }

    /// From the element `first` on, this rank sees what `seen` lays out.
    fn view(&self, first: u64, seen: &impl Datatype) -> Result<(), MpiIoError> {
        let start = first * size_of::<T>() as u64;
        // The hints are those that the file was opened with; these add none.
        let hints = Hints::new(&[]).map_err(|why| self.fail("take a view of", why))?;
        // SAFETY: the file is open; both types are committed, and MPI keeps what it needs
        // of them; the text and the hints outlive the call.
        let status = unsafe {
            ffi::MPI_File_set_view(
                self.handle,
                start as ffi::MPI_Offset,
                T::equivalent_datatype().as_raw(),
                seen.as_raw(),
                c"native".as_ptr(),
                hints.0,
            )
        };
        self.check("take a view of", status)
    }

    /// Writes `values` to the elements from `offset` on. With [`Transfer::Collective`]
    /// **collective** over the file's communicator: a rank with nothing to write gives an
    /// empty slice. `offset` counts elements of what this rank sees: all of the file, or
    /// what it has [chosen](MpiFile::see).
    ///
    /// # Errors
    /// If MPI reports one, or wrote less than all.
    pub fn write_at(
        &self,
        offset: u64,
        values: &[T],
        transfer: Transfer,
    ) -> Result<(), MpiIoError> {
        let write = match transfer {
            Transfer::Independent => ffi::MPI_File_write_at,
            Transfer::Collective => ffi::MPI_File_write_at_all,
        };
        let (buffer, count) = (values.as_ptr().cast::<c_void>(), self.count(values.len())?);
        let element = T::equivalent_datatype();
        let mut done = MaybeUninit::<ffi::MPI_Status>::uninit();
        // SAFETY: the file is open; the buffer holds as many elements of that type; the call
        // writes the status if it succeeds.
        let status = unsafe {
            write(
                self.handle,
                offset as ffi::MPI_Offset,
                buffer,
                count,
                element.as_raw(),
                done.as_mut_ptr(),
            )
        };
        self.check("write", status)?;
        // SAFETY: it succeeded.
        self.all_of(count, unsafe { done.assume_init_ref() }, "write")
    }

    /// Reads the elements from `offset` on into `values`, until it is full. With
    /// [`Transfer::Collective`] **collective** over the file's communicator: a rank with
    /// nothing to read gives an empty slice. `offset` as in [`MpiFile::write_at`].
    ///
    /// # Errors
    /// If MPI reports one, or the file ends before.
    pub fn read_at(
        &self,
        offset: u64,
        values: &mut [T],
        transfer: Transfer,
    ) -> Result<(), MpiIoError> {
        let read = match transfer {
            Transfer::Independent => ffi::MPI_File_read_at,
            Transfer::Collective => ffi::MPI_File_read_at_all,
        };
        let count = self.count(values.len())?;
        let buffer = values.as_mut_ptr().cast::<c_void>();
        let element = T::equivalent_datatype();
        let mut done = MaybeUninit::<ffi::MPI_Status>::uninit();
        // SAFETY: the file is open; the buffer has room for as many elements of that type;
        // the call writes the status if it succeeds.
        let status = unsafe {
            read(
                self.handle,
                offset as ffi::MPI_Offset,
                buffer,
                count,
                element.as_raw(),
                done.as_mut_ptr(),
            )
        };
        self.check("read", status)?;
        // SAFETY: it succeeded.
        self.all_of(count, unsafe { done.assume_init_ref() }, "read")
    }

    /// Hands over what was written to the storage device (`MPI_File_sync`, which is `fsync`
    /// on one machine). **Collective** over the file's communicator.
    ///
    /// # Errors
    /// If MPI reports one.
    pub fn sync(&self) -> Result<(), MpiIoError> {
        // SAFETY: the file is open.
        self.check("sync", unsafe { ffi::MPI_File_sync(self.handle) })
    }

    /// Closes the file. **Collective** over the file's communicator.
    ///
    /// # Errors
    /// If MPI reports one.
    pub fn close(mut self) -> Result<(), MpiIoError> {
        let status = self.close_handle();
        let closed = self.check("close", status);
        // It is closed: nothing is left to be done when it is dropped.
        drop(std::mem::take(&mut self.path));
        std::mem::forget(self);
        closed
    }

    fn close_handle(&mut self) -> c_int {
        // SAFETY: the file is open, and not used any more.
        unsafe { ffi::MPI_File_close(&raw mut self.handle) }
    }

    fn count(&self, length: usize) -> Result<c_int, MpiIoError> {
        let most = "more than 2147483647 elements in one call".to_owned();
        c_int::try_from(length).map_err(|_| self.fail("move data of", most))
    }

    fn all_of(
        &self,
        count: c_int,
        done: &ffi::MPI_Status,
        doing: &'static str,
    ) -> Result<(), MpiIoError> {
        let mut moved = 0;
        let element = T::equivalent_datatype();
        // SAFETY: the status is that of a transfer of elements of this type.
        unsafe { ffi::MPI_Get_count(done, element.as_raw(), &raw mut moved) };
        // MPI need not set the status of a call that had nothing to move.
        match moved == count || count == 0 {
            true => Ok(()),
            false => Err(self.fail(doing, format!("{moved} of {count} elements moved"))),
        }
    }

    fn check(&self, doing: &'static str, status: c_int) -> Result<(), MpiIoError> {
        match status == ffi::MPI_SUCCESS as c_int {
            true => Ok(()),
            false => Err(self.fail(doing, error_text(status))),
        }
    }

    fn fail(&self, doing: &'static str, why: String) -> MpiIoError {
        MpiIoError {
            doing,
            path: self.path.clone(),
            why,
        }
    }
}

impl<T: Equivalence> Drop for MpiFile<T> {
    fn drop(&mut self) {
        // The others may never come, if this rank panics; it is about to end them all.
        if !std::thread::panicking() {
            self.close_handle();
        }
    }
}

/// An `MPI_Info`.
struct Hints(ffi::MPI_Info);

impl Hints {
    fn new(pairs: &[(&str, &str)]) -> Result<Hints, String> {
        let text = |it: &str| {
            CString::new(it).map_err(|_| format!("the hint {it:?} holds a zero byte"))
        };
        let mut info = MaybeUninit::uninit();
        // SAFETY: the call writes the handle if it succeeds.
        let hints = unsafe {
            let status = ffi::MPI_Info_create(info.as_mut_ptr());
            if status != ffi::MPI_SUCCESS as c_int {
                return Err(error_text(status));
            }
            Hints(info.assume_init())
        };
        for (key, value) in pairs {
            let (name, text) = (text(key)?, text(value)?);
            // SAFETY: the handle is valid, and the texts outlive the call.
            let status =
                unsafe { ffi::MPI_Info_set(hints.0, name.as_ptr(), text.as_ptr()) };
            if status != ffi::MPI_SUCCESS as c_int {
                return Err(format!("the hint {key}: {}", error_text(status)));
            }
        }
        Ok(hints)
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        // SAFETY: the handle is valid, and not used any more.
        unsafe { ffi::MPI_Info_free(&raw mut self.0) };
    }
}

/// What MPI has to say about a status other than `MPI_SUCCESS`, in one line.
fn error_text(status: c_int) -> String {
    let mut text = [0 as c_char; 2048]; // MPI_MAX_ERROR_STRING is 256 or 512, or 1024
    let mut length = 0;
    // SAFETY: there is room for the longest text, which ends with a zero byte.
    let text = unsafe {
        ffi::MPI_Error_string(status, text.as_mut_ptr(), &raw mut length);
        CStr::from_ptr(text.as_ptr())
    };
    text.to_string_lossy().trim().replace('\n', " ")
}
