//! Which elements of a dataset belong to which rank.

use std::ops::Range;

use hdf5::Dataset;

/// The rows of `0..rows` that belong to `rank` out of `size` ranks: one contiguous block
/// a rank, in rank order. Where `rows` cannot be divided evenly, the first ranks have one
/// row more. With more ranks than rows the last ranks have an empty range.
///
/// Not collective: every rank can compute every rank's rows.
///
/// # Panics
/// If `rank` is not a rank of `size` ranks.
///
/// ```
/// use parallel_hdf5::rows_of;
/// assert_eq!(rows_of(2, 4, 1000), 500..750);
/// assert_eq!([rows_of(0, 3, 10), rows_of(1, 3, 10), rows_of(2, 3, 10)], [0..4, 4..7, 7..10]);
/// ```
// ANCHOR: rows_of
pub fn rows_of(rank: i32, size: i32, rows: usize) -> Range<usize> {
    assert!(
        0 <= rank && rank < size,
        "rank {rank} is not a rank of {size} ranks"
    );
    let (rank, size) = (rank as usize, size as usize);
    let (share, remainder) = (rows / size, rows % size);
    let start = rank * share + rank.min(remainder);
    let count = share + usize::from(rank < remainder);
    start..start + count
}
// ANCHOR_END: rows_of

/// Like [`rows_of`], but cut only where a chunk of `chunk` rows ends, so that no chunk has
/// rows of two ranks. Shares differ by a chunk at most; the last chunk may be short.
///
/// Not collective.
///
/// # Panics
/// If `rank` is not a rank of `size` ranks, or `chunk` is 0.
///
/// ```
/// use parallel_hdf5::chunked_rows_of;
/// // Chunks 0..4, 4..8 and 8..10.
/// let shares = [0, 1, 2].map(|rank| chunked_rows_of(rank, 3, 10, 4));
/// assert_eq!(shares, [0..4, 4..8, 8..10]);
/// assert_eq!(chunked_rows_of(0, 2, 10, 4), 0..8);
/// ```
// ANCHOR: chunked_rows_of
pub fn chunked_rows_of(rank: i32, size: i32, rows: usize, chunk: usize) -> Range<usize> {
    let chunks = rows_of(rank, size, rows.div_ceil(chunk));
    (chunks.start * chunk).min(rows)..(chunks.end * chunk).min(rows)
}
// ANCHOR_END: chunked_rows_of

/// The indices of `0..extent` that belong to `rank` out of `size` ranks when they are dealt
/// out in blocks, as cards are: `block` indices to rank 0, the next to rank 1, and so on,
/// then to rank 0 again ("block-cyclic"). The last block may be short. With `block` 1 rank
/// *r* has *r*, *r* + `size`, *r* + 2 `size`, …
///
/// Not collective.
///
/// # Panics
/// If `rank` is not a rank of `size` ranks, or `block` is 0.
///
/// ```
/// use parallel_hdf5::cyclic;
/// assert_eq!(cyclic(1, 3, 8, 1).iter().collect::<Vec<_>>(), [1, 4, 7]);
/// assert_eq!(cyclic(0, 2, 7, 2).iter().collect::<Vec<_>>(), [0, 1, 4, 5]);
/// assert_eq!(cyclic(1, 2, 7, 2).iter().collect::<Vec<_>>(), [2, 3, 6]);
/// ```
pub fn cyclic(rank: i32, size: i32, extent: usize, block: usize) -> Indices {
    assert!(
        0 <= rank && rank < size,
        "rank {rank} is not a rank of {size} ranks"
    );
    assert!(block > 0, "a block has at least one index");
    if size == 1 {
        return (0..extent).into();
    }
    let (rank, size) = (rank as usize, size as usize);
    // Where the arithmetic would overflow, there is nothing: it lies beyond any extent.
    let start = rank.saturating_mul(block).min(extent);
    let stride = size.saturating_mul(block);
    let rest = extent - start;
    let whole_turns = rest / stride;
    let last = rest % stride;
    Indices {
        start,
        stride,
        block,
        count: whole_turns + usize::from(last >= block),
        tail: if last < block { last } else { 0 },
    }
}

/// Indices along one axis, in ascending order: equal blocks at equal distances, and perhaps a
/// shorter one at the end. A `Range<usize>` becomes one by `into()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indices {
    start: usize,
    stride: usize,
    block: usize,
    /// How many whole blocks.
    count: usize,
    /// How many indices are in the short block after them.
    tail: usize,
}

