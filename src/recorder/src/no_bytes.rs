//! In place of `bytes.rs` where an offset is wider than a register: nothing is written down.

pub fn find() {}
pub fn start() {}
pub fn stop() {}
pub fn flush() {}
pub fn leave(_: u32) {}

pub fn are_recorded() -> bool {
    false
}

pub fn enter() -> u32 {
    0
}

pub fn spent() -> u64 {
    0
}
