//! Looks at a file that may be an HDF5 library, without loading it.
//!
//! Loading a second HDF5 into a program that has one already (and a second MPI with it)
//! is asking for trouble. All that we want to know is written in the file: the functions
//! that it offers, the libraries that it needs, and the text in which its builder's
//! settings are kept.

use std::fmt;
use std::path::Path;

use object::read::elf::{Dyn, FileHeader as _};
use object::{Endianness, Object, ObjectSection, ObjectSymbol, elf};

/// The function that only a parallel HDF5 has: it chooses the MPI-IO driver.
const PARALLEL_FUNCTION: &str = "H5Pset_fapl_mpio";

/// How the text of the builder's settings is called: until 1.14, and since 2.0.
pub(crate) const SETTINGS: [&str; 2] = ["H5libhdf5_settings", "H5build_settings"];

/// What the settings that are embedded in a library say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Its version: `1.10.8`.
    pub version: Option<String>,
    /// Whether it was built with `--enable-parallel` (`HDF5_ENABLE_PARALLEL`).
    pub parallel: Option<bool>,
    /// Whether all ranks can write to a compressed dataset.
    pub filtered_writes: Option<bool>,
}

impl Settings {
    /// Reads the lines `name: value` of the text; any version's layout will do.
    pub(crate) fn parse(text: &str) -> Settings {
        let value = |name: &str| {
            text.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            })
        };
        let yes = |text: String| matches!(text.to_lowercase().as_str(), "yes" | "on" | "1");
        Settings {
            version: value("HDF5 Version"),
            parallel: value("Parallel HDF5").map(yes),
            filtered_writes: value("Parallel Filtered Dataset Writes").map(yes),
        }
    }
}

/// What was found out about an HDF5 library that is not loaded.
#[derive(Clone, Debug)]
pub struct Library {
    /// True if it offers the MPI-IO driver.
    pub has_mpio: bool,
    /// What its embedded settings say; nothing if it has none.
    pub settings: Settings,
    /// The MPI libraries that it needs: `libmpi.so.40`, `libmpich.so.12`.
    pub needs_mpi: Vec<String>,
}

impl Library {
    /// Looks at the file `path`. Not collective: any rank may, alone.
    ///
    /// # Errors
    /// If the file cannot be read, is not a shared library, or is one of something else.
    pub fn inspect(path: &Path) -> Result<Library, String> {
        let shown = path.display();
        let data = std::fs::read(path).map_err(|error| format!("{shown}: {error}"))?;
        let file = object::File::parse(&*data)
            .map_err(|_| format!("{shown} is not a library (nor any other program)"))?;
        let offers = |name: &str| file.dynamic_symbols().any(|it| is_called(&it, name));
        if !offers("H5get_libversion") {
            return Err(format!(
                "{shown} is not an HDF5 library: it has no H5get_libversion"
            ));
        }
        let settings = file
            .dynamic_symbols()
            .filter(|symbol| SETTINGS.iter().any(|name| is_called(symbol, name)))
            .find_map(|symbol| text_of(&file, &symbol))
            .map(|text| Settings::parse(&text))
            .unwrap_or_default();
        let needs_mpi = needed(&data)
            .into_iter()
            .filter(|name| name.contains("libmpi"));
        Ok(Library {
            has_mpio: offers(PARALLEL_FUNCTION),
            settings,
            needs_mpi: needs_mpi.collect(),
        })
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self
            .settings
            .version
            .as_deref()
            .unwrap_or("(version unknown)");
        let (kind, has) = if self.has_mpio {
            ("parallel", "has")
        } else {
            ("serial", "has no")
        };
        writeln!(f, "HDF5 {version}, {kind}")?;
        writeln!(
            f,
            "- it {has} {PARALLEL_FUNCTION}, which chooses the MPI-IO driver"
        )?;
        let said = |it: Option<bool>| match it {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not said",
        };
        writeln!(
            f,
            "- its settings say Parallel HDF5: {}",
            said(self.settings.parallel)
        )?;
        let filtered = said(self.settings.filtered_writes);
        writeln!(
            f,
            "- its settings say Parallel Filtered Dataset Writes: {filtered}"
        )?;
        match self.needs_mpi.as_slice() {
            [] => write!(f, "- it needs no MPI library"),
            some => write!(f, "- it needs {}", some.join(", ")),
        }
    }
}

/// Whether the symbol is a definition of that name (macOS puts a `_` before each name).
fn is_called<'data>(symbol: &impl ObjectSymbol<'data>, name: &str) -> bool {
    let is = symbol.name().unwrap_or_default();
    symbol.is_definition() && (is == name || is.strip_prefix('_') == Some(name))
}

/// The text, up to its zero byte, to which a symbol points.
fn text_of<'data>(
    file: &object::File<'data>,
    symbol: &impl ObjectSymbol<'data>,
) -> Option<String> {
    let section = file.section_by_index(symbol.section_index()?).ok()?;
    let offset = usize::try_from(symbol.address().checked_sub(section.address())?).ok()?;
    let bytes = section.data().ok()?.get(offset..)?;
    let text = bytes.split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// The libraries that an ELF library asks for (`DT_NEEDED`); none for another format.
fn needed(data: &[u8]) -> Vec<String> {
    let names = || -> object::read::Result<Vec<String>> {
        let header = elf::FileHeader64::<Endianness>::parse(data)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        let Some((entries, link)) = sections.dynamic(endian, data)? else {
            return Ok(Vec::new());
        };
        let strings = sections.strings(endian, data, link)?;
        let names = entries
            .iter()
            .filter(|it| it.tag32(endian).map(i64::from) == Some(elf::DT_NEEDED));
        names
            .map(|it| Ok(String::from_utf8_lossy(it.string(endian, strings)?).into_owned()))
            .collect()
    };
    names().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn reads_the_settings_of_both_kinds_of_build() {
        let autotools = "    HDF5 Version: 1.10.8\n   Parallel HDF5: yes\n\
                         Parallel Filtered Dataset Writes: yes\n";
        let cmake = "  HDF5 Version: 2.2.0\n  Parallel HDF5: ON\n\
                     Parallel Filtered Dataset Writes: OFF\n";
        let of = |version: &str, filtered| Settings {
            version: Some(version.to_owned()),
            parallel: Some(true),
            filtered_writes: Some(filtered),
        };
        assert_eq!(Settings::parse(autotools), of("1.10.8", true));
        assert_eq!(Settings::parse(cmake), of("2.2.0", false));
        assert_eq!(Settings::parse("nothing of use"), Settings::default());
    }
}
