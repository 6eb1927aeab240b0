//! What lies where in a file, by HDF5's own word: `check layout FILE` prints it.

use serde::{Deserialize, Serialize};

use crate::{Part, What};

/// More chunks of a dataset are not told apart in the picture.
const MOST_CHUNKS: usize = 2000;

/// What lies where in a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// Its size in bytes.
    pub size: u64,
    /// Its datasets, in the order of their names.
    pub datasets: Vec<Dataset>,
    /// What could not be found out.
    pub notes: Vec<String>,
}

/// A dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its path, `/group/x`; several if there are several hard links to it.
    pub names: Vec<String>,
    /// Its extent in each dimension; empty for a single value.
    pub shape: Vec<u64>,
    /// The size of an element in the file, in bytes.
    pub element_size: u64,
    /// Where its data are.
    pub storage: Storage,
}

/// Where a dataset's data are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Storage {
    /// One behind the other, in the order of the indices, the last running fastest.
    Contiguous {
        /// The first byte.
        start: u64,
    },
    /// In boxes of equal extent.
    Chunked {
        /// The extent of a chunk, in elements.
        shape: Vec<u64>,
        /// They are compressed, or changed by another filter: no element has a byte of its
        /// own.
        filtered: bool,
        /// Those that the file has, in the order of their bytes.
        chunks: Vec<Chunk>,
    },
    /// The file has none: nobody has written any, and there is no room for them yet.
    Nowhere,
    /// Not as bytes of their own in this file: in words, `in the dataset's header`.
    Elsewhere(String),
}

/// A chunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// The indices of its first element.
    pub first: Vec<u64>,
    /// Its first byte.
    pub start: u64,
    /// The byte after its last.
    pub end: u64,
}

impl Layout {
    /// The file from byte 0 to its end, without gaps.
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        for dataset in &self.datasets {
            let name = dataset.names.first().cloned().unwrap_or_default();
            match &dataset.storage {
                Storage::Contiguous { start } => parts.push(Part {
                    start: *start,
                    end: start.saturating_add(dataset.bytes()),
                    what: What::Dataset(name),
                }),
                Storage::Chunked { chunks, .. } => {
                    let one_by_one = chunks.len() <= MOST_CHUNKS;
                    parts.extend(chunks.iter().map(|chunk| Part {
                        start: chunk.start,
                        end: chunk.end,
                        what: match one_by_one {
                            true => What::Chunk(name.clone(), chunk.first.clone()),
                            false => What::Dataset(name.clone()),
                        },
                    }));
                }
                Storage::Nowhere | Storage::Elsewhere(_) => {}
            }
        }
        parts.retain(|part| part.start < part.end);
        parts.sort_by_key(|part| (part.start, part.end));
        let mut whole: Vec<Part> = Vec::new();
        let mut at = 0;
        for mut part in parts {
            // Of a file that is damaged.
            part.start = part.start.max(at);
            if part.start >= part.end {
                continue;
            }
            if at < part.start {
                whole.push(metadata(at, part.start));
            }
            at = part.end;
            match whole.last_mut() {
                Some(last) if last.end == part.start && last.what == part.what => {
                    last.end = part.end;
                }
                _ => whole.push(part),
            }
        }
        if at < self.size {
            whole.push(metadata(at, self.size));
        }
        whole
    }

    /// The dataset of this path.
    pub fn dataset(&self, name: &str) -> Option<&Dataset> {
        let is = |it: &String| it.trim_start_matches('/') == name.trim_start_matches('/');
        self.datasets.iter().find(|it| it.names.iter().any(is))
    }
}

impl Dataset {
    /// The size of all its elements, in bytes.
    pub fn bytes(&self) -> u64 {
        self.shape
            .iter()
            .fold(self.element_size, |bytes, it| bytes.saturating_mul(*it))
    }
}

fn metadata(start: u64, end: u64) -> Part {
    Part {
        start,
        end,
        what: What::Metadata,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_dataset_is_metadata_up_to_the_end() {
        let layout = Layout {
            size: 100,
            datasets: vec![
                Dataset {
                    names: vec!["/x".to_owned()],
                    shape: vec![2, 3],
                    element_size: 4,
                    storage: Storage::Contiguous { start: 60 },
                },
                Dataset {
                    names: vec!["/g/y".to_owned(), "/y".to_owned()],
                    shape: vec![7],
                    element_size: 1,
                    storage: Storage::Chunked {
                        shape: vec![5],
                        filtered: false,
                        chunks: vec![
                            Chunk {
                                first: vec![5],
                                start: 10,
                                end: 15,
                            },
                            Chunk {
                                first: vec![0],
                                start: 15,
                                end: 20,
                            },
                        ],
                    },
                },
            ],
            notes: Vec::new(),
        };
        let chunk = |first| What::Chunk("/g/y".to_owned(), vec![first]);
        let expected = [
            (0, 10, What::Metadata),
            (10, 15, chunk(5)),
            (15, 20, chunk(0)),
            (20, 60, What::Metadata),
            (60, 84, What::Dataset("/x".to_owned())),
            (84, 100, What::Metadata),
        ];
        let parts = layout.parts().into_iter();
        let parts: Vec<_> = parts.map(|it| (it.start, it.end, it.what)).collect();
        assert_eq!(parts, expected);
        assert_eq!(layout.dataset("y"), layout.dataset("/g/y"));
    }
}
