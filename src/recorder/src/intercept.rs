//! What is done before and after each call.

use std::cell::Cell;

use record::Call;

use crate::thread::{self, now, quietly};
use crate::{bytes, hdf5, mpi, stack, writer};

/// What a wrapped function is, and what its arguments mean.
#[derive(Clone, Copy)]
pub enum What {
    /// Of MPI.
    Mpi(mpi::Spec),
    /// Of HDF5: says what it is called for, or that this is not worth a line.
    Hdf5(fn(&[usize], &mut Call) -> bool),
}

impl What {
    fn is_mpi(&self) -> bool {
        matches!(self, What::Mpi(_))
    }

    /// Whether it reads or writes files, perhaps.
    fn is_of_files(&self) -> bool {
        match self {
            What::Mpi(spec) => spec.is_of_files(),
            What::Hdf5(_) => true,
        }
    }

    /// Whether it ends only when other ranks do their part.
    fn waits(&self, name: &str) -> bool {
        match self {
            What::Mpi(spec) => spec.waits(name),
            What::Hdf5(_) => false,
        }
    }

    /// Whether this result is one of a call that succeeded.
    fn succeeded(&self, result: usize) -> bool {
        match self {
            What::Mpi(_) => result as i32 == 0,
            // An id or a status, of 8 or 4 bytes; both are negative in case of an error.
            // The upper half of a status that is not negative may hold anything.
            What::Hdf5(_) => (result as i32) >= 0 || (result as i64) > i64::from(u32::MAX),
        }
    }

    /// What the function gives if no library has it, which cannot be if it was called.
    pub fn failure(&self) -> usize {
        match self {
            What::Mpi(_) => 15, // MPI_ERR_OTHER or nearly so
            What::Hdf5(_) => usize::MAX,
        }
    }
}

thread_local! {
    /// How many calls this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// The innermost one of MPI, and how deep it is.
    static MPI: Cell<Option<(&'static str, u32)>> = const { Cell::new(None) };
    /// In a call that waits for other ranks.
    static WAITING: Cell<bool> = const { Cell::new(false) };
    /// For how many microseconds the outermost call has waited so far.
    static WAITED: Cell<u64> = const { Cell::new(0) };
}

/// Calls the real function, and writes down the call if it is an outermost one.
#[inline(never)]
pub fn around(
    name: &'static str,
    what: What,
    args: &[usize],
    real: impl FnOnce() -> usize,
) -> usize {
    if !writer::active() {
        return real();
    }
    let depth = DEPTH.get() + 1;
    DEPTH.set(depth);
    let outer_mpi = MPI.get();
    if what.is_mpi() {
        MPI.set(Some((name, depth)));
    }
    let result;
    if depth == 1 {
        let entered = quietly(|| enter(name, what, args));
        thread::set_seq(entered.unwrap_or(0));
        writer::show(thread::seq(), depth, MPI.get());
        quietly(|| before(name, args));
        WAITED.set(0);
        result = measured(name, what, real);
        let ended = now();
        let ok = what.succeeded(result);
        quietly(|| {
            bytes::flush();
            if ok {
                after(name, args, result);
            }
            if thread::seq() != 0 {
                writer::leave(thread::seq(), ok, ended, WAITED.get());
            }
            finish(name, ok);
        });
        thread::set_seq(0);
    } else {
        writer::show(thread::seq(), depth, MPI.get());
        quietly(|| before(name, args));
        result = measured(name, what, real);
    }
    MPI.set(outer_mpi);
    DEPTH.set(depth - 1);
    writer::show(thread::seq(), depth - 1, outer_mpi);
    result
}

/// Calls the real function, and finds out for how long it waits for other ranks.
fn measured(name: &str, what: What, real: impl FnOnce() -> usize) -> usize {
    let inside = what.is_of_files().then(bytes::enter);
    let result = if !WAITING.get() && what.waits(name) {
        WAITING.set(true);
        let (began, spent) = (now(), bytes::spent());
        let result = real();
        let on_files = bytes::spent() - spent;
        WAITED.set(WAITED.get() + (now() - began).saturating_sub(on_files));
        WAITING.set(false);
        result
    } else {
        real()
    };
    if let Some(before) = inside {
        bytes::leave(before);
    }
    result
}

/// Writes that an outermost call begins; 0 if it is not worth a line.
fn enter(name: &'static str, what: What, args: &[usize]) -> u64 {
    let mut call = Box::new(Call {
        name: name.to_owned(),
        at: now(),
        ..Call::default()
    });
    let tell = match what {
        What::Mpi(spec) => {
            spec.describe(name, args, &mut call);
            name != "MPI_Abort"
        }
        What::Hdf5(describe) => hdf5::without_complaints(|| describe(args, &mut call)),
    };
    if !tell {
        return 0;
    }
    let stack = stack::stack();
    // HDF5 functions that are not wrapped call MPI too.
    if what.is_mpi() && stack.from_hdf5 {
        return 0;
    }
    writer::enter(call, stack.frames)
}

/// What must be known before the call, at any depth.
fn before(name: &str, args: &[usize]) {
    match name {
        "MPI_Abort" => mpi::aborting(args),
        // MPI_Send, MPI_Isend and so on
        _ if name.starts_with("MPI_") && name.ends_with("end") && DEPTH.get() == 1 => {
            mpi::sending();
        }
        "MPI_Comm_free" | "MPI_Comm_disconnect" => mpi::forget(args[0]),
        _ => {}
    }
}

/// What is learnt from an outermost call that succeeded.
fn after(name: &str, args: &[usize], result: usize) {
    match name {
        "MPI_Init" | "MPI_Init_thread" => mpi::started(),
        "MPI_File_open" => mpi::opened(args),
        "MPI_File_set_view" => mpi::view_set(args),
        "H5Fcreate" | "H5Fopen" => hdf5::opened(args, result as i64),
        "H5Pset_fapl_mpio" => hdf5::fapl_set(args),
        "H5Pcopy" => hdf5::fapl_copied(args, result as i64),
        "H5Pclose" => hdf5::fapl_closed(args),
        "H5Fget_access_plist" => hdf5::fapl_of_file(args, result as i64),
        "H5Lmove" | "H5Ldelete" => hdf5::names_changed(),
        "H5Dwrite" | "H5Dread" if thread::seq() != 0 => {
            if let Some(honoured) = hdf5::honoured(args) {
                writer::honoured(thread::seq(), honoured);
            }
        }
        _ => {}
    }
}

fn finish(name: &str, ok: bool) {
    if name == "MPI_Finalize" && ok {
        mpi::finalized();
    }
}
