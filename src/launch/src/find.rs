//! Where an MPI and its HDF5 are on this machine.

use std::path::{Path, PathBuf};

use crate::mpi::Mpi;
use crate::output_of;
use crate::wheel::Wheel;

impl Mpi {
    /// The launcher: the wheel's, if that was chosen in the workbook at `root`; `mpirun` if that is this MPI's, else the
    /// name Debian gives it.
    pub fn launcher(self, root: &Path) -> Option<String> {
        self.pick(root, "mpirun", |program| self.owns_launcher(program))
    }

    /// The compiler wrapper: the wheel's, if that was chosen; `mpicc` if that is this MPI's,
    /// else the name Debian gives it.
    pub fn compiler(self, root: &Path) -> Option<String> {
        self.pick(root, "mpicc", |program| self.owns_compiler(program))
    }

    fn pick(
        self,
        root: &Path,
        tool: &str,
        is_own: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let names = match Wheel::chosen(root, self) {
            Some(wheel) => vec![wheel.program(tool)],
            None => vec![tool.to_owned(), format!("{tool}.{}", self.name())],
        };
        names.into_iter().find(|program| is_own(program))
    }

    /// The parallel HDF5 for this MPI, the system's or that which was built for the wheel: a
    /// folder with `include` and `lib`, or `None` if no such folder is known.
    pub fn system_hdf5(self, root: &Path) -> Option<PathBuf> {
        if let Some(wheel) = Wheel::chosen(root, self) {
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
}
