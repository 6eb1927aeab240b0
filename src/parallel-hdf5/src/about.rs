//! What the libraries that this program is linked with say of themselves.

use std::ffi::CStr;
use std::os::raw::{c_char, c_void};
use std::ptr;

use hdf5::File;
use hdf5::file::FileDriver;
use hdf5_sys::h5f::H5Fget_vfd_handle;
use hdf5_sys::h5p::H5P_DEFAULT;
use mpi::ffi;

use crate::inspect::{SETTINGS, Settings};

/// The MPI library in a few words: `Open MPI 4.1.4`, `MPICH 4.0.2`. MPI need not be
/// initialised (`MPI_Get_library_version`, MPI 4.1, section 9.1.1). Not collective.
pub fn mpi_library() -> String {
    let says = mpi::environment::library_version().unwrap_or_default();
    shorten(&says)
}

/// `Open MPI v4.1.4, package: …` or `MPICH Version:<tab>4.0.2<newline>…`, made short.
fn shorten(says: &str) -> String {
    let first_line = says
        .trim_end_matches('\0')
        .lines()
        .next()
        .unwrap_or("unknown")
        .trim();
    if let Some((name, version)) = first_line.split_once("Version:") {
        return format!("{} {}", name.trim(), version.trim());
    }
    let before_comma = first_line.split(',').next().unwrap_or(first_line);
    before_comma.replace(" v", " ")
}

/// The version of the HDF5 library that is loaded: `1.10.8`. Not collective.
pub fn hdf5_version() -> String {
    let (major, minor, release) = hdf5::library_version();
    format!("{major}.{minor}.{release}")
}

/// Whether the HDF5 library that is loaded does what
/// [`collective_metadata`](crate::FileOptions::collective_metadata) asks for when metadata is
/// *read*. The releases 1.10.5 to 1.10.8, 1.12.0, 1.12.1 and 1.13.0 accept the setting and ignore
/// it for reads, without an error (HDFGroup/hdf5, pull requests 1206 and 1418). Not collective.
pub fn has_collective_metadata_reads() -> bool {
    reads_metadata_together(hdf5::library_version())
}

fn reads_metadata_together(version: (u8, u8, u8)) -> bool {
    !matches!(version, (1, 10, 5..=8) | (1, 12, 0..=1) | (1, 13, 0))
}

/// What the settings say that are embedded in the HDF5 library that this program is linked
/// with: the same text that `libhdf5.settings` holds. Not collective.
///
/// The text's name is not part of HDF5's interface and has changed; a library without it
/// yields empty settings.
pub fn hdf5_settings() -> Settings {
    let this = libloading::os::unix::Library::this();
    let text = SETTINGS.into_iter().find_map(|name| {
        // SAFETY: the symbol is a constant array of characters with a zero at its end
        // (H5private.h: `extern const char H5build_settings[]`; the older name likewise);
        // its address, which is all that is read here, is that of its first character.
        let text = unsafe { this.get::<*const c_char>(name.as_bytes()) }
            .ok()?
            .as_raw_ptr();
        // SAFETY: as above; the library stays loaded as long as the program runs.
        Some(
            unsafe { CStr::from_ptr(text.cast()) }
                .to_string_lossy()
                .into_owned(),
        )
    });
    text.map(|text| Settings::parse(&text)).unwrap_or_default()
}

