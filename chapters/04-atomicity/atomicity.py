"""Chapter 4 in Python: rank 0 writes, rank 1 reads, in atomic mode."""

import os
from pathlib import Path

import h5py
from mpi4py import MPI

comm = MPI.COMM_WORLD
path = Path(os.environ.get("WORKBOOK_DATA", "target/data")) / "atomic-by-python.hdf5"
path.parent.mkdir(parents=True, exist_ok=True)

with h5py.File(path, "w", driver="mpio", comm=comm) as file:
    file.atomic = True  # collective
    number = file.create_dataset("x", (1,), dtype="i4")

    if comm.rank == 0:
        number[0] = 42

    comm.Barrier()

    if comm.rank == 1:
        print("rank 1 reads", number[0])
