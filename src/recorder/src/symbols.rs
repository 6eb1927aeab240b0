//! The functions that the program meant to call.

use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A function of MPI or HDF5, looked up when it is first called.
pub struct Symbol {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
}

impl Symbol {
    pub const fn new(name: &'static CStr) -> Symbol {
        Symbol {
            name,
            found: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Its address, if it was looked up before.
    pub fn found(&self) -> Option<*mut c_void> {
        let known = self.found.load(Ordering::Relaxed);
        (!known.is_null()).then_some(known)
    }

    /// Its address; null if no library has it.
    pub fn find(&self) -> *mut c_void {
        let known = self.found.load(Ordering::Relaxed);
        if !known.is_null() {
            return known;
        }
        // SAFETY: the name ends with a zero byte.
        let mut found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        if found.is_null() {
            found = in_any_library(self.name);
        }
        self.found.store(found, Ordering::Relaxed);
        found
    }
}

/// The address of a symbol that may be missing.
pub fn symbol(name: &CStr) -> usize {
    // SAFETY: the name ends with a zero byte.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    match found.is_null() {
        true => in_any_library(name) as usize,
        false => found as usize,
    }
}

/// Looks through the libraries that a program loaded for itself only, as Python does, which
/// `RTLD_NEXT` does not see.
fn in_any_library(name: &CStr) -> *mut c_void {
    struct Search<'a> {
        name: &'a CStr,
        own: usize,
        found: *mut c_void,
    }
    unsafe extern "C" fn look(
        info: *mut libc::dl_phdr_info,
        _: usize,
        search: *mut c_void,
    ) -> c_int {
        // SAFETY: the linker hands over a valid description, and what we gave it.
        let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
        if info.dlpi_name.is_null() || info.dlpi_addr as usize == search.own {
            return 0;
        }
        // SAFETY: a name of a loaded library ends with a zero byte.
        let library = unsafe { CStr::from_ptr(info.dlpi_name) }.to_string_lossy();
        let is_one = ["libmpi", "libhdf5"].iter().any(|it| library.contains(it));
        let Ok(path) = CString::new(library.as_bytes()) else {
            return 0;
        };
        if !is_one {
            return 0;
        }
        // SAFETY: the library is loaded already, so that nothing of it runs now; the handle
        // is kept, and so is the library.
        search.found = unsafe {
            let handle = libc::dlopen(path.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
            match handle.is_null() {
                true => ptr::null_mut(),
                false => libc::dlsym(handle, search.name.as_ptr()),
            }
        };
        c_int::from(!search.found.is_null())
    }
    let mut search = Search {
        name,
        own: crate::objects::own().base,
        found: ptr::null_mut(),
    };
    // SAFETY: `look` keeps to the protocol, and `search` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    search.found
}

/// Declares functions with their own signatures, each with what it gives where the library
/// has none of this name.
macro_rules! questions {
    ($($name:ident($($arg:ident: $type:ty),*) -> $result:ty, or $none:expr;)*) => {
        $(
            /// # Safety
            /// As for the function itself.
            #[allow(non_snake_case, reason = "the name in C")]
            pub unsafe fn $name($($arg: $type),*) -> $result {
                static REAL: crate::symbols::Symbol = crate::symbols::Symbol::new(
                    match std::ffi::CStr::from_bytes_with_nul(
                        concat!(stringify!($name), "\0").as_bytes(),
                    ) {
                        Ok(name) => name,
                        Err(_) => panic!(),
                    },
                );
                let real = REAL.find();
                if real.is_null() {
                    return $none;
                }
                // SAFETY: the library's function of this name has this signature; the rest
                // is the caller's.
                unsafe {
                    let real = std::mem::transmute::<
                        *mut std::ffi::c_void,
                        unsafe extern "C" fn($($type),*) -> $result,
                    >(real);
                    real($($arg),*)
                }
            }
        )*
    };
}
pub(crate) use questions;
