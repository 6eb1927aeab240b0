//! HDF5 from the source that a crate brings along, built by CMake and Ninja.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use launch::toolchain::hdf5_version;
use launch::{cores, output_of, wheel};
use regex::Regex;

use crate::compiler::{Compiler, Library, belongs_to};
use crate::job::{Count, Job};
use crate::source::crate_source;
use crate::stamp::Stamp;
use crate::zlib;

/// The crate whose package holds HDF5's source; `Cargo.lock` pins its version.
const CRATE: &str = "hdf5-metno-src";

/// The least CMake that HDF5 2.x asks for.
const LEAST_CMAKE: (u32, u32) = (3, 26);

/// What pip installs where the system's CMake is too old.
const TOOLS: &str = include_str!("cmake-requirements.txt");

// ANCHOR: options
/// HDF5's own options, from its `CMakeBuildOptions.cmake`: the library and its high-level
/// part (which h5py needs), and subfiling (chapter 9), but no tools, whose source the crate leaves out.
const OPTIONS: [&str; 15] = [
    "-DCMAKE_BUILD_TYPE=Release",
    "-DCMAKE_INSTALL_LIBDIR=lib",
    "-DHDF5_ENABLE_PARALLEL=ON",
    "-DHDF5_ENABLE_SUBFILING_VFD=ON",
    "-DHDF5_BUILD_HL_LIB=ON",
    "-DBUILD_SHARED_LIBS=ON",
    "-DBUILD_STATIC_LIBS=OFF",
    "-DBUILD_TESTING=OFF",
    "-DHDF5_BUILD_TOOLS=OFF",
    "-DHDF5_BUILD_UTILS=OFF",
    "-DHDF5_BUILD_EXAMPLES=OFF",
    "-DHDF5_BUILD_CPP_LIB=OFF",
    "-DHDF5_BUILD_FORTRAN=OFF",
    "-DHDF5_BUILD_JAVA=OFF",
    "-DHDF5_ENABLE_SZIP_SUPPORT=OFF",
];
// ANCHOR_END: options

/// Builds the library in `folder`, unless it is there already.
pub fn library(
    root: &Path,
    folder: &Path,
    compiler: &Compiler,
    release: Option<&str>,
) -> Result<Library> {
    let source = source(root)?;
    let version = source.version.clone();
    if let Some(release) = release.filter(|it| !belongs_to(&version, it)) {
        bail!(
            "HDF5={release} is not to be had. Without HDF5=… you get {version}, with HDF5=1.10 \
             (on Debian 12) or HDF5=1.14 (on Debian 13) the source that Debian has"
        );
    }
    let name = format!("{version}-{}", compiler.mpi.name());
    let (prefix, work) = (folder.join(&name), folder.join(format!("{name}-build")));
    let library = Library {
        version,
        prefix: prefix.clone(),
    };

    let mut job = Job::new(&folder.join(format!("{name}.log")))?;
    let mut options: Vec<String> = OPTIONS.map(str::to_owned).to_vec();
    options.push("-DHDF5_ENABLE_ZLIB_SUPPORT=ON".to_owned());
    if !has_zlib(&compiler.mpicc) {
        let zlib = zlib::library(root, folder, compiler, &mut job)?;
        let path = |part: &str| zlib.join(part).display().to_string();
        options.push(format!("-DZLIB_INCLUDE_DIR={}", path("include")));
        options.push(format!("-DZLIB_LIBRARY={}", path("lib/libz.a")));
    }
    options.push(format!("-DCMAKE_C_COMPILER={}", compiler.mpicc));
    options.push(format!("-DCMAKE_INSTALL_PREFIX={}", prefix.display()));
    let made_from = [&source.package, &compiler.version, &options.join(" ")];
    let stamp = Stamp::new(&made_from.map(String::as_str));
    if stamp.is_on(&prefix) {
        println!(
            "HDF5 {} for {} is built already: {}",
            library.version,
            compiler.mpi,
            prefix.strip_prefix(root).unwrap_or(&prefix).display()
        );
        return Ok(library);
    }

    let tools = Tools::find_or_install(root, folder, &mut job)?;
    // What is configured once is not configured again: Ninja goes on where it stopped.
    if !stamp.is_on(&work) {
        Stamp::begin(&work)?;
        let mut configure = Command::new(&tools.cmake);
        configure
            .arg("-S")
            .arg(&source.folder)
            .arg("-B")
            .arg(&work)
            .args(["-G", "Ninja"])
            .arg(format!("-DCMAKE_MAKE_PROGRAM={}", tools.ninja))
            .args(&options);
        let doing = format!("Configuring HDF5 {} for {}", library.version, compiler.mpi);
        job.step(&doing, configure, Count::Nothing)?;
        stamp.put_on(&work)?;
    }
    let mut compile = Command::new(&tools.ninja);
    compile
        .arg("-C")
        .arg(&work)
        .args(["-j", &cores().to_string()]);
    let doing = format!("Compiling HDF5 {}", library.version);
    job.step(&doing, compile, Count::Ninja)?;
    Stamp::begin(&prefix)?;
    let mut install = Command::new(&tools.ninja);
    install.arg("-C").arg(&work).arg("install");
    job.step("Installing it", install, Count::Nothing)?;
    stamp.put_on(&prefix)?;
    // Of no more use; the library stands by itself.
    let _ = std::fs::remove_dir_all(&work);
    Ok(library)
}

