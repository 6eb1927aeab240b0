//! The implementations of MPI that the workbook knows, and where they are on this machine.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::output_of;

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

    /// Whether the compiler wrapper `program` belongs to this MPI: each has an option that
    /// the other refuses.
    pub fn owns_compiler(self, program: &str) -> bool {
        let own = match self {
            Mpi::OpenMpi => "-showme:version",
            Mpi::Mpich => "-compile-info",
        };
        output_of(program, &[own]).is_some()
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