/// The hints of `file` (`MPI_File_get_info`), names and values: by the MPI standard those
/// that are in use, given by the program or set by the implementation. So it is in MPICH 4.0. Open
/// MPI 4.1 only hands back what it was given, whether OMPIO or ROMIO serves the file, also
/// what neither of them knows.
///
/// **Collective** over the file's communicator, which one would not expect of a question:
/// `H5Fget_access_plist` (`File::fapl`) duplicates the communicator. Asked by one rank only,
/// it hangs.
///
/// # Errors
/// If `file` was not opened through MPI-IO.
pub fn hints(file: &File) -> hdf5::Result<Vec<(String, String)>> {
    if !matches!(file.fapl()?.driver(), FileDriver::Mpio(_)) {
        return Err("the file was not opened through MPI-IO".into());
    }
    let mut handle: *mut c_void = ptr::null_mut();
    let status = hdf5::sync::sync(|| {
        // SAFETY: the file is open while it is borrowed; `handle` outlives the call.
        unsafe { H5Fget_vfd_handle(file.id(), H5P_DEFAULT, &raw mut handle) }
    });
    hdf5::h5check(status)?;
    // SAFETY: with the MPI-IO driver the handle points to the file's MPI_File (reference
    // manual, H5Fget_vfd_handle); the info object is ours, and freed here.
    unsafe {
        let mpi_file: ffi::MPI_File = *handle.cast();
        let mut info = ffi::RSMPI_INFO_NULL;
        ffi::MPI_File_get_info(mpi_file, &raw mut info);
        let hints = entries(info);
        ffi::MPI_Info_free(&raw mut info);
        Ok(hints)
    }
}

/// Which implementation of MPI-IO serves `file`: `ROMIO` or `OMPIO`.
///
/// ROMIO sets `romio_no_indep_rw` itself, and says so (`MPI_File_get_info`). Open MPI 4.1
/// hands out no hints but those that it was given; there the control variables of MPI's tool
/// interface (`MPI_T_cvar_get_info`, MPI 4.1, section 15.3) tell: if `--mca io romio…` left OMPIO out, it has none. Where a file
/// system makes Open MPI prefer ROMIO by itself (Lustre), this is not noticed.
///
/// **Collective** over the file's communicator, as [`hints`].
///
/// # Errors
/// If `file` was not opened through MPI-IO.
pub fn mpi_io_library(file: &File) -> hdf5::Result<&'static str> {
    let hints = hints(file)?;
    if hints.iter().any(|(name, _)| name == "romio_no_indep_rw") {
        return Ok("ROMIO");
    }
    Ok(if has_ompio() { "OMPIO" } else { "ROMIO" })
}

/// Whether Open MPI has OMPIO, which it then takes (but see [`mpi_io_library`]). No other MPI
/// has. Not collective.
pub(crate) fn has_ompio() -> bool {
    let variables = control_variables();
    let has = |prefix| variables.iter().any(|name| name.starts_with(prefix));
    has("io_ompio") || !has("io_romio")
}

/// Whether this is Open MPI, of a release before that one. Not collective.
pub(crate) fn is_open_mpi_before(release: [u32; 3]) -> bool {
    release_of("Open MPI ", &mpi_library()).is_some_and(|it| it < release)
}

/// Whether this is MPICH, of that release or a newer one. Not collective.
pub(crate) fn is_mpich_since(release: [u32; 3]) -> bool {
    release_of("MPICH ", &mpi_library()).is_some_and(|it| it >= release)
}

fn release_of(name: &str, library: &str) -> Option<[u32; 3]> {
    let numbers = library.strip_prefix(name)?;
    let mut numbers = numbers.split(|it: char| !it.is_ascii_digit());
    let mut next = || numbers.next()?.parse().ok();
    Some([next()?, next()?, next()?])
}