/// HDF5's source, and where it came from.
struct Source {
    folder: PathBuf,
    /// The version of HDF5: `2.2.0`.
    version: String,
    /// The package that holds it: `hdf5-metno-src 0.10.4`.
    package: String,
}

/// Finds HDF5's source.
fn source(root: &Path) -> Result<Source> {
    let (home, package) = crate_source(root, "hdf5-source", CRATE)?;
    let folder = home.join("ext/hdf5");
    let version = version_in(&folder)?;
    Ok(Source {
        folder,
        version,
        package,
    })
}

/// The version that HDF5's own header states.
fn version_in(source: &Path) -> Result<String> {
    hdf5_version(&source.join("src")).with_context(|| {
        format!("no source of HDF5 with its version in {}", source.display())
    })
}

/// Whether the compiler finds zlib's header.
fn has_zlib(mpicc: &str) -> bool {
    output_of(mpicc, &["-E", "-include", "zlib.h", "-x", "c", "/dev/null"]).is_some()
}

/// The programs that build HDF5.
struct Tools {
    cmake: String,
    ninja: String,
}

impl Tools {
    /// Those that came with an MPI from a wheel; else the system's if they are new enough,
    /// else pip's, in an environment below `folder`.
    fn find_or_install(root: &Path, folder: &Path, job: &mut Job) -> Result<Tools> {
        if let (Some(cmake), Some(ninja)) =
            (wheel::tool(root, "cmake"), wheel::tool(root, "ninja"))
        {
            return Ok(Tools { cmake, ninja });
        }
        let says = output_of("cmake", &["--version"]).unwrap_or_default();
        if is_new_enough(&says) && output_of("ninja", &["--version"]).is_some() {
            return Ok(Tools {
                cmake: "cmake".to_owned(),
                ninja: "ninja".to_owned(),
            });
        }
        let home = folder.join("cmake-and-ninja");
        let stamp = Stamp::new(&[TOOLS]);
        if !stamp.is_on(&home) {
            Stamp::begin(&home)?;
            let has = says.lines().next().unwrap_or("there is none here");
            eprintln!(
                "HDF5 2.x asks for CMake {}.{} or newer ({has}): taking CMake and Ninja from \
                 Python's package index, into {}",
                LEAST_CMAKE.0,
                LEAST_CMAKE.1,
                home.display()
            );
            pip_environment(&home, TOOLS, job)?;
            stamp.put_on(&home)?;
        }
        let program = |name: &str| home.join("bin").join(name).display().to_string();
        Ok(Tools {
            cmake: program("cmake"),
            ninja: program("ninja"),
        })
    }
}

fn is_new_enough(says: &str) -> bool {
    let pattern = Regex::new(r"cmake version (\d+)\.(\d+)").expect("the pattern is valid");
    pattern.captures(says).is_some_and(|it| {
        let number = |part: usize| it[part].parse::<u32>().unwrap_or(0);
        (number(1), number(2)) >= LEAST_CMAKE
    })
}

/// Makes a private Python environment at `home`, with the packages that `requirements`
/// names, from wheels (nothing is compiled).
pub fn pip_environment(home: &Path, requirements: &str, job: &mut Job) -> Result<()> {
    // The system's own Python: one from elsewhere on the PATH may be gone tomorrow.
    let system = Path::new("/usr/bin/python3");
    let python = if system.is_file() {
        system
    } else {
        Path::new("python3")
    };
    let mut venv = Command::new(python);
    venv.args(["-m", "venv"]).arg(home);
    job.step("Making a Python environment", venv, Count::Nothing)?;
    let list = home.join("requirements.txt");
    std::fs::write(&list, requirements)
        .with_context(|| format!("cannot write {}", list.display()))?;
    let mut pip = Command::new(home.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--quiet",
    ])
    .args(["--only-binary", ":all:", "--requirement"])
    .arg(&list);
    job.step("Installing Python packages", pip, Count::Nothing)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_an_old_cmake_from_a_new_one() {
        assert!(!is_new_enough("cmake version 3.25.1\n"));
        assert!(is_new_enough("cmake version 3.26.0\n"));
        assert!(is_new_enough("cmake version 4.1.2\n"));
        assert!(!is_new_enough(""));
    }

    #[test]
    fn reads_the_version_in_the_source() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        let text = "#define H5_VERS_MAJOR 2\n#define H5_VERS_MINOR   2 /* x */\n\
                    #define H5_VERS_RELEASE 0\n";
        std::fs::write(folder.path().join("src/H5public.h"), text).unwrap();
        assert_eq!(version_in(folder.path()).unwrap(), "2.2.0");
        assert!(version_in(&folder.path().join("src")).is_err());
    }
}
