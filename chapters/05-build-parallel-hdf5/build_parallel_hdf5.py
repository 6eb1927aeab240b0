"""Chapter 5 in Python: which HDF5 does this h5py use, and do all ranks get to use it?"""

import os

import h5py
import numpy as np
from mpi4py import MPI

ROWS = 1000

world = MPI.COMM_WORLD
rank, size = world.rank, world.size
path = os.path.join(os.environ.get("WORKBOOK_DATA", "."), "proof-python.hdf5")

# ANCHOR: linked
if rank == 0:
    print("HDF5", h5py.version.hdf5_version)
    print("parallel:", "yes" if h5py.get_config().mpi else "no")
# ANCHOR_END: linked

# ANCHOR: write
start, stop = rank * ROWS // size, (rank + 1) * ROWS // size
mine = np.arange(start, stop, dtype="u8") ** 2
with h5py.File(path, "w", driver="mpio", comm=world) as file:
    squares = file.create_dataset("squares", (ROWS,), dtype="u8")
    squares[start:stop] = mine
    filtered = file.create_dataset(
        "squares-filtered", (ROWS,), dtype="u8", chunks=(100,), shuffle=True
    )
    with filtered.collective:
        filtered[start:stop] = mine
# ANCHOR_END: write

# ANCHOR: read
with h5py.File(path, "r", driver="mpio", comm=world) as file:
    wanted = np.arange(ROWS, dtype="u8") ** 2
    names = ("squares", "squares-filtered")
    right = [int(np.count_nonzero(file[name][:] == wanted)) for name in names]
# ANCHOR_END: read

for other, counts in enumerate(world.gather(right, root=0) or []):
    print(f"rank {other}: read {counts[0]} and {counts[1]} right")
