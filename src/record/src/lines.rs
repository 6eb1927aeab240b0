//! From a return address to the line of the program.

use std::path::Path;

use crate::Call;

/// Finds lines of one source file of one executable, or of those in one folder, by its debug
/// information.
pub struct Resolver {
    loader: addr2line::Loader,
    source: Source,
}

/// Which source files count.
enum Source {
    /// The one whose path ends so.
    File(String),
    /// Those in the folder whose path ends so, or below it.
    Folder(String),
    /// Whichever has `main`.
    Main,
}

/// Where a function on the stack is.
struct Place {
    file: String,
    line: u32,
    /// It is `main`, or in it.
    in_main: bool,
}

impl Resolver {
    /// For the executable `exe`, and the source file whose path ends with `source`.
    ///
    /// # Errors
    /// If the executable cannot be read.
    pub fn new(exe: &Path, source: &str) -> Result<Resolver, String> {
        Resolver::load(exe, Source::File(source.to_owned()))
    }

    /// For the executable `exe`, and all source files in the folder, or below it, whose path
    /// ends with `folder`.
    ///
    /// # Errors
    /// If the executable cannot be read.
    pub fn of_folder(exe: &Path, folder: &str) -> Result<Resolver, String> {
        Resolver::load(exe, Source::Folder(folder.to_owned()))
    }

    /// For the executable `exe`, and the source file that has its `main`, or else the
    /// outermost one on a stack: one that is there and does not belong to Rust or to a crate
    /// from a registry.
    ///
    /// # Errors
    /// If the executable cannot be read.
    pub fn of_main(exe: &Path) -> Result<Resolver, String> {
        Resolver::load(exe, Source::Main)
    }

    fn load(exe: &Path, source: Source) -> Result<Resolver, String> {
        let loader = addr2line::Loader::new(exe)
            .map_err(|error| format!("{}: {error}", exe.display()))?;
        Ok(Resolver { loader, source })
    }

    /// The line of the source file that made the call: the innermost one on its stack.
    pub fn line(&self, call: &Call) -> Option<u32> {
        self.file_and_line(call).map(|it| it.1)
    }

    /// The same, with the file's path.
    pub fn file_and_line(&self, call: &Call) -> Option<(String, u32)> {
        // Innermost first.
        let mut places = Vec::new();
        for address in &call.stack {
            // A return address is that of the next instruction, which may be of another line.
            self.places(address.checked_sub(1)?, &mut places);
        }
        let own = || places.iter().rev().filter(|it| is_own(&it.file));
        // A call at the end of `main` may have taken its place on the stack.
        let main = own().find(|it| it.in_main).or(own().next());
        let is_wanted = |file: &str| match &self.source {
            Source::File(source) => Path::new(file).ends_with(source),
            Source::Folder(folder) => {
                let mut folders = Path::new(file).ancestors().skip(1);
                folders.any(|it| it.ends_with(folder))
            }
            Source::Main => main.is_some_and(|main| main.file == file),
        };
        let wanted = places.iter().find(|it| is_wanted(&it.file));
        wanted.map(|it| (it.file.clone(), it.line))
    }

    /// Adds the place of each function that is at this address, innermost first: there are
    /// several where one is inlined into another.
    fn places(&self, address: u64, places: &mut Vec<Place>) {
        let Ok(mut frames) = self.loader.find_frames(address) else {
            return;
        };
        while let Ok(Some(frame)) = frames.next() {
            if let Some(location) = frame.location
                && let (Some(file), Some(line)) = (location.file, location.line)
            {
                let name = frame.function.as_ref().and_then(|it| it.demangle().ok());
                places.push(Place {
                    file: file.to_owned(),
                    line,
                    // Its closures, too: `program::main::{closure#0}`.
                    in_main: name.is_some_and(|it| it.split("::").any(|it| it == "main")),
                });
            }
        }
    }
}

/// Whether a source file is the program's own, as far as can be seen.
fn is_own(file: &str) -> bool {
    let others = ["/rustc/", "/.cargo/", "/rustlib/"];
    !others.iter().any(|it| file.contains(it)) && Path::new(file).is_file()
}
