//! Who called: the return addresses that lie in the program.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use crate::objects::{self, Object};

/// No more frames are kept of a stack: the outermost.
const FRAMES: usize = 32;
/// No stack is followed further.
const DEEPEST: usize = 512;

/// The stack of a call.
#[derive(Debug, Default)]
pub struct Stack {
    /// The return addresses in the program, innermost first, relative to its base.
    pub frames: Vec<u64>,
    /// True if HDF5 made the call, not the program.
    pub from_hdf5: bool,
}

#[derive(Debug)]
struct Walk {
    objects: &'static Objects,
    stack: Stack,
    steps: usize,
    beyond_us: bool,
}

#[derive(Debug, Default)]
struct Objects {
    program: Object,
    own: Object,
    hdf5: Object,
}

/// Follows the stack up from here.
pub fn stack() -> Stack {
    let mut walk = Walk {
        objects: objects(),
        stack: Stack::default(),
        steps: 0,
        beyond_us: false,
    };
    // SAFETY: `step` keeps to the protocol, and `walk` outlives the call.
    unsafe { _Unwind_Backtrace(step, (&raw mut walk).cast()) };
    let mut stack = walk.stack;
    let surplus = stack.frames.len().saturating_sub(FRAMES);
    stack.frames.drain(..surplus);
    stack
}

fn objects() -> &'static Objects {
    static OBJECTS: OnceLock<Objects> = OnceLock::new();
    OBJECTS.get_or_init(|| Objects {
        program: objects::nth_object(0),
        own: objects::own(),
        hdf5: match crate::hdf5::some_function() {
            0 => Object::default(),
            address => objects::object_with(address),
        },
    })
}

unsafe extern "C" fn step(context: *mut c_void, walk: *mut c_void) -> c_int {
    const GO_ON: c_int = 0;
    const STOP: c_int = 4; // _URC_NORMAL_STOP
    // SAFETY: the unwinder hands over what we gave it.
    let walk = unsafe { &mut *walk.cast::<Walk>() };
    // SAFETY: the context is the unwinder's.
    let address = unsafe { _Unwind_GetIP(context) };
    walk.steps += 1;
    if address == 0 || walk.steps > DEEPEST {
        return STOP;
    }
    if !walk.beyond_us {
        if walk.objects.own.holds(address) {
            return GO_ON;
        }
        walk.beyond_us = true;
        walk.stack.from_hdf5 = walk.objects.hdf5.holds(address);
    }
    if walk.objects.program.holds(address) {
        let base = walk.objects.program.base;
        walk.stack.frames.push((address - base) as u64);
    }
    GO_ON
}

// The unwinder that Rust's own library links.
unsafe extern "C" {
    fn _Unwind_Backtrace(
        step: unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
}
