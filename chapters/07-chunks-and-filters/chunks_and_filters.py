"""Chapter 7 in Python: a compressed dataset, written by all ranks together; and it grows.

Usage: mpirun -n 4 /usr/bin/python3 chunks_and_filters.py
"""

import os

import h5py
import numpy as np
from mpi4py import MPI

comm = MPI.COMM_WORLD
path = os.path.join(os.environ.get("WORKBOOK_DATA", "."), "heights-by-python.hdf5")
rows, columns, chunk = 1000, 64, 64


def heights(mine):
    """The heights of some rows: the same numbers as in Rust."""
    row, column = np.meshgrid(mine, np.arange(columns), indexing="ij")
    slope = lambda at, period: np.abs(at % period - period // 2)
    pebbles = (row * 7 + column * 13) * (row + column) % 5
    return (500 + 3 * slope(row, 200) + 2 * slope(column, 50) + pebbles).astype("i4")


def share(rank, size, count):
    """Which of so many things belong to a rank."""
    each, left = divmod(count, size)
    start = rank * each + min(rank, left)
    return start, start + each + (rank < left)


with h5py.File(path, "w", driver="mpio", comm=comm) as file:
    # ANCHOR: create
    dataset = file.create_dataset("heights", (rows, columns), dtype="i4",
                                  chunks=(chunk, columns), maxshape=(None, columns),
                                  shuffle=True, compression="gzip", compression_opts=6)
    # ANCHOR_END: create

    # ANCHOR: write
    # Whole chunks for each rank; the last chunk has fewer rows.
    first, last = share(comm.rank, comm.size, -(-rows // chunk))
    start, end = min(first * chunk, rows), min(last * chunk, rows)
    with dataset.collective:
        dataset[start:end] = heights(range(start, end))
    # ANCHOR_END: write

    # ANCHOR: append
    dataset.resize((rows + 100, columns))  # all ranks, the same shape
    start, end = share(comm.rank, comm.size, 100)
    with dataset.collective:
        dataset[rows + start:rows + end] = heights(range(rows + start, rows + end))
    # ANCHOR_END: append
    size = dataset.id.get_storage_size()

if comm.rank == 0:
    print(f"{(rows + 100) * columns * 4} bytes of numbers take {size} bytes of the file")