/// The names of the MPI library's control variables. Empty if it has no tool interface.
fn control_variables() -> Vec<String> {
    let mut provided = 0;
    let single = ffi::MPI_THREAD_SINGLE as i32;
    // SAFETY: may be called at any time, any number of times, if each is paired with
    // MPI_T_finalize.
    if unsafe { ffi::MPI_T_init_thread(single, &raw mut provided) } != 0 {
        return Vec::new();
    }
    let mut count = 0;
    // SAFETY: `count` outlives the call.
    unsafe { ffi::MPI_T_cvar_get_num(&raw mut count) };
    let names = (0..count)
        .filter_map(|index| {
            let mut name = [0 as c_char; 256];
            let mut length = name.len() as i32;
            let (mut verbosity, mut bind, mut scope) = (0, 0, 0);
            // SAFETY: a description and an enumeration that nobody wants may be null (MPI 4.1,
            // section 15.3.3); at most `length` bytes of `name` are written, with a zero byte
            // at the end; all places outlive the call.
            let status = unsafe {
                let mut kind: ffi::MPI_Datatype = std::mem::zeroed();
                ffi::MPI_T_cvar_get_info(
                    index,
                    name.as_mut_ptr(),
                    &raw mut length,
                    &raw mut verbosity,
                    &raw mut kind,
                    ptr::null_mut(),
                    ptr::null_mut(),
                    ptr::null_mut(),
                    &raw mut bind,
                    &raw mut scope,
                )
            };
            // SAFETY: as above.
            let name = unsafe { CStr::from_ptr(name.as_ptr()) };
            (status == 0).then(|| name.to_string_lossy().into_owned())
        })
        .collect();
    // SAFETY: pairs with the initialisation above.
    unsafe { ffi::MPI_T_finalize() };
    names
}

/// How many ranks a communicator has that HDF5 hands back (`MpioDriver::comm`). Not
/// collective.
pub fn communicator_size(comm: ffi::MPI_Comm) -> u32 {
    let mut size = 0;
    // SAFETY: `size` outlives the call. MPI checks the communicator itself: one that is not
    // valid ends the program with a message.
    unsafe { ffi::MPI_Comm_size(comm, &raw mut size) };
    size.unsigned_abs()
}

/// The names and values in an info object.
///
/// # Safety
/// `info` is a valid info object.
unsafe fn entries(info: ffi::MPI_Info) -> Vec<(String, String)> {
    let mut count = 0;
    // SAFETY: `info` is valid, and `count` outlives the call.
    unsafe { ffi::MPI_Info_get_nkeys(info, &raw mut count) };
    (0..count)
        .map(|index| {
            let mut name = [0 as c_char; ffi::MPI_MAX_INFO_KEY as usize + 1];
            let mut value = [0 as c_char; ffi::MPI_MAX_INFO_VAL as usize + 1];
            let mut found = 0;
            // SAFETY: there is room for the longest name and value, and their ends.
            unsafe {
                ffi::MPI_Info_get_nthkey(info, index, name.as_mut_ptr());
                ffi::MPI_Info_get(
                    info,
                    name.as_ptr(),
                    ffi::MPI_MAX_INFO_VAL as i32,
                    value.as_mut_ptr(),
                    &raw mut found,
                );
                let text =
                    |it: *const c_char| CStr::from_ptr(it).to_string_lossy().into_owned();
                (text(name.as_ptr()), text(value.as_ptr()))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{reads_metadata_together, release_of, shorten};

    #[test]
    fn names_the_library_and_its_version() {
        let open_mpi = "Open MPI v4.1.4, package: Debian Open MPI, ident: 4.1.4, repo rev";
        assert_eq!(shorten(open_mpi), "Open MPI 4.1.4");
        let mpich = "MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7\n";
        assert_eq!(shorten(mpich), "MPICH 4.0.2");
        assert_eq!(release_of("Open MPI ", "Open MPI 4.1.4"), Some([4, 1, 4]));
        assert_eq!(
            release_of("Open MPI ", "Open MPI 5.0.10rc1"),
            Some([5, 0, 10])
        );
        assert_eq!(release_of("Open MPI ", "MPICH 4.0.2"), None);
    }

    #[test]
    fn knows_the_releases_that_ignore_collective_metadata_reads() {
        for ignores in [(1, 10, 5), (1, 10, 8), (1, 12, 0), (1, 12, 1), (1, 13, 0)] {
            assert!(!reads_metadata_together(ignores), "{ignores:?}");
        }
        for reads in [
            (1, 10, 4),
            (1, 10, 9),
            (1, 12, 2),
            (1, 13, 1),
            (1, 14, 5),
            (2, 2, 0),
        ] {
            assert!(reads_metadata_together(reads), "{reads:?}");
        }
    }
}
