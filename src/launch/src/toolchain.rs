//! One MPI with one HDF5: what cargo must be told to build with them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use regex::Regex;

use crate::mpi::Mpi;
use crate::output_of;
use crate::wheel::Wheel;

/// One MPI with one HDF5, and the target folder where cargo builds for the two.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// Which MPI.
    pub mpi: Mpi,
    /// The launcher's name or path.
    pub launcher: String,
    /// The compiler wrapper's name or path.
    pub mpicc: String,
    /// The folder of the parallel HDF5 (with `include` and `lib`).
    pub hdf5: PathBuf,
    /// Where cargo builds: `target` for Open MPI with the system's HDF5, else below it.
    pub target: PathBuf,
    /// Where the MPI came from, if not from the system's packages.
    pub wheel: Option<Wheel>,
}

impl Toolchain {
    /// Finds `mpi` and its HDF5 on this machine. `hdf5` names another HDF5 to use.
    pub fn find(mpi: Mpi, root: &Path, hdf5: Option<&Path>) -> Result<Toolchain> {
        let Some(launcher) = mpi.launcher(root) else {
            bail!(
                "{mpi} is not installed (no mpirun of {mpi} on the PATH); \
                 `make doctor MPI={}` says what to do",
                mpi.name()
            )
        };
        let Some(mpicc) = mpi.compiler(root) else {
            bail!(
                "{mpi} has a launcher but no compiler here (no mpicc of {mpi} on the PATH); \
                 `make doctor MPI={}` says what to do",
                mpi.name()
            )
        };
        let wheel = Wheel::chosen(root, mpi);
        // The one that is taken anyway, by another name.
        let real = |dir: &Path| dir.canonicalize().ok();
        let other = hdf5.filter(|dir| {
            let own = wheel.as_ref().and_then(Wheel::hdf5);
            own.is_none_or(|own| real(&own) != real(dir))
        });
        let (hdf5, target) = match other {
            Some(dir) => {
                let dir = std::path::absolute(dir)?;
                if !dir.join("include/hdf5.h").is_file() {
                    bail!("{} holds no HDF5 (no include/hdf5.h)", dir.display());
                }
                let label: String = dir
                    .strip_prefix(root.join("target"))
                    .unwrap_or(&dir)
                    .to_string_lossy()
                    .chars()
                    .map(|c| {
                        if c.is_ascii_alphanumeric() || c == '.' {
                            c
                        } else {
                            '-'
                        }
                    })
                    .collect();
                let label = label.trim_matches('-').to_owned();
                (
                    dir,
                    root.join("target")
                        .join(format!("{}-with-{label}", mpi.name())),
                )
            }
            None => {
                let Some(dir) = mpi.system_hdf5(root) else {
                    bail!(
                        "no parallel HDF5 for {mpi} found; `make doctor MPI={}` says what \
                         to do",
                        mpi.name()
                    )
                };
                let target = match mpi {
                    Mpi::OpenMpi => root.join("target"),
                    Mpi::Mpich => root.join("target/mpich"),
                };
                (dir, target)
            }
        };
        Ok(Toolchain {
            mpi,
            launcher,
            mpicc,
            hdf5,
            target,
            wheel,
        })
    }

    /// What cargo needs in its environment to build for this MPI and HDF5.
    ///
    /// `MPICC` is read by `mpi-sys`, `HDF5_DIR` by `hdf5-metno-sys` and by our build
    /// script, `WORKBOOK_MPI` by the tests; with an MPI from a wheel, `LIBCLANG_PATH` and
    /// `BINDGEN_EXTRA_CLANG_ARGS` by bindgen, and `MPI_RUN_PATH` by our build script.
    pub fn build_environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = vec![
            ("MPICC", self.mpicc.clone()),
            ("HDF5_DIR", self.hdf5.display().to_string()),
            ("WORKBOOK_MPI", self.mpi.name().to_owned()),
            ("CARGO_TARGET_DIR", self.target.display().to_string()),
        ];
        if let Some(wheel) = &self.wheel {
            environment.extend(wheel.build_environment());
        }
        environment
    }

    /// The releases in use, by what the launcher and the header say:
    /// `["Open MPI 4.1.4", "HDF5 1.10.8"]`.
    pub fn releases(&self) -> [String; 2] {
        let hdf5 = hdf5_version(&self.hdf5.join("include"));
        let hdf5 = hdf5.unwrap_or_else(|| "of an unknown version".to_owned());
        [self.mpi.release(&self.launcher), format!("HDF5 {hdf5}")]
    }

    /// The options that make Open MPI use an implementation of MPI-IO, by the prefix of its name.
    /// ROMIO's name contains its version: `romio321` in Open MPI 4.1, `romio341` in 5.0.
    ///
    /// # Errors
    /// If this Open MPI has none of that name, or cannot be asked.
    pub fn io_options(&self, prefix: &str) -> Result<Vec<String>> {
        let ompi_info = match &self.wheel {
            Some(wheel) => wheel.program("ompi_info"),
            None => "ompi_info".to_owned(),
        };
        let info = output_of(&ompi_info, &["--parsable", "--param", "io", "all"])
            .context("cannot ask ompi_info for the implementations of MPI-IO")?;
        let component = info
            .lines()
            .filter_map(|line| line.strip_prefix("mca:io:")?.split(':').next())
            .find(|name| name.starts_with(prefix));
        match component {
            Some(name) => Ok(vec!["--mca".to_owned(), "io".to_owned(), name.to_owned()]),
            None => bail!("this Open MPI has no implementation of MPI-IO called {prefix}…"),
        }
    }

    /// The path of a program that was built for this MPI and HDF5.
    pub fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }
}

/// The version that HDF5's header in `include` states: `1.10.8`.
pub fn hdf5_version(include: &Path) -> Option<String> {
    let header = std::fs::read_to_string(include.join("H5public.h")).ok()?;
    let number = |name: &str| {
        let pattern = format!(r"(?m)^\s*#\s*define\s+H5_VERS_{name}\s+(\d+)");
        let pattern = Regex::new(&pattern).expect("the pattern is valid");
        pattern.captures(&header).map(|it| it[1].to_owned())
    };
    let (major, minor, release) = (number("MAJOR")?, number("MINOR")?, number("RELEASE")?);
    Some(format!("{major}.{minor}.{release}"))
}
