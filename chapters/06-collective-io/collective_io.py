"""Chapter 6 in Python: each rank for itself, or all ranks together."""

import os
import sys
from contextlib import nullcontext
from pathlib import Path

import h5py
import numpy as np
from mpi4py import MPI

MOMENTS = 256
SENSORS = int(sys.argv[1]) if len(sys.argv) > 1 else 256

comm = MPI.COMM_WORLD
path = Path(os.environ.get("WORKBOOK_DATA", "target/data")) / "readings-by-python.hdf5"
path.parent.mkdir(parents=True, exist_ok=True)

# A block of rows, or every so many-th column.
share, rest = divmod(MOMENTS, comm.size)
start = comm.rank * share + min(comm.rank, rest)
parts = {
    "rows": np.s_[start : start + share + (comm.rank < rest), :],
    "columns": np.s_[:, comm.rank :: comm.size],
}
everything = np.arange(MOMENTS)[:, None] + np.arange(SENSORS) / 1000

with h5py.File(path, "w", driver="mpio", comm=comm) as file:
    for what, mine in parts.items():
        for way in "independent", "collective":
            table = file.create_dataset(f"{what}-{way}", (MOMENTS, SENSORS), dtype="f8")
            # ANCHOR: write
            with table.collective if way == "collective" else nullcontext():
                table[mine] = everything[mine]
            # ANCHOR_END: write

if comm.rank == 0:
    print(f"4 tables written by {comm.size} ranks")
