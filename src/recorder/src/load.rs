//! What happens when the library is loaded, and when the process ends.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use record::Event;

use crate::{bytes, mpi, writer};

const FOLDER: &CStr = c"WORKBOOK_RECORD";
const STANDARD_ERROR: &CStr = c"WORKBOOK_RECORD_STDERR";
const SEND_ORDER: &CStr = c"WORKBOOK_RECORD_SEND_ORDER";
const BYTES: &CStr = c"WORKBOOK_RECORD_BYTES";
const PRELOAD: &CStr = c"LD_PRELOAD";

/// Run by the linker before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = at_load;

extern "C" fn at_load() {
    bytes::find();
    let Some(folder) = variable(FOLDER) else {
        return;
    };
    let with_bytes = variable(BYTES).is_some();
    if !with_bytes {
        // SAFETY: before `main` there is one thread, and the names end with a zero byte. What
        // the program starts in turn is none of our business, and it need not find the folder.
        unsafe { libc::unsetenv(FOLDER.as_ptr()) };
        forget_preload();
    }
    let folder = PathBuf::from(std::ffi::OsString::from_vec(folder));
    writer::start(&folder);
    if !writer::active() {
        return;
    }
    if with_bytes {
        bytes::start();
    }
    if variable(STANDARD_ERROR).is_some() {
        // SAFETY: as above.
        unsafe { libc::unsetenv(STANDARD_ERROR.as_ptr()) };
        writer::take_standard_error(&folder);
    }
    if let Some(order) = variable(SEND_ORDER) {
        // SAFETY: as above.
        unsafe { libc::unsetenv(SEND_ORDER.as_ptr()) };
        mpi::send_in_order(folder, &String::from_utf8_lossy(&order));
    }
    // SAFETY: the functions are of this library, which is never unloaded.
    unsafe {
        on_exit(with_status, std::ptr::null_mut());
        libc::atexit(at_exit);
        libc::pthread_atfork(None, None, Some(in_child));
    }
}

/// Takes this library out of `LD_PRELOAD`.
fn forget_preload() {
    let Some(list) = variable(PRELOAD) else {
        return;
    };
    let others: Vec<&[u8]> = list
        .split(|byte| matches!(byte, b':' | b' '))
        .filter(|it| !it.is_empty() && !it.ends_with(b"librecorder.so"))
        .collect();
    // SAFETY: as above.
    unsafe {
        match CString::new(others.join(&b':')) {
            Ok(rest) if !rest.is_empty() => {
                libc::setenv(PRELOAD.as_ptr(), rest.as_ptr(), 1);
            }
            _ => {
                libc::unsetenv(PRELOAD.as_ptr());
            }
        }
    }
}

fn variable(name: &CStr) -> Option<Vec<u8>> {
    // SAFETY: the name ends with a zero byte, and so does the value, which is copied.
    unsafe {
        let value: *const c_char = libc::getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value).to_bytes().to_vec())
    }
    .filter(|it| !it.is_empty())
}

unsafe extern "C" {
    /// As `atexit`, but the function is told the status.
    fn on_exit(function: extern "C" fn(c_int, *mut c_void), argument: *mut c_void)
    -> c_int;
}

extern "C" fn with_status(status: c_int, _: *mut c_void) {
    writer::event(&Event::Status(status));
}

extern "C" fn at_exit() {
    bytes::flush();
    writer::event(&Event::Exited);
    if writer::active() {
        writer::show_over();
    }
}

/// A copy of the process shares the files, but is not the rank.
unsafe extern "C" fn in_child() {
    bytes::stop();
    writer::stop();
}
