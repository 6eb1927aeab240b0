//! From the elements of a dataset to the bytes of a file.

use std::collections::HashMap;

use record::{Block, Selection};

use crate::layout::{Chunk, Dataset, Storage};

/// The bytes of a selection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bytes {
    /// The first byte and the byte after the last of each piece, in order; pieces that touch
    /// each other are one.
    pub pieces: Vec<(u64, u64)>,
    /// False if there are more of them than was asked for: then there is one, from the first
    /// byte to the last.
    pub exact: bool,
}

/// The bytes of a file that hold the selected elements of a dataset, in at most `most`
/// pieces. `shape` is that of the dataset when they were selected.
///
/// Of a chunk that went through a filter (compression, say) it is all bytes, because no
/// element has any of its own. A chunk that the file does not have has none.
pub fn of(selection: &Selection, shape: &[u64], dataset: &Dataset, most: usize) -> Bytes {
    let (blocks, exact) = selection.blocks(shape);
    let mut pieces = Extents {
        list: Vec::new(),
        most,
        exact,
    };
    let size = dataset.element_size;
    match &dataset.storage {
        Storage::Contiguous { start } => {
            for block in blocks.iter().filter(|it| is_within(it, shape)) {
                pieces.add_block(*start, size, shape, &block.start, &block.end);
            }
        }
        Storage::Chunked {
            shape: extent,
            filtered,
            chunks,
        } if extent.len() == shape.len() && !extent.contains(&0) => {
            let by_first: HashMap<&[u64], &Chunk> =
                chunks.iter().map(|it| (it.first.as_slice(), it)).collect();
            for block in blocks.iter().filter(|it| is_within(it, shape)) {
                for_each_chunk(block, extent, &by_first, |chunk| {
                    if *filtered {
                        pieces.add(chunk.start, chunk.end);
                        return;
                    }
                    let within = |at: usize, index: u64| {
                        index.saturating_sub(chunk.first[at]).min(extent[at])
                    };
                    let corner = |of: &[u64]| {
                        (0..extent.len()).map(|at| within(at, of[at])).collect()
                    };
                    let (start, end): (Vec<u64>, Vec<u64>) =
                        (corner(&block.start), corner(&block.end));
                    pieces.add_block(chunk.start, size, extent, &start, &end);
                });
            }
        }
        Storage::Chunked { .. } | Storage::Nowhere | Storage::Elsewhere(_) => {}
    }
    pieces.finish()
}

/// What a selection that was recorded may hold: anything.
fn is_within(block: &Block, shape: &[u64]) -> bool {
    let dims = shape.len();
    let sane = block.start.len() == dims && block.end.len() == dims;
    sane && (0..dims)
        .all(|at| block.start[at] < block.end[at] && block.end[at] <= shape[at])
}

/// Calls `each` for every chunk that holds some of the block.
fn for_each_chunk(
    block: &Block,
    extent: &[u64],
    by_first: &HashMap<&[u64], &Chunk>,
    mut each: impl FnMut(&Chunk),
) {
    let dims = extent.len();
    let first = |at: usize| block.start[at] / extent[at] * extent[at];
    let count = (0..dims).fold(1_u64, |count, at| {
        count.saturating_mul((block.end[at] - first(at)).div_ceil(extent[at]))
    });
    // Rather look at all chunks than at more places than there are chunks.
    if count > by_first.len() as u64 {
        let holds = |chunk: &&&Chunk| {
            (0..dims).all(|at| {
                let end = chunk.first[at].saturating_add(extent[at]);
                chunk.first[at] < block.end[at] && block.start[at] < end
            })
        };
        let mut chunks: Vec<_> = by_first.values().filter(holds).collect();
        chunks.sort_by_key(|it| it.start);
        chunks.into_iter().for_each(|chunk| each(chunk));
        return;
    }
    let mut place: Vec<u64> = (0..dims).map(first).collect();
    loop {
        if let Some(chunk) = by_first.get(place.as_slice()) {
            each(chunk);
        }
        let turn = (0..dims)
            .rev()
            .find(|at| place[*at] + extent[*at] < block.end[*at]);
        let Some(turn) = turn else { break };
        place[turn] += extent[turn];
        for (at, place) in place.iter_mut().enumerate().skip(turn + 1) {
            *place = first(at);
        }
    }
}

