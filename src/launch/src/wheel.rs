//! An MPI without root: from the wheels of Python's package index, in private environments
//! below `target/rootless`, with an HDF5 that chapter 5's own code builds.
//!
//! Which MPI comes from there is decided by `setup.sh` (its part `rootless.sh`), which also
//! fetches the wheels. Here is what then follows for builds and runs.

use std::path::{Path, PathBuf};

use crate::mpi::Mpi;
use crate::output_of;

/// An MPI that comes from a wheel.
#[derive(Clone, Debug)]
pub struct Wheel {
    mpi: Mpi,
    root: PathBuf,
    /// `target/rootless`
    home: PathBuf,
}

impl Wheel {
    /// The wheel of `mpi`, if the workbook at `root` takes this MPI from there.
    pub fn chosen(root: &Path, mpi: Mpi) -> Option<Wheel> {
        let home = home(root);
        let mark = home.join(format!("{}.chosen", mpi.name()));
        let root = root.to_owned();
        mark.is_file().then_some(Wheel { mpi, root, home })
    }

    /// Its environment: a folder with `bin`, `include` and `lib`.
    pub fn folder(&self) -> PathBuf {
        self.home.join(self.mpi.name())
    }

    /// The path of one of its programs: `mpirun`, `mpicc`.
    pub fn program(&self, name: &str) -> String {
        self.folder().join("bin").join(name).display().to_string()
    }

    /// The HDF5 that was built for it, if it was.
    pub fn hdf5(&self) -> Option<PathBuf> {
        let folder = self.hdf5_link();
        folder.join("include/hdf5.h").is_file().then_some(folder)
    }

    /// The name by which it is found: it stays the same when HDF5's version does not.
    pub fn hdf5_link(&self) -> PathBuf {
        hdf5_folder(&self.home).join(self.mpi.name())
    }

    /// What a build with it needs in its environment besides `MPICC` and `HDF5_DIR`: libclang
    /// from its wheel, the headers of the C compiler, which the wheel lacks, and the folder of
    /// MPI's library, which the programs need to know when they run.
    pub fn build_environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = vec![(
            "MPI_RUN_PATH",
            self.folder().join("lib").display().to_string(),
        )];
        environment.extend(libclang(&self.root));
        environment
    }

    /// The cure for one that does not work.
    pub fn anew(&self) -> String {
        let name = self.mpi.name();
        format!(
            "make it anew: `rm -rf target/rootless/{name} target/rootless/tools \
             target/rootless/hdf5 && make chapter-1 MPI={name}`"
        )
    }
}

fn home(root: &Path) -> PathBuf {
    root.join("target/rootless")
}

fn hdf5_folder(home: &Path) -> PathBuf {
    home.join("hdf5")
}

/// Where chapter 5 builds HDF5 for `mpi`: with a wheel's compiler elsewhere than with the
/// system's, because that is another library.
pub fn folder_for_hdf5(root: &Path, mpi: Mpi) -> PathBuf {
    match Wheel::chosen(root, mpi) {
        Some(wheel) => hdf5_folder(&wheel.home),
        None => root.join("target/hdf5"),
    }
}

/// A program of the environment `tools` (CMake, Ninja), if it is there.
pub fn tool(root: &Path, name: &str) -> Option<String> {
    let program = home(root).join("tools/bin").join(name);
    program.is_file().then(|| program.display().to_string())
}

/// The variables with which bindgen finds libclang's wheel, and the C compiler's own headers,
/// if an MPI comes from a wheel.
pub fn libclang(root: &Path) -> Vec<(&'static str, String)> {
    if !Mpi::ALL
        .into_iter()
        .any(|mpi| Wheel::chosen(root, mpi).is_some())
    {
        return Vec::new();
    }
    // tools/lib/python3.11/site-packages/clang/native/libclang.so
    let entries = std::fs::read_dir(home(root).join("tools/lib"));
    let folder = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|it| it.path().join("site-packages/clang/native"))
        .find(|it| it.is_dir());
    let folder = folder.map(|it| ("LIBCLANG_PATH", it.display().to_string()));
    // GCC answers with the folder; Clang with the folder above it.
    let headers = ["-print-file-name=include", "-print-resource-dir"]
        .into_iter()
        .filter_map(|option| output_of("cc", &[option]))
        .flat_map(|says| {
            let says = PathBuf::from(says.trim());
            [says.clone(), says.join("include")]
        })
        .find(|it| it.join("stddef.h").is_file());
    let headers = headers.map(|it| {
        let option = shell_words::join([format!("-I{}", it.display())]);
        ("BINDGEN_EXTRA_CLANG_ARGS", option)
    });
    folder.into_iter().chain(headers).collect()
}
