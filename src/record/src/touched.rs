//! Which elements of a dataset each rank read or wrote.

use std::ops::Range;

use crate::{Access, Block, Call, Record, Selection};

/// The elements of one dataset that each rank read, or wrote, in the whole run, in no order:
/// only what succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Touched {
    /// The file.
    pub file: Option<String>,
    /// The dataset's path.
    pub dataset: String,
    /// Its shape; the largest, if it grew.
    pub shape: Vec<u64>,
    /// The elements, rank by rank. Blocks of one rank may overlap.
    pub by_rank: Vec<Vec<Block>>,
    /// False if a selection could not be recorded in full; then the blocks hold more than
    /// was touched.
    pub exact: bool,
}

/// Rows of a dataset: indices of its first dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The rows, in order; neighbours are joined.
    pub ranges: Vec<Range<u64>>,
    /// True if of each of these rows every element was touched.
    pub whole: bool,
}

/// No selection is taken apart into more blocks than these.
const MOST_BLOCKS: u64 = 1 << 17;
/// No more cells are painted: see [`Grid`].
const MOST_CELLS: usize = 1 << 25;

impl Record {
    /// The datasets that some rank read or wrote: (file, path).
    pub fn datasets(&self) -> Vec<(Option<String>, String)> {
        let mut datasets = Vec::new();
        for call in self.ranks.iter().flat_map(|it| &it.calls) {
            if let (Some(_), Some(object)) = (&call.access, &call.object) {
                let dataset = (call.file.clone(), object.clone());
                if !datasets.contains(&dataset) {
                    datasets.push(dataset);
                }
            }
        }
        datasets
    }

    /// What was written to `dataset` (its path; `x` and `/x` are the same), in the file
    /// whose path ends with `file`, or in any. `None` if nobody wrote to it.
    pub fn written(&self, file: Option<&str>, dataset: &str) -> Option<Touched> {
        self.touched(file, dataset, true)
    }

    /// The same for what was read.
    pub fn read_from(&self, file: Option<&str>, dataset: &str) -> Option<Touched> {
        self.touched(file, dataset, false)
    }

    fn touched(&self, file: Option<&str>, dataset: &str, write: bool) -> Option<Touched> {
        let plain = |path: &str| path.trim_start_matches('/').to_owned();
        let wanted = plain(dataset);
        let is_wanted = |call: &Call, access: &Access| {
            access.write == write
                && call.ok == Some(true)
                && call.object.as_deref().map(plain).as_ref() == Some(&wanted)
                && file.is_none_or(|file| {
                    call.file.as_deref().is_some_and(|it| it.ends_with(file))
                })
        };
        let mut result: Option<Touched> = None;
        for rank in &self.ranks {
            for call in &rank.calls {
                let Some(access) = call.access.as_ref().filter(|it| is_wanted(call, it))
                else {
                    continue;
                };
                let touched = result.get_or_insert_with(|| Touched {
                    file: call.file.clone(),
                    dataset: call.object.clone().unwrap_or_default(),
                    shape: call.shape.clone().unwrap_or_default(),
                    by_rank: vec![Vec::new(); self.ranks.len()],
                    exact: true,
                });
                let shape = call.shape.as_deref().unwrap_or_default();
                // A file of the same name may have another dataset of this name.
                if shape.len() != touched.shape.len() || touched.file != call.file {
                    touched.exact = false;
                    continue;
                }
                for (most, extent) in touched.shape.iter_mut().zip(shape) {
                    *most = (*most).max(*extent);
                }
                let (blocks, exact) = blocks_of(&access.selection, shape);
                touched.exact &= exact;
                let sane = |it: &Block| {
                    it.start.len() == shape.len()
                        && it.end.len() == shape.len()
                        && it.start.iter().zip(&it.end).all(|(start, end)| start < end)
                };
                if let Some(of_rank) = touched.by_rank.get_mut(rank.rank) {
                    of_rank.extend(blocks.into_iter().filter(sane));
                }
            }
        }
        let mut touched = result?;
        for blocks in &mut touched.by_rank {
            blocks.sort_by(|one, other| one.start.cmp(&other.start));
            blocks.dedup();
        }
        Some(touched)
    }
}

