//! libclang, which reads `mpi.h` when the crate `mpi` is built.

use std::ffi::{CStr, CString, c_char, c_int, c_ulong};
use std::path::PathBuf;

use clang_sys::{
    CXDiagnostic_Error, CXString, CXTranslationUnit_None, CXUnsavedFile, clang_createIndex,
    clang_disposeDiagnostic, clang_disposeIndex, clang_disposeString,
    clang_disposeTranslationUnit, clang_getCString, clang_getClangVersion,
    clang_getDiagnostic, clang_getDiagnosticSeverity, clang_getDiagnosticSpelling,
    clang_getNumDiagnostics, clang_parseTranslationUnit,
};

use launch::on_path;

use super::machine::{Machine, Report, first_version};

/// Looks for libclang as bindgen does, by the same crate, and lets it read a header.
pub(super) fn check(machine: &Machine, report: &mut Report) {
    let given = std::env::var("LIBCLANG_PATH").ok();
    if let Err(why) = clang_sys::load() {
        let mut cures = Vec::new();
        let says = match &given {
            Some(path) => {
                cures.push(
                    "look in the usual places again: `unset LIBCLANG_PATH`".to_owned(),
                );
                format!("no libclang in {path}, where LIBCLANG_PATH says that it is")
            }
            None => "no libclang".to_owned(),
        };
        let broken = why
            .contains("could not be opened")
            .then(|| format!(" ({why})"));
        match install(machine) {
            Some(command) => cures.push(command),
            None if given.is_none() => cures.push(
                "install libclang, and set LIBCLANG_PATH to the folder of libclang.so"
                    .to_owned(),
            ),
            None => {}
        }
        report.wrong(
            "libclang",
            format!(
                "{says}{}; the crate `mpi` needs it to read mpi.h",
                broken.unwrap_or_default()
            ),
            cures,
        );
        return;
    }
    let path = clang_sys::get_library().map_or(PathBuf::new(), |it| it.path().to_owned());
    let (version, complaint) = read_a_header();
    let version = first_version(&version).unwrap_or(version);
    let shown = path.display();
    match complaint {
        None => report.ok("libclang", format!("libclang {version} ({shown})")),
        Some(complaint) => {
            let mut cures = Vec::new();
            if let Some(command) = install(machine) {
                cures.push(command);
            } else if given.is_some() {
                cures.push("take the system's libclang: `unset LIBCLANG_PATH`".to_owned());
            }
            if on_path("gcc").is_some() {
                cures.push(
                    "use GCC's headers: `export \
                     BINDGEN_EXTRA_CLANG_ARGS=-I$(gcc -print-file-name=include)`"
                        .to_owned(),
                );
            }
            report.wrong(
                "libclang",
                format!("libclang {version} ({shown}) lacks its own headers: {complaint}"),
                cures,
            );
        }
    }
}

/// The command that installs libclang, if its packages are missing.
fn install(machine: &Machine) -> Option<String> {
    machine.install(machine.request.mpi.name()).filter(|it| {
        ["clang", "llvm", "rootless"]
            .iter()
            .any(|word| it.contains(word))
    })
}

/// libclang's version, and its first complaint about a header that every `mpi.h` includes.
fn read_a_header() -> (String, Option<String>) {
    let extra = std::env::var("BINDGEN_EXTRA_CLANG_ARGS").unwrap_or_default();
    // If there is a `clang` program too, bindgen asks it where its headers are.
    let clang = clang_sys::support::Clang::find(None, &[]);
    let folders = clang.and_then(|it| it.c_search_paths).unwrap_or_default();
    let folders = folders.iter().map(|it| format!("-isystem{}", it.display()));
    let arguments: Vec<CString> = shell_words::split(&extra)
        .unwrap_or_default()
        .into_iter()
        .chain(folders)
        .filter_map(|it| CString::new(it).ok())
        .collect();
    let arguments: Vec<*const c_char> = arguments.iter().map(|it| it.as_ptr()).collect();
    let name = c"trial.h";
    let contents = c"#include <stddef.h>\n#include <stdint.h>\n";
    let mut file = CXUnsavedFile {
        Filename: name.as_ptr(),
        Contents: contents.as_ptr(),
        Length: contents.count_bytes() as c_ulong,
    };
    // SAFETY: libclang was loaded by the caller; all pointers stay valid during the calls
    // that they are given to, and what libclang makes is given back to it, once.
    unsafe {
        let version = text(clang_getClangVersion());
        let index = clang_createIndex(0, 0);
        let unit = clang_parseTranslationUnit(
            index,
            name.as_ptr(),
            arguments.as_ptr(),
            arguments.len() as c_int,
            &raw mut file,
            1,
            CXTranslationUnit_None,
        );
        let mut complaint = None;
        if unit.is_null() {
            complaint = Some("it cannot read a header of two lines".to_owned());
        } else {
            for number in 0..clang_getNumDiagnostics(unit) {
                let diagnostic = clang_getDiagnostic(unit, number);
                if clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Error {
                    let says = text(clang_getDiagnosticSpelling(diagnostic));
                    complaint.get_or_insert(says);
                }
                clang_disposeDiagnostic(diagnostic);
            }
            clang_disposeTranslationUnit(unit);
        }
        clang_disposeIndex(index);
        (version, complaint)
    }
}

/// Takes a string of libclang's over, and gives it back.
///
/// # Safety
///
/// libclang must be loaded, and `string` not have been given back yet.
unsafe fn text(string: CXString) -> String {
    // SAFETY: by this function's own contract; the pointer is copied from before it dies.
    unsafe {
        let pointer = clang_getCString(string);
        let text = match pointer.is_null() {
            true => String::new(),
            false => CStr::from_ptr(pointer).to_string_lossy().into_owned(),
        };
        clang_disposeString(string);
        text
    }
}
