//! What a learner's program may use up. It is not trusted: it may allocate without end, or
//! fill the disk.

use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::resource::{Resource, setrlimit};

/// How much memory each rank may have, in MiB.
pub const MEMORY: u64 = 1024;
/// How large a file may become, in MiB.
pub const FILE: u64 = 512;
/// How much all ranks together may print, in KiB.
pub const OUTPUT: usize = 1024;
/// How much the folder in which they work may hold, in MiB.
pub const FOLDER: u64 = 1024;
/// How much the record of all ranks may hold, in MiB; they could write there as well.
pub const RECORD: u64 = 512;
/// How many files and folders they may make.
pub const FILES: u64 = 20_000;
/// How much a compiler may say, in KiB.
pub const COMPLAINTS: usize = 8192;

const MIB: u64 = 1 << 20;

/// Limits a launcher, and with it the ranks that it starts.
pub fn of_a_run(command: &mut Command) {
    limit(
        command,
        [
            // Not the address space: MPI maps much that it never uses.
            (Resource::RLIMIT_DATA, MEMORY * MIB),
            (Resource::RLIMIT_FSIZE, FILE * MIB),
            (Resource::RLIMIT_CORE, 0),
        ],
    );
}

/// Limits a compiler: a file can make it compute, or expand a macro, without end.
pub fn of_a_compiler(command: &mut Command) {
    limit(
        command,
        [
            (Resource::RLIMIT_DATA, 4 * MEMORY * MIB),
            (Resource::RLIMIT_FSIZE, FILE * MIB),
            (Resource::RLIMIT_CORE, 0),
        ],
    );
}

fn limit(command: &mut Command, limits: [(Resource, u64); 3]) {
    // SAFETY: setrlimit is a system call and nothing more, and so async-signal-safe.
    unsafe {
        command.pre_exec(move || {
            for (resource, most) in limits {
                // It fails where less is allowed already, which is as good.
                let _ = setrlimit(resource, most, most);
            }
            Ok(())
        });
    }
}
