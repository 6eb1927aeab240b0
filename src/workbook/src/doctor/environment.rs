//! What surrounds MPI and HDF5: Rust, the C compiler, the cores, settings, and what is
//! wanted only now and then.

use std::path::Path;

use anyhow::{Context, Result};
use launch::on_path;
use launch::{Mpi, cargo_config, output_of};

use super::machine::{Machine, Report, version_of};
use super::mpi::{WorkingMpi, major};

/// The names under which a browser is found that can run without a window.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Rust is new enough.
///
/// `setup.sh` looks as well, because a Rust that is too old cannot build the doctor.
pub(super) fn rust(machine: &Machine, report: &mut Report) -> Result<()> {
    let manifest = std::fs::read_to_string(machine.root.join("Cargo.toml"))?;
    let manifest: toml::Table = manifest.parse()?;
    let least = manifest
        .get("package")
        .and_then(|it| it.get("rust-version"))
        .and_then(|it| it.as_str())
        .context("Cargo.toml names no rust-version")?;
    // A terminal that was open before Rust was installed does not know it yet.
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let rustup = home
        .ok()
        .filter(|home| Path::new(home).join("bin/rustup").is_file());
    let cure = match (&rustup, on_path("rustup")) {
        (_, Some(_)) => "`rustup update stable`".to_owned(),
        (Some(home), None) => {
            format!("rustup's is here: `. {home}/env && rustup update stable`")
        }
        (None, None) => {
            format!("install Rust {least} or newer with rustup (https://rustup.rs)")
        }
    };
    for tool in ["cargo", "rustc"] {
        match (on_path(tool), version_of(tool)) {
            (Some(_), Some(version)) if at_least(&version, least) => {
                if tool == "rustc" && !report.is_wrong("rust") {
                    report.ok(
                        "rust",
                        format!("Rust {version} ({least} or newer is needed)"),
                    );
                }
            }
            (Some(path), Some(version)) => {
                let path = path.display();
                report.wrong(
                    "rust",
                    format!(
                        "Rust is too old: {path} is {version}, {least} or newer is needed"
                    ),
                    vec![cure],
                );
                return Ok(());
            }
            (path, _) => {
                let says = match path {
                    Some(path) => format!("{} does not work", path.display()),
                    None => format!("there is no `{tool}` on the PATH"),
                };
                report.wrong("rust", format!("no Rust: {says}"), vec![cure]);
                return Ok(());
            }
        }
    }
    Ok(())
}

fn at_least(version: &str, least: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        text.split('.').map(|it| it.parse().unwrap_or(0)).collect()
    };
    numbers(version) >= numbers(least)
}

/// A C compiler, with which Rust links, and MPI's `mpicc` compiles; and pkg-config.
pub(super) fn c_compiler(machine: &Machine, report: &mut Report) {
    match on_path("cc").and_then(|_| output_of("cc", &["--version"])) {
        Some(says) => {
            let first = says.lines().next().unwrap_or_default().trim();
            report.ok("c-compiler", format!("C compiler: {first}"));
        }
        None => report.wrong(
            "c-compiler",
            "no C compiler: there is no `cc` on the PATH, and Rust links with it",
            vec![machine.provide("rust", "a C compiler", |it| it.join("cc").exists())],
        ),
    }
    if on_path("pkg-config").is_none() {
        let is_it = |it: &Path| it.join("pkg-config").exists();
        report.note(
            "no-pkg-config",
            "no pkg-config; the workbook does without, and other projects with HDF5 or MPI do not",
            vec![machine.provide(machine.request.mpi.name(), "pkg-config", is_it)],
        );
    }
}

/// Enough cores for the ranks.
pub(super) fn cores(
    machine: &Machine,
    report: &mut Report,
    mpi: Option<&WorkingMpi>,
) -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    let ranks = machine.ranks()?;
    if ranks <= cores {
        report.ok("cores", format!("{cores} cores for {ranks} ranks"));
        return Ok(());
    }
    let says =
        format!("{ranks} ranks on {cores} cores: they take turns, which works, slower");
    // MPICH starts any number of ranks unasked.
    let asked = (machine.request.mpi == Mpi::OpenMpi)
        .then_some(mpi)
        .flatten()
        .map(|working| {
            let variable = match major(&working.version) {
                0..=4 => "OMPI_MCA_rmaps_base_oversubscribe=1",
                _ => "PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe",
            };
            format!(
                "by hand, Open MPI wants to be told that this is meant: `export {variable}`"
            )
        });
    report.note("cores", says, asked.into_iter().collect());
    Ok(())
}

