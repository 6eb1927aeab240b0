//! Lists the files of the exercises: a new one needs no entry anywhere.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let chapters = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../chapters");
    let mut modules = String::new();
    for chapter in fs::read_dir(chapters.canonicalize()?)? {
        let folder = chapter?.path().join("exercises");
        let Ok(files) = fs::read_dir(&folder) else {
            continue;
        };
        println!("cargo::rerun-if-changed={}", folder.display());
        for file in files {
            let path = file?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // 2-columns.rs, but neither check.rs nor what a reset has kept
            let is_exercise = name.starts_with(|it: char| it.is_ascii_digit())
                && name.matches('.').count() == 1
                && name.ends_with(".rs");
            if is_exercise {
                let index = modules.lines().count();
                let _ = writeln!(modules, "#[path = {path:?}] mod exercise_{index};");
            }
        }
    }
    fs::write(
        Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("files.rs"),
        modules,
    )
}