impl Selection {
    /// The selection in a dataset of this shape as blocks, and whether it is exactly these:
    /// if there are too many, one that holds them all. Blocks may be empty.
    pub fn blocks(&self, shape: &[u64]) -> (Vec<Block>, bool) {
        blocks_of(self, shape)
    }
}

fn blocks_of(selection: &Selection, shape: &[u64]) -> (Vec<Block>, bool) {
    let all = || Block {
        start: vec![0; shape.len()],
        end: shape.to_vec(),
    };
    match selection {
        Selection::All => (vec![all()], true),
        Selection::Nothing => (Vec::new(), true),
        Selection::Blocks { blocks, exact } => (blocks.clone(), *exact),
        Selection::Regular {
            start,
            stride,
            count,
            block,
        } => {
            let dims = shape.len();
            let sane = [start, stride, count, block]
                .iter()
                .all(|it| it.len() == dims);
            if !sane {
                return (vec![all()], false);
            }
            // In each dimension: blocks that touch each other are one.
            let mut ranges: Vec<(u64, u64, u64, u64)> = Vec::new();
            let mut total = 1_u64;
            for at in 0..dims {
                let (stride, count, block) = (stride[at], count[at], block[at]);
                let (count, block) = match stride == block {
                    true => (1, block.saturating_mul(count)),
                    false => (count, block),
                };
                total = total.saturating_mul(count);
                ranges.push((start[at], stride, count, block));
            }
            if total > MOST_BLOCKS {
                let end = ranges.iter().map(|(start, stride, count, block)| {
                    let last = stride.saturating_mul(count.saturating_sub(1));
                    start.saturating_add(last).saturating_add(*block)
                });
                let block = Block {
                    start: start.clone(),
                    end: end.collect(),
                };
                return (vec![block], false);
            }
            let mut blocks = vec![Block {
                start: Vec::new(),
                end: Vec::new(),
            }];
            for (start, stride, count, size) in ranges {
                blocks = blocks
                    .iter()
                    .flat_map(|block| {
                        (0..count).map(move |n| {
                            let mut block = block.clone();
                            let begin = start.saturating_add(n.saturating_mul(stride));
                            block.start.push(begin);
                            block.end.push(begin.saturating_add(size));
                            block
                        })
                    })
                    .collect();
            }
            (blocks, true)
        }
    }
}

impl Touched {
    /// The ranks that touched it at all.
    pub fn ranks(&self) -> Vec<usize> {
        let touched = |rank: &usize| !self.by_rank[*rank].is_empty();
        (0..self.by_rank.len()).filter(touched).collect()
    }

    /// The rows that `rank` touched.
    pub fn rows(&self, rank: usize) -> Rows {
        let blocks = self
            .by_rank
            .get(rank)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut rows = Rows {
            ranges: Vec::new(),
            whole: true,
        };
        if self.shape.is_empty() {
            return rows;
        }
        // Without a grid (too many cells) the ranges are still right.
        let grid = Grid::of(&self.shape, blocks.iter());
        if let Some(grid) = &grid {
            let painted = grid.paint(blocks.iter().map(|block| (block, 1)), |_, _| 1);
            let width = painted.len() / grid.bounds[0].len().saturating_sub(1).max(1);
            rows.whole = self.exact
                && painted.chunks(width.max(1)).all(|row| {
                    row.iter().all(|it| *it == 0) || row.iter().all(|it| *it == 1)
                });
        } else {
            rows.whole = false;
        }
        let mut ranges: Vec<Range<u64>> =
            blocks.iter().map(|it| it.start[0]..it.end[0]).collect();
        ranges.sort_by_key(|it| (it.start, it.end));
        for range in ranges {
            match rows.ranges.last_mut() {
                Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                _ => rows.ranges.push(range),
            }
        }
        rows
    }

    /// The first element that two ranks or more touched, and which. Exact if
    /// [`Touched::exact`] and [`Touched::countable`].
    pub fn by_two_ranks(&self) -> Option<(Vec<u64>, Vec<usize>)> {
        const SEVERAL: u32 = u32::MAX;
        let grid = self.grid()?;
        let painted = grid.paint(self.all(), |old, new| match old {
            0 => new,
            old if old == new => new,
            _ => SEVERAL,
        });
        let cell = painted.iter().position(|it| *it == SEVERAL)?;
        let element = grid.corner(cell);
        let holds = |block: &Block| {
            let bounds = block.start.iter().zip(&block.end);
            bounds
                .zip(&element)
                .all(|((start, end), it)| start <= it && it < end)
        };
        let touched = |rank: &usize| self.by_rank[*rank].iter().any(holds);
        let ranks = (0..self.by_rank.len()).filter(touched).collect();
        Some((element, ranks))
    }

