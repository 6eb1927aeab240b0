//! Where the program and its libraries lie in memory.

use std::ffi::{c_int, c_void};
use std::ops::Range;

/// Where a library, or the program itself, lies in memory.
#[derive(Clone, Debug, Default)]
pub struct Object {
    pub base: usize,
    code: Vec<Range<usize>>,
}

impl Object {
    /// Whether this address is in its code.
    pub fn holds(&self, address: usize) -> bool {
        self.code.iter().any(|it| it.contains(&address))
    }
}

/// This library.
pub fn own() -> Object {
    object_with(own as fn() -> Object as usize)
}

/// The object that was loaded as the one with this number; the program is number 0.
pub fn nth_object(n: usize) -> Object {
    let mut seen = 0;
    find_object(&mut |_| {
        seen += 1;
        seen == n + 1
    })
}

/// The object whose code holds an address.
pub fn object_with(address: usize) -> Object {
    find_object(&mut |object| object.holds(address))
}

fn find_object(wanted: &mut dyn FnMut(&Object) -> bool) -> Object {
    struct Search<'a> {
        wanted: &'a mut dyn FnMut(&Object) -> bool,
        found: Object,
    }
    unsafe extern "C" fn look(
        info: *mut libc::dl_phdr_info,
        _: usize,
        search: *mut c_void,
    ) -> c_int {
        // SAFETY: the linker hands over a valid description, and what we gave it.
        let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
        let base = info.dlpi_addr as usize;
        let count = usize::from(info.dlpi_phnum);
        let code = (0..count).filter_map(|n| {
            // SAFETY: there are `dlpi_phnum` headers.
            let header = unsafe { &*info.dlpi_phdr.add(n) };
            let start = base.wrapping_add(header.p_vaddr as usize);
            let runs = header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0;
            runs.then_some(start..start.wrapping_add(header.p_memsz as usize))
        });
        let object = Object {
            base,
            code: code.collect(),
        };
        if (search.wanted)(&object) {
            search.found = object;
            return 1;
        }
        0
    }
    let mut search = Search {
        wanted,
        found: Object::default(),
    };
    // SAFETY: `look` keeps to the protocol, and `search` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    search.found
}
