//! Programs of this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{AccessFlags, access};

/// How many things that compute can be done at the same time.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The program that a shell would start: a file that is named with its folder, else the first of
/// this name in a folder of the `PATH`.
pub fn on_path(program: impl AsRef<Path>) -> Option<PathBuf> {
    in_folders(program.as_ref(), &[])
}

/// The same for an administrator's program; an ordinary account's `PATH` may lack its folder.
pub fn on_path_of_root(program: &str) -> Option<PathBuf> {
    in_folders(program.as_ref(), &["/usr/sbin", "/usr/local/sbin", "/sbin"])
}

fn in_folders(program: &Path, more: &[&str]) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return is_program(program).then(|| program.to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(more.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|it| is_program(it))
}

/// Whether this account may execute it.
pub fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

/// What a command prints on standard output, if it can be run and succeeds.
pub fn output_of(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
