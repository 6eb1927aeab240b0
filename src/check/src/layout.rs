//! What lies where in a file, for a picture of it.

use std::collections::BTreeMap;
use std::path::Path;

use hdf5::dataset::Layout as Kind;
use hdf5::{Dataset, File, Group, LocationType};
use trace::layout::{self, Chunk, Layout, Storage};

use crate::saying;

/// Finding the n-th chunk takes HDF5 n steps: with more chunks it would take minutes.
const MOST_CHUNKS: usize = 10_000;
/// No group is looked into that lies deeper.
const DEEPEST: usize = 64;

/// What lies where in a file.
pub(crate) fn of(path: &Path) -> Result<Layout, String> {
    let size = saying("the file", std::fs::metadata(path))?.len();
    let file = saying("the file", File::open(path))?;
    let root = saying("its root group", file.loc_info())?;
    let userblock = file.userblock();
    let mut found = Found {
        file: root.fileno,
        userblock,
        before_chunks: match userblock {
            0 => 0,
            some => saying("a file with a user block", missing_from_chunks(some))?,
        },
        groups: vec![format!("{:?}", root.token)],
        datasets: BTreeMap::new(),
        notes: Vec::new(),
    };
    found.look_into(&saying("its root group", file.as_group())?, "/", 0);
    let mut datasets: Vec<_> = found.datasets.into_values().collect();
    datasets.sort_by(|one, other| one.names.cmp(&other.names));
    Ok(Layout {
        size,
        datasets,
        notes: found.notes,
    })
}

/// How many bytes are to be added to where HDF5 says that a chunk is, in a file that begins
/// with a user block. HDF5 1.10.8 counts from the end of the user block, others may not: so a
/// chunk is written and looked for.
fn missing_from_chunks(userblock: u64) -> Result<u64, String> {
    const MARK: [u8; 16] = *b"workbook's chunk";
    let place = saying("a temporary file", tempfile::NamedTempFile::new())?;
    let write = || -> hdf5::Result<Option<u64>> {
        let file = File::with_options()
            .with_fcpl(|it| it.userblock(userblock))
            .create(place.path())?;
        let dataset = file.new_dataset::<u8>().shape(16).chunk(16).create("x")?;
        dataset.write_raw(&MARK)?;
        file.flush()?;
        let chunk = dataset.chunk_info(0).map(|it| it.addr);
        drop(dataset);
        file.close()?;
        Ok(chunk)
    };
    let said = write()
        .map_err(|error| error.to_string())?
        .ok_or("it has no chunk")?;
    let bytes = saying("a temporary file", std::fs::read(place.path()))?;
    let is = bytes.windows(MARK.len()).position(|it| it == MARK);
    let is = is.ok_or("the chunk is not in it")? as u64;
    Ok(is.saturating_sub(said))
}

struct Found {
    /// HDF5's number for the file: what an external link leads to has another.
    file: u64,
    /// How many bytes are before HDF5's own first one.
    userblock: u64,
    /// See [`missing_from_chunks`].
    before_chunks: u64,
    /// The groups that were looked into: links may lead in a circle.
    groups: Vec<String>,
    /// By what HDF5 knows an object by, whatever its name.
    datasets: BTreeMap<String, layout::Dataset>,
    notes: Vec<String>,
}

impl Found {
    fn look_into(&mut self, group: &Group, path: &str, depth: usize) {
        let mut names = group.member_names().unwrap_or_default();
        names.sort();
        for name in names {
            // A link may lead nowhere.
            let Ok(info) = group.loc_info_by_name(&name) else {
                continue;
            };
            if info.fileno != self.file {
                continue;
            }
            let known_as = format!("{:?}", info.token);
            let path = format!("{path}{name}");
            match info.loc_type {
                LocationType::Group
                    if depth < DEEPEST && !self.groups.contains(&known_as) =>
                {
                    self.groups.push(known_as);
                    if let Ok(group) = group.group(&name) {
                        self.look_into(&group, &format!("{path}/"), depth + 1);
                    }
                }
                LocationType::Dataset => {
                    if let Some(known) = self.datasets.get_mut(&known_as) {
                        known.names.push(path);
                    } else if let Ok(dataset) = group.dataset(&name) {
                        let described = self.describe(&dataset, path);
                        self.datasets.insert(known_as, described);
                    }
                }
                _ => {}
            }
        }
    }

    fn describe(&mut self, dataset: &Dataset, path: String) -> layout::Dataset {
        let storage = match dataset.layout() {
            // With a user block, nowhere is a number that is too small (HDF5 1.10.8).
            Kind::Contiguous => match dataset.offset() {
                Some(start) if start >= self.userblock => Storage::Contiguous { start },
                _ => match dataset.dcpl().map(|it| it.external()) {
                    Ok(files) if !files.is_empty() => {
                        let names: Vec<_> = files.into_iter().map(|it| it.name).collect();
                        Storage::Elsewhere(format!("in {}", names.join(", ")))
                    }
                    _ => Storage::Nowhere,
                },
            },
            Kind::Chunked => self.chunks(dataset, &path),
            Kind::Compact => Storage::Elsewhere("in its header (it is compact)".to_owned()),
            Kind::Virtual => {
                Storage::Elsewhere("in other datasets (it is virtual)".to_owned())
            }
        };
        layout::Dataset {
            names: vec![path],
            shape: dataset.shape().iter().map(|it| *it as u64).collect(),
            element_size: dataset.dtype().map_or(0, |it| it.size() as u64),
            storage,
        }
    }

    fn chunks(&mut self, dataset: &Dataset, path: &str) -> Storage {
        let count = dataset.num_chunks().unwrap_or(0);
        let mut chunks: Vec<Chunk> = match count {
            0..=MOST_CHUNKS => (0..count)
                .filter_map(|n| dataset.chunk_info(n))
                .map(|it| {
                    let start = it.addr.saturating_add(self.before_chunks);
                    Chunk {
                        first: it.offset,
                        start,
                        end: start.saturating_add(it.size),
                    }
                })
                .collect(),
            _ => {
                self.notes.push(format!(
                    "`{path}` has {count} chunks: too many to find them all"
                ));
                Vec::new()
            }
        };
        chunks.sort_by_key(|it| it.start);
        // A filter that this HDF5 does not know is one as well.
        let filters = dataset.dcpl().and_then(|it| it.get_filters());
        Storage::Chunked {
            shape: dataset
                .chunk()
                .unwrap_or_default()
                .iter()
                .map(|it| *it as u64)
                .collect(),
            filtered: filters.map_or(true, |it| !it.is_empty()),
            chunks,
        }
    }
}