impl Indices {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count * self.block + self.tail
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each of them, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.blocks().flatten()
    }

    /// Runs of consecutive indices, in ascending order.
    pub fn blocks(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let whole = (0..self.count).map(|it| self.start + it * self.stride);
        let whole = whole.map(|start| start..start + self.block);
        let tail = self.tail_start();
        let tail = (self.tail > 0).then_some(tail..tail + self.tail);
        whole.chain(tail)
    }

    /// The index after the last; 0 if there are none.
    pub fn end(&self) -> usize {
        match (self.count, self.tail) {
            (0, 0) => 0,
            (_, 0) => self.start + (self.count - 1) * self.stride + self.block,
            (_, tail) => self.tail_start() + tail,
        }
    }

    fn tail_start(&self) -> usize {
        self.start + self.count * self.stride
    }

    /// As one or two pieces that a hyperslab can have along an axis: start, stride, count,
    /// block.
    fn pieces(&self) -> impl Iterator<Item = [u64; 4]> {
        let whole = (self.start, self.stride, self.count, self.block);
        let tail = (self.tail_start(), 1, 1, self.tail);
        [whole, tail]
            .into_iter()
            .filter(|(_, _, count, block)| *count > 0 && *block > 0)
            .map(|(start, stride, count, block)| {
                // A single block may not be longer than the stride, which nobody then uses.
                let stride = if count == 1 { block } else { stride };
                [start, stride, count, block].map(|it| it as u64)
            })
    }
}

impl From<Range<usize>> for Indices {
    /// A range that ends before it begins has no indices.
    fn from(range: Range<usize>) -> Indices {
        Indices {
            start: range.start,
            stride: range.len(),
            block: range.len(),
            count: usize::from(!range.is_empty()),
            tail: 0,
        }
    }
}

/// Which elements of a dataset: some indices along each axis, and all their combinations.
///
/// In memory they are an array of the shape [`Slab::shape`], in the same order: the element
/// at (*i*, *j*) of the array is that at the *i*th index along axis 0 and the *j*th along
/// axis 1 of the dataset. Not collective.
///
/// ```
/// use parallel_hdf5::{Slab, cyclic, rows_of};
/// let shape = [1000, 6];
/// // A block of rows, with all their columns.
/// let rows = Slab::whole(&shape).along(0, rows_of(1, 4, 1000));
/// assert_eq!(rows.shape(), [250, 6]);
/// // Every fourth column, from column 1 on.
/// let columns = Slab::whole(&shape).along(1, cyclic(1, 4, 6, 1));
/// assert_eq!(columns.shape(), [1000, 2]);
/// // A tile of a chessboard of 2 × 2 ranks.
/// let tile = Slab::whole(&shape).along(0, rows_of(1, 2, 1000)).along(1, rows_of(0, 2, 6));
/// assert_eq!(tile.shape(), [500, 3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slab {
    axes: Vec<Indices>,
}

impl Slab {
    /// All elements of a dataset as it is now.
    pub fn of(dataset: &Dataset) -> Slab {
        Slab::whole(&dataset.shape())
    }

    /// All elements of a dataset of this shape.
    pub fn whole(shape: &[usize]) -> Slab {
        Slab {
            axes: shape.iter().map(|extent| (0..*extent).into()).collect(),
        }
    }

    /// The same, but only with these indices along `axis`.
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn along(mut self, axis: usize, indices: impl Into<Indices>) -> Slab {
        let dims = self.axes.len();
        assert!(
            axis < dims,
            "there is no axis {axis}: the dataset has {dims}"
        );
        self.axes[axis] = indices.into();
        self
    }

    /// None of the elements, for a rank that has nothing to do in a collective transfer. (Of a
    /// dataset without axes, a single number, this is not possible.)
    pub fn nothing(mut self) -> Slab {
        if let Some(first) = self.axes.first_mut() {
            *first = (0..0).into();
        }
        self
    }

    /// The shape of the array that holds these elements in memory.
    pub fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(Indices::len).collect()
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The indices along each axis.
    pub fn axes(&self) -> &[Indices] {
        &self.axes
    }

    /// As hyperslabs whose union this is: of each, for each axis, start, stride, count and
    /// block. Only short last blocks make more than one necessary.
    pub(crate) fn hyperslabs(&self) -> Vec<[Vec<u64>; 4]> {
        let numbers = || Vec::with_capacity(self.axes.len());
        let mut slabs = vec![[numbers(), numbers(), numbers(), numbers()]];
        for axis in &self.axes {
            let before = slabs.len();
            for piece in axis.pieces().skip(1) {
                for index in 0..before {
                    let mut slab = slabs[index].clone();
                    push(&mut slab, piece);
                    slabs.push(slab);
                }
            }
            match axis.pieces().next() {
                Some(piece) => slabs[..before].iter_mut().for_each(|it| push(it, piece)),
                None => slabs.clear(),
            }
        }
        slabs
    }
}

/// A hyperslab's start, stride, count and block along one more axis.
fn push(slab: &mut [Vec<u64>; 4], piece: [u64; 4]) {
    for (numbers, number) in slab.iter_mut().zip(piece) {
        numbers.push(number);
    }
}