/// What plain `cargo` and an editor build with.
pub(super) fn cargo_config(machine: &Machine, report: &mut Report) {
    let file = machine.root.join(".cargo/config.toml");
    match std::fs::read_to_string(&file) {
        Err(_) => report.note(
            "cargo-config",
            "no .cargo/config.toml yet, so plain `cargo build` and editors may take another \
             MPI or HDF5",
            vec!["`make chapter-1` writes it".to_owned()],
        ),
        Ok(text) if cargo_config::is_ours(&text) => report.ok(
            "cargo-config",
            "plain `cargo build` and editors use what .cargo/config.toml says, which the \
             workbook wrote",
        ),
        Ok(_) => report.note(
            "cargo-config",
            ".cargo/config.toml is your own, so the workbook leaves it alone, and plain `cargo \
             build` follows it",
            vec![
                "to have it written by the workbook: `mv .cargo/config.toml \
                 .cargo/config.toml.mine && make chapter-1`"
                    .to_owned(),
            ],
        ),
    }
}

/// Variables that lead a build away from the MPI and the HDF5 in use.
pub(super) fn environment(machine: &Machine, report: &mut Report) {
    for name in ["MPI_PKG_CONFIG", "CRAY_MPICH_DIR"] {
        if let Ok(value) = std::env::var(name) {
            report.wrong(
                "environment",
                format!("{name}={value}: the crate `mpi` builds with that, whatever mpicc is here"),
                vec![format!("`unset {name}`")],
            );
        }
    }
    // `make doctor` runs under cargo, which sets what .cargo/config.toml says: those do not
    // come from the reader.
    let file = std::fs::read_to_string(machine.root.join(".cargo/config.toml"));
    let config: toml::Table = file.ok().and_then(|it| it.parse().ok()).unwrap_or_default();
    for name in ["MPICC", "HDF5_DIR"] {
        let Ok(value) = std::env::var(name) else {
            continue;
        };
        let configured = config
            .get("env")
            .and_then(|it| it.get(name))
            .and_then(|it| it.as_str());
        if configured != Some(&value) {
            report.note(
                "environment",
                format!(
                    "{name}={value}: plain `cargo build` follows it rather than \
                     .cargo/config.toml; the commands of the Makefile do not"
                ),
                vec![format!("`unset {name}`")],
            );
        }
    }
}

/// What only some commands need. They install it themselves.
pub(super) fn optional(machine: &Machine, report: &mut Report) {
    let python = "from importlib.util import find_spec as find; import h5py, mpi4py; \
                  print(h5py.__version__, 'taken' if h5py.get_config().mpi \
                  else 'there' if find('h5py._debian_h5py_mpi') else 'none')";
    let says = output_of("/usr/bin/python3", &["-c", python]).unwrap_or_default();
    let install = |need: &str| machine.install(need).into_iter().collect::<Vec<_>>();
    match says.trim().split_once(' ') {
        Some((version, "taken")) => report.ok("h5py", format!("h5py {version} for MPI")),
        // Debian has both, and chooses by variables that mpirun sets and srun does not.
        Some((version, "there")) => report.ok(
            "h5py",
            format!(
                "h5py {version} for MPI; Debian's `import h5py` takes the serial one under \
                 `srun`, unless you `export H5PY_ALWAYS_USE_MPI=1`"
            ),
        ),
        _ => report.note(
            "h5py",
            "no h5py for MPI: wanted only for the Python programs beside the Rust ones",
            install("python"),
        ),
    }
    match BROWSERS.into_iter().find_map(on_path) {
        Some(path) => report.ok(
            "browser",
            format!("a browser for the book's tests ({})", path.display()),
        ),
        None => report.note(
            "browser",
            "no Chromium: wanted only by `make test`, which looks at the book with it",
            install("browser"),
        ),
    }
}
