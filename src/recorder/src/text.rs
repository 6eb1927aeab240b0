//! Texts that the program gives to MPI and HDF5.

use std::ffi::{CStr, c_char};

/// The text that a pointer points to.
pub fn text(pointer: usize) -> Option<String> {
    if pointer == 0 {
        return None;
    }
    // SAFETY: the program gives a text that ends with a zero byte.
    let text = unsafe { CStr::from_ptr(pointer as *const c_char) };
    let bytes = text.to_bytes();
    Some(String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]).into_owned())
}

/// A path as seen from the root, whatever the process's own folder.
pub fn whole_path(path: &str) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.into());
    whole.to_string_lossy().into_owned()
}