struct Extents {
    list: Vec<(u64, u64)>,
    most: usize,
    exact: bool,
}

impl Extents {
    fn add(&mut self, start: u64, end: u64) {
        match self.list.last_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ => self.list.push((start, end)),
        }
        // Some of them may join yet, so not at once.
        if self.list.len() > self.most.saturating_mul(4).max(1 << 16) {
            self.join();
            if self.list.len() > self.most {
                self.make_one();
            }
        }
    }

    /// The elements from `start` to `end` of an array of this shape that begins at a byte.
    fn add_block(
        &mut self,
        base: u64,
        size: u64,
        shape: &[u64],
        start: &[u64],
        end: &[u64],
    ) {
        let dims = shape.len();
        if (0..dims).any(|at| start[at] >= end[at]) {
            return;
        }
        // The dimensions from here on are whole, so that one piece goes across them.
        let whole = (0..dims)
            .rev()
            .take_while(|at| start[*at] == 0 && end[*at] == shape[*at]);
        let across = dims - whole.count();
        let below = |at: usize| {
            shape[at + 1..]
                .iter()
                .fold(size, |bytes, it| bytes.saturating_mul(*it))
        };
        let Some(last) = across.checked_sub(1) else {
            let bytes = shape.iter().fold(size, |all, it| all.saturating_mul(*it));
            self.add(base, base.saturating_add(bytes));
            return;
        };
        let width = (end[last] - start[last]).saturating_mul(below(last));
        let mut place = start[..across].to_vec();
        let count =
            (0..last).fold(1_u64, |count, at| count.saturating_mul(end[at] - start[at]));
        if count > 1 << 20 {
            // From the first piece to the last.
            let to: Vec<u64> = end[..across].iter().map(|it| it - 1).collect();
            let at = |place: &[u64]| offset(base, place, below);
            let first = at(&place);
            self.add(first, at(&to).saturating_add(below(last)));
            self.exact = false;
            return;
        }
        loop {
            let at = offset(base, &place, below);
            self.add(at, at.saturating_add(width));
            let turn = (0..last).rev().find(|at| place[*at] + 1 < end[*at]);
            let Some(turn) = turn else { break };
            place[turn] += 1;
            place[turn + 1..last].copy_from_slice(&start[turn + 1..last]);
        }
    }

    fn join(&mut self) {
        self.list.sort_unstable();
        self.list = joined(std::mem::take(&mut self.list));
    }

    fn make_one(&mut self) {
        let first = self.list.iter().map(|it| it.0).min();
        let end = self.list.iter().map(|it| it.1).max();
        self.list = first.zip(end).into_iter().collect();
        self.exact = false;
    }

    fn finish(mut self) -> Bytes {
        self.join();
        if self.list.len() > self.most {
            self.make_one();
        }
        Bytes {
            pieces: self.list,
            exact: self.exact,
        }
    }
}

fn offset(base: u64, place: &[u64], below: impl Fn(usize) -> u64) -> u64 {
    place.iter().enumerate().fold(base, |sum, (at, index)| {
        sum.saturating_add(index.saturating_mul(below(at)))
    })
}

