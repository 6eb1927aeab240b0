//! `make test`: all tests, with one MPI.

use std::path::Path;

use anyhow::{Context, Result};
use launch::cargo::{Chatter, cargo};
use launch::{Toolchain, cargo_config, cores, output_of};

/// Runs `cargo test` with this MPI and HDF5, in its own target folder; the examples of the library's
/// documentation on three ranks. `args` are more arguments for `cargo test`; all tests if there are
/// none.
///
/// # Errors
/// If cargo cannot be run.
pub fn run(root: &Path, toolchain: &Toolchain, args: &[String]) -> Result<bool> {
    cargo_config::write(root)?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let parts = match args.as_slice() {
        [] => vec![
            vec!["--lib", "--bins", "--tests"],
            vec!["--doc", "--package", "parallel-hdf5"],
        ],
        given => vec![given.to_vec()],
    };
    let mut passed = true;
    for part in parts {
        let mut options = match part.contains(&"--doc") {
            true => for_doc_tests(root, toolchain)?,
            false => Vec::new(),
        };
        // Cargo leaves the variable as it is where the reader has set it.
        options.extend([
            "--config".to_owned(),
            format!("env.RUST_TEST_THREADS=\"{}\"", at_a_time()),
        ]);
        let mut all = vec!["--no-fail-fast"];
        all.extend(options.iter().map(String::as_str));
        all.extend(part);
        passed &= cargo(root, toolchain, "test", &all, Chatter::Always)?;
    }
    Ok(passed)
}

/// How many tests of a file run at a time: twice as many as there are cores, because a test
/// waits as long as it computes, for launchers and for runs that hang.
fn at_a_time() -> usize {
    2 * cores()
}

/// Options with which cargo runs the examples of the library's documentation on three ranks, and has
/// them write where all programs do, not in the folder of the package.
fn for_doc_tests(root: &Path, toolchain: &Toolchain) -> Result<Vec<String>> {
    let rustc = output_of("rustc", &["-vV"]).unwrap_or_default();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc -vV does not say for which machine it compiles")?;
    let launcher = &toolchain.launcher;
    Ok(vec![
        "--config".to_owned(),
        format!("target.{host}.runner = [\"{launcher}\", \"-n\", \"3\"]"),
        "--config".to_owned(),
        format!("env.WORKBOOK_DATA={:?}", root.join("target/data")),
    ])
}
