//! From a return address to the line of the program.

use std::path::Path;

use crate::Call;

/// Finds lines of one source file of one executable, by its debug information.
pub struct Resolver {
    loader: addr2line::Loader,
    source: String,
}

impl Resolver {
    /// For the executable `exe`, and the source file whose path ends with `source`.
    ///
    /// # Errors
    /// If the executable cannot be read.
    pub fn new(exe: &Path, source: &str) -> Result<Resolver, String> {
        let loader = addr2line::Loader::new(exe)
            .map_err(|error| format!("{}: {error}", exe.display()))?;
        Ok(Resolver {
            loader,
            source: source.to_owned(),
        })
    }

    /// The line of the source file that made the call: the innermost one on its stack.
    pub fn line(&self, call: &Call) -> Option<u32> {
        // A return address is that of the next instruction, which may be of another line.
        call.stack
            .iter()
            .find_map(|address| self.line_of(address.checked_sub(1)?))
    }

    fn line_of(&self, address: u64) -> Option<u32> {
        let mut frames = self.loader.find_frames(address).ok()?;
        while let Ok(Some(frame)) = frames.next() {
            let Some(location) = frame.location else {
                continue;
            };
            if location
                .file
                .is_some_and(|file| Path::new(file).ends_with(&self.source))
            {
                return location.line;
            }
        }
        None
    }
}