/// Extents that are in order; those that touch or overlap are one.
fn joined(pieces: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (start, end) in pieces {
        match joined.last_mut() {
            Some(last) if last.1 >= start => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Every index of an array of this shape.
    fn indices(shape: &[u64]) -> Vec<Vec<u64>> {
        shape.iter().fold(vec![Vec::new()], |all, extent| {
            let longer = |index: &Vec<u64>, last| [index.as_slice(), &[last]].concat();
            all.iter()
                .flat_map(|index| (0..*extent).map(move |last| longer(index, last)))
                .collect()
        })
    }

    /// Whether an element is selected: each dimension on its own.
    fn selects(selection: &Selection, index: &[u64]) -> bool {
        match selection {
            Selection::All => true,
            Selection::Regular {
                start,
                stride,
                count,
                block,
            } => (0..index.len()).all(|at| {
                index[at] >= start[at] && {
                    let (n, rest) = (
                        (index[at] - start[at]) / stride[at],
                        (index[at] - start[at]) % stride[at],
                    );
                    n < count[at] && rest < block[at]
                }
            }),
            Selection::Blocks { blocks, .. } => blocks.iter().any(|it| {
                (0..index.len())
                    .all(|at| it.start[at] <= index[at] && index[at] < it.end[at])
            }),
            _ => false,
        }
    }

    /// One by one, by the definition of each layout.
    fn by_force(
        selection: &Selection,
        shape: &[u64],
        dataset: &Dataset,
    ) -> Vec<(u64, u64)> {
        let size = dataset.element_size;
        let linear = |index: &[u64], shape: &[u64]| {
            index
                .iter()
                .zip(shape)
                .fold(0, |sum, (at, extent)| sum * extent + at)
        };
        let mut bytes = BTreeSet::new();
        for index in indices(shape).iter().filter(|it| selects(selection, it)) {
            match &dataset.storage {
                Storage::Contiguous { start } => {
                    let at = start + linear(index, shape) * size;
                    bytes.extend(at..at + size);
                }
                Storage::Chunked {
                    shape: extent,
                    filtered,
                    chunks,
                } => {
                    let holds = |chunk: &&Chunk| {
                        index
                            .iter()
                            .zip(&chunk.first)
                            .zip(extent)
                            .all(|((at, first), extent)| at / extent == first / extent)
                    };
                    let Some(chunk) = chunks.iter().find(holds) else {
                        continue;
                    };
                    if *filtered {
                        bytes.extend(chunk.start..chunk.end);
                        continue;
                    }
                    let within: Vec<u64> = index
                        .iter()
                        .zip(extent)
                        .map(|(at, extent)| at % extent)
                        .collect();
                    let at = chunk.start + linear(&within, extent) * size;
                    bytes.extend(at..at + size);
                }
                _ => {}
            }
        }
        joined(bytes.into_iter().map(|it| (it, it + 1)).collect())
    }

    fn selection(shape: &[u64]) -> BoxedStrategy<Selection> {
        let extents = shape.to_vec();
        // In each dimension: where it starts, how wide a block is, the hole behind it, and
        // how many.
        let regular = proptest::collection::vec(
            (0..9_u64, 1..5_u64, 0..4_u64, 1..5_u64),
            shape.len(),
        )
        .prop_map(move |dims| {
            let [mut start, mut stride, mut count, mut block] =
                [(); 4].map(|()| Vec::new());
            for ((first, width, hole, times), extent) in dims.into_iter().zip(&extents) {
                let first = first % extent;
                let width = width.min(extent - first);
                let step = width + hole;
                let fits = (extent - first - width) / step + 1;
                start.push(first);
                stride.push(step);
                count.push(times.min(fits));
                block.push(width);
            }
            Selection::Regular {
                start,
                stride,
                count,
                block,
            }
        });
        let extents = shape.to_vec();
        let block = proptest::collection::vec((0..99_u64, 0..99_u64), shape.len())
            .prop_map(move |corners| {
                let (start, end) = corners
                    .into_iter()
                    .zip(&extents)
                    .map(|((one, other), extent)| {
                        let start = one % extent;
                        (start, start + 1 + other % (extent - start))
                    })
                    .unzip();
                Block { start, end }
            });
        let blocks =
            proptest::collection::vec(block, 0..4).prop_map(|blocks| Selection::Blocks {
                blocks,
                exact: true,
            });
        prop_oneof![
            1 => Just(Selection::All),
            1 => Just(Selection::Nothing),
            8 => regular,
            4 => blocks,
        ]
        .boxed()
    }

    /// A dataset whose chunks lie in the file in any order, some of them missing.
    fn chunked() -> impl Strategy<Value = (Vec<u64>, Dataset)> {
        proptest::collection::vec((1..9_u64, 1..5_u64), 1..4)
            .prop_flat_map(|dims| {
                let shape: Vec<u64> = dims.iter().map(|it| it.0).collect();
                let extent: Vec<u64> = dims.iter().map(|it| it.1).collect();
                let grid: Vec<u64> = shape
                    .iter()
                    .zip(&extent)
                    .map(|(all, one)| all.div_ceil(*one))
                    .collect();
                let firsts: Vec<Vec<u64>> = indices(&grid)
                    .into_iter()
                    .map(|place| {
                        place
                            .iter()
                            .zip(&extent)
                            .map(|(at, one)| at * one)
                            .collect()
                    })
                    .collect();
                let count = firsts.len();
                (
                    Just((shape, extent)),
                    proptest::sample::subsequence(firsts, 0..=count).prop_shuffle(),
                    1..9_u64,
                    any::<bool>(),
                    0..3_u64,
                )
            })
            .prop_map(|((shape, extent), firsts, element_size, filtered, gap)| {
                let bytes = extent.iter().product::<u64>() * element_size;
                let mut at = 17;
                let chunks = firsts.into_iter().enumerate().map(|(n, first)| {
                    let start = at;
                    let end = start + if filtered { 3 + n as u64 } else { bytes };
                    at = end + gap;
                    Chunk { first, start, end }
                });
                let storage = Storage::Chunked {
                    chunks: chunks.collect(),
                    shape: extent,
                    filtered,
                };
                let dataset = Dataset {
                    names: vec!["/x".to_owned()],
                    shape: shape.clone(),
                    element_size,
                    storage,
                };
                (shape, dataset)
            })
    }

    fn contiguous() -> impl Strategy<Value = (Vec<u64>, Dataset)> {
        (
            proptest::collection::vec(1..8_u64, 0..4),
            1..9_u64,
            0..50_u64,
        )
            .prop_map(|(shape, element_size, start)| {
                let dataset = Dataset {
                    names: vec!["/x".to_owned()],
                    shape: shape.clone(),
                    element_size,
                    storage: Storage::Contiguous { start },
                };
                (shape, dataset)
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn every_selected_element_has_its_bytes_and_no_other_has(
            (selection, (shape, dataset)) in prop_oneof![contiguous().boxed(), chunked().boxed()]
                .prop_flat_map(|it| (selection(&it.0), Just(it)))
        ) {
            let bytes = of(&selection, &shape, &dataset, usize::MAX);
            prop_assert!(bytes.exact);
            prop_assert_eq!(&bytes.pieces, &by_force(&selection, &shape, &dataset));
            // With too many pieces, from the first byte to the last.
            let few = of(&selection, &shape, &dataset, 2);
            match bytes.pieces.len() {
                0..=2 => prop_assert_eq!(few, bytes),
                _ => {
                    let ends = (bytes.pieces[0].0, bytes.pieces[bytes.pieces.len() - 1].1);
                    prop_assert_eq!(few.pieces, vec![ends]);
                    prop_assert!(!few.exact);
                }
            }
        }
    }

    #[test]
    fn a_selection_that_makes_no_sense_has_no_bytes() {
        let dataset = Dataset {
            names: Vec::new(),
            shape: vec![4],
            element_size: 4,
            storage: Storage::Contiguous { start: 0 },
        };
        let block = |start: &[u64], end: &[u64]| Selection::Blocks {
            blocks: vec![Block {
                start: start.to_vec(),
                end: end.to_vec(),
            }],
            exact: true,
        };
        for wrong in [
            block(&[0, 0], &[1, 1]),
            block(&[3], &[2]),
            block(&[0], &[u64::MAX]),
        ] {
            assert_eq!(of(&wrong, &[4], &dataset, 9).pieces, []);
        }
    }
}