    /// The first element that nobody touched. Exact if [`Touched::exact`] and
    /// [`Touched::countable`].
    pub fn by_nobody(&self) -> Option<Vec<u64>> {
        let grid = self.grid()?;
        let painted = grid.paint(self.all(), |_, new| new);
        let cell = painted.iter().position(|it| *it == 0)?;
        Some(grid.corner(cell))
    }

    /// False if there are so many blocks that elements are not looked at one by one: then
    /// [`Touched::by_two_ranks`] and [`Touched::by_nobody`] know nothing.
    pub fn countable(&self) -> bool {
        self.grid().is_some()
    }

    fn grid(&self) -> Option<Grid> {
        Grid::of(&self.shape, self.by_rank.iter().flatten())
    }

    /// All blocks, each with the number of its rank, from 1.
    fn all(&self) -> impl Iterator<Item = (&Block, u32)> {
        let ranks = self.by_rank.iter().enumerate();
        ranks.flat_map(|(rank, blocks)| {
            blocks.iter().map(move |block| (block, rank as u32 + 1))
        })
    }
}

/// A dataset cut where blocks begin or end: all elements of a cell are in the same blocks.
/// So it is exact, however large the dataset is.
struct Grid {
    /// Where it is cut, in each dimension; the first is 0, the last its extent.
    bounds: Vec<Vec<u64>>,
}

impl Grid {
    /// `None` if there would be too many cells.
    fn of<'a>(shape: &[u64], blocks: impl Iterator<Item = &'a Block>) -> Option<Grid> {
        let mut bounds: Vec<Vec<u64>> =
            shape.iter().map(|extent| vec![0, *extent]).collect();
        for block in blocks {
            for (at, bounds) in bounds.iter_mut().enumerate() {
                let extent = shape[at];
                bounds.extend([block.start[at].min(extent), block.end[at].min(extent)]);
            }
        }
        let mut cells = 1_usize;
        for bounds in &mut bounds {
            bounds.sort_unstable();
            bounds.dedup();
            cells = cells.checked_mul(bounds.len() - 1)?;
        }
        (cells <= MOST_CELLS).then_some(Grid { bounds })
    }

    /// Gives each cell a value: `mix` says what becomes of the old one and a block's.
    fn paint<'a>(
        &self,
        blocks: impl Iterator<Item = (&'a Block, u32)>,
        mix: impl Fn(u32, u32) -> u32,
    ) -> Vec<u32> {
        let sizes: Vec<usize> = self.bounds.iter().map(|it| it.len() - 1).collect();
        let mut cells = vec![0; sizes.iter().product()];
        for (block, value) in blocks {
            let index = |at: usize, bound: u64| {
                let bounds = &self.bounds[at];
                bounds.partition_point(|it| *it < bound).min(sizes[at])
            };
            let ranges: Vec<Range<usize>> = (0..sizes.len())
                .map(|at| index(at, block.start[at])..index(at, block.end[at]))
                .collect();
            if ranges.iter().any(Range::is_empty) {
                continue;
            }
            let mut place: Vec<usize> = ranges.iter().map(|it| it.start).collect();
            loop {
                let cell = place
                    .iter()
                    .zip(&sizes)
                    .fold(0, |sum, (at, size)| sum * size + at);
                cells[cell] = mix(cells[cell], value);
                // To the next cell of the block: the last dimension runs fastest.
                let Some(turn) = (0..place.len())
                    .rev()
                    .find(|at| place[*at] + 1 < ranges[*at].end)
                else {
                    break;
                };
                place[turn] += 1;
                for at in turn + 1..place.len() {
                    place[at] = ranges[at].start;
                }
            }
        }
        cells
    }

    /// The first element of a cell.
    fn corner(&self, cell: usize) -> Vec<u64> {
        let mut rest = cell;
        let mut corner: Vec<u64> = self
            .bounds
            .iter()
            .rev()
            .map(|bounds| {
                let size = bounds.len() - 1;
                let at = rest % size;
                rest /= size;
                bounds[at]
            })
            .collect();
        corner.reverse();
        corner
    }
}
