//! What this thread is at.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::writer;

thread_local! {
    /// The number of the outermost call.
    static SEQ: Cell<u64> = const { Cell::new(0) };
    /// In this library's own code.
    static OURS: Cell<bool> = const { Cell::new(false) };
}

/// The number of the outermost call that this thread is in; 0 if it is in none.
pub fn seq() -> u64 {
    SEQ.get()
}

/// This thread is in the call of this number from now on.
pub fn set_seq(seq: u64) {
    SEQ.set(seq);
}

/// Whether what this thread reads and writes is this library's own, not the program's.
pub fn is_ours() -> bool {
    OURS.get()
}

/// Does something of ours: `errno` stays as it is, and a panic ends nothing but the record.
pub fn quietly<T>(ours: impl FnOnce() -> T) -> Option<T> {
    let outer = OURS.replace(true);
    // SAFETY: the address of `errno` of this thread is always valid.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    let done = catch_unwind(AssertUnwindSafe(ours));
    if done.is_err() {
        writer::stop();
    }
    // SAFETY: as above.
    unsafe { *errno = before };
    OURS.set(outer);
    done.ok()
}

/// Microseconds, by a clock that all processes of the machine share.
pub fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the clock exists, and the time is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}
