//! The MPI and the HDF5 that a run uses: where they are, and what cargo must be told.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use anyhow::{Result, bail};
use regex::Regex;

use crate::rootless::Wheel;

/// An implementation of MPI that the workbook knows how to build with and to launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mpi {
    /// Open MPI, 4.1 or newer.
    OpenMpi,
    /// MPICH, 4.0 or newer.
    Mpich,
}

impl Mpi {
    /// Both of them.
    pub const ALL: [Mpi; 2] = [Mpi::OpenMpi, Mpi::Mpich];

    /// The name that a reader gives: `make chapter-1 MPI=mpich`.
    pub fn name(self) -> &'static str {
        match self {
            Mpi::OpenMpi => "openmpi",
            Mpi::Mpich => "mpich",
        }
    }

    /// What its launcher's `--version` contains, and no other's does.
    fn signature(self) -> &'static [&'static str] {
        match self {
            Mpi::OpenMpi => &["Open MPI", "OpenRTE", "PRRTE"],
            Mpi::Mpich => &["HYDRA", "mpich"],
        }
    }

    /// Whether the launcher `program` belongs to this MPI, by what it says of itself.
    pub fn owns_launcher(self, program: &str) -> bool {
        let says = output_of(program, &["--version"]).unwrap_or_default();
        self.signature().iter().any(|it| says.contains(it))
    }

    /// Its name and version by what the launcher says: `Open MPI 4.1.4`, `MPICH 4.0.2`.
    pub fn release(self, launcher: &str) -> String {
        let says = output_of(launcher, &["--version"]).unwrap_or_default();
        let version = says.split_whitespace().find(|word| {
            word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.')
        });
        format!("{self} {}", version.unwrap_or("of an unknown version"))
    }

    /// The launcher: the wheel's, if that was chosen; `mpirun` if that is this MPI's, else the
    /// name Debian gives it.
    pub fn launcher(self) -> Option<String> {
        self.pick("mpirun", |program| self.owns_launcher(program))
    }

    /// Whether the compiler wrapper `program` belongs to this MPI: each has an option that
    /// the other refuses.
    pub fn owns_compiler(self, program: &str) -> bool {
        let own = match self {
            Mpi::OpenMpi => "-showme:version",
            Mpi::Mpich => "-compile-info",
        };
        output_of(program, &[own]).is_some()
    }

    /// The compiler wrapper: the wheel's, if that was chosen; `mpicc` if that is this MPI's,
    /// else the name Debian gives it.
    pub fn compiler(self) -> Option<String> {
        self.pick("mpicc", |program| self.owns_compiler(program))
    }

    fn pick(self, tool: &str, is_own: impl Fn(&str) -> bool) -> Option<String> {
        let names = match Wheel::chosen(self) {
            Some(wheel) => vec![wheel.program(tool)],
            None => vec![tool.to_owned(), format!("{tool}.{}", self.name())],
        };
        names.into_iter().find(|program| is_own(program))
    }

    /// The parallel HDF5 for this MPI, the system's or that which was built for the wheel: a
    /// folder with `include` and `lib`, or `None` if no such folder is known.
    pub fn system_hdf5(self) -> Option<PathBuf> {
        if let Some(wheel) = Wheel::chosen(self) {
            return wheel.hdf5();
        }
        let name = self.name();
        let mut candidates = Vec::new();
        // Debian and Ubuntu: /usr/lib/<triplet>/hdf5/openmpi
        if let Some(triplet) = output_of("gcc", &["-print-multiarch"]) {
            candidates.push(PathBuf::from(format!(
                "/usr/lib/{}/hdf5/{name}",
                triplet.trim()
            )));
        }
        // The same without gcc's help.
        let entries = std::fs::read_dir("/usr/lib")
            .into_iter()
            .flatten()
            .flatten();
        candidates.extend(entries.map(|it| it.path().join("hdf5").join(name)));
        // Fedora: /usr/lib64/openmpi holds lib; headers are elsewhere; Homebrew: a prefix.
        if self == Mpi::OpenMpi
            && let Some(prefix) = output_of("brew", &["--prefix", "hdf5-mpi"])
        {
            candidates.push(PathBuf::from(prefix.trim()));
        }
        candidates
            .into_iter()
            .find(|dir| dir.join("include/hdf5.h").is_file())
    }

    /// Environment that lets this MPI's launcher run here: as root in a container, with
    /// more ranks than cores, and without warnings about what containers forbid.
    ///
    /// Sources: `mpirun(1)` of Open MPI 4.1 ("Running as root", "Overloading");
    /// `prterun(1)` of PRRTE 3 (`--map-by :oversubscribe`). MPICH needs none.
    pub fn launch_environment(self) -> BTreeMap<&'static str, &'static str> {
        let mut environment = BTreeMap::new();
        if self == Mpi::OpenMpi {
            // Open MPI 4.1
            environment.insert("OMPI_MCA_rmaps_base_oversubscribe", "1");
            // Open MPI 5.0
            environment.insert("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe");
            // Ranks that wait give their core away; else 7 ranks on 2 cores crawl.
            environment.insert("OMPI_MCA_mpi_yield_when_idle", "1");
            // Containers forbid one process to read another's memory; Open MPI would
            // print a warning for each message and then do without.
            environment.insert("OMPI_MCA_btl_vader_single_copy_mechanism", "none");
            // All ranks are on this machine. Looking for networks between them is slow, and
            // Open MPI 5 complains loudly where a machine has only a loopback address.
            environment.insert("OMPI_MCA_btl", "^tcp,ofi");
            // What Open MPI takes then anyway. Else each rank first asks UCX and libfabric
            // for networks, which is more than half the time that a small run takes.
            environment.insert("OMPI_MCA_pml", "ob1");
            if nix::unistd::geteuid().is_root() {
                environment.insert("OMPI_ALLOW_RUN_AS_ROOT", "1");
                environment.insert("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
            }
        }
        environment
    }
}

impl fmt::Display for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mpi::OpenMpi => "Open MPI",
            Mpi::Mpich => "MPICH",
        })
    }
}

impl FromStr for Mpi {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Mpi::ALL
            .into_iter()
            .find(|mpi| mpi.name() == text)
            .ok_or_else(|| format!("MPI is `openmpi` or `mpich`, not `{text}`"))
    }
}

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
}

impl Toolchain {
    /// Finds `mpi` and its HDF5 on this machine. `hdf5` names another HDF5 to use.
    pub fn find(mpi: Mpi, root: &Path, hdf5: Option<&Path>) -> Result<Toolchain> {
        let Some(launcher) = mpi.launcher() else {
            bail!(
                "{mpi} is not installed (no mpirun of {mpi} on the PATH); \
                 `make doctor MPI={}` says what to do",
                mpi.name()
            )
        };
        let Some(mpicc) = mpi.compiler() else {
            bail!(
                "{mpi} has a launcher but no compiler here (no mpicc of {mpi} on the PATH); \
                 `make doctor MPI={}` says what to do",
                mpi.name()
            )
        };
        // The one that is taken anyway, by another name.
        let real = |dir: &Path| dir.canonicalize().ok();
        let other = hdf5.filter(|dir| {
            let own = Wheel::chosen(mpi).and_then(|it| it.hdf5());
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
                let Some(dir) = mpi.system_hdf5() else {
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
        if let Some(wheel) = Wheel::chosen(self.mpi) {
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

/// What a command prints on standard output, if it can be run and succeeds.
pub fn output_of(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
