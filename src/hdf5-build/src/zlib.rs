//! zlib from the source that a crate brings along, for a machine that has no header of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::compiler::Compiler;
use crate::job::{Count, Job};
use crate::source::crate_source;
use crate::stamp::Stamp;

/// The crate whose package holds zlib's source; `Cargo.lock` pins its version.
const CRATE: &str = "libz-sys";

/// What HDF5's deflate filter uses: all but the files that read and write `.gz` files.
const FILES: [&str; 11] = [
    "adler32", "compress", "crc32", "deflate", "infback", "inffast", "inflate", "inftrees",
    "trees", "uncompr", "zutil",
];

/// Builds it in `folder`, unless it is there already; a folder with `include` and `lib/libz.a`.
pub fn library(
    root: &Path,
    folder: &Path,
    compiler: &Compiler,
    job: &mut Job,
) -> Result<PathBuf> {
    let (home, package) = crate_source(root, "zlib-source", CRATE)?;
    let source = home.join("src/zlib");
    let prefix = folder.join(format!("zlib-{}", compiler.mpi.name()));
    let stamp = Stamp::new(&[&package, &compiler.version]);
    if stamp.is_on(&prefix) {
        return Ok(prefix);
    }
    Stamp::begin(&prefix)?;
    for part in ["include", "lib"] {
        std::fs::create_dir(prefix.join(part))
            .with_context(|| format!("cannot make {}", prefix.join(part).display()))?;
    }
    for header in ["zlib.h", "zconf.h"] {
        std::fs::copy(source.join(header), prefix.join("include").join(header))
            .with_context(|| format!("{package} has no {header}"))?;
    }
    let mut compile = Command::new(&compiler.mpicc);
    // Hidden, so that another zlib in the same process (Python's, say) is not taken for it.
    compile
        .args(["-O2", "-fPIC", "-fvisibility=hidden", "-DSTDC", "-c"])
        .args(FILES.map(|it| source.join(format!("{it}.c"))))
        .current_dir(prefix.join("lib"));
    job.step("Compiling zlib", compile, Count::Nothing)?;
    let mut pack = Command::new("ar");
    pack.args(["rcs", "libz.a"])
        .args(FILES.map(|it| format!("{it}.o")))
        .current_dir(prefix.join("lib"));
    job.step("Packing it", pack, Count::Nothing)?;
    stamp.put_on(&prefix)?;
    Ok(prefix)
}
