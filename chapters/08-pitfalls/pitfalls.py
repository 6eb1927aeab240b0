"""Chapter 8 in Python: two mistakes that h5py lets pass, and a checkpoint that survives."""

import os
from pathlib import Path

import h5py
import numpy as np
from mpi4py import MPI

comm = MPI.COMM_WORLD
folder = Path(os.environ.get("WORKBOOK_DATA", "target/data"))
folder.mkdir(parents=True, exist_ok=True)


def say(text):
    if comm.rank == 0:
        print(text)


# ANCHOR: names
# Each rank gives the dataset another name: no error, and one of them is there.
with h5py.File(folder / "names.hdf5", "w", driver="mpio", comm=comm) as file:
    file.create_dataset(f"numbers-{comm.rank}", (8,), "i4")
comm.barrier()
if comm.rank == 0:
    with h5py.File(folder / "names.hdf5") as file:
        print("names:", len(file), "of", comm.size, "datasets")
# ANCHOR_END: names

# ANCHOR: narrow
# Numbers that are too large for the dataset: no error, and they are cut off.
with h5py.File(folder / "narrow.hdf5", "w", driver="mpio", comm=comm) as file:
    numbers = file.create_dataset("bytes", (comm.size,), "i4")
    numbers[comm.rank : comm.rank + 1] = np.array([3_000_000_000])
comm.barrier()
if comm.rank == 0:
    with h5py.File(folder / "narrow.hdf5") as file:
        print("narrow:", file["bytes"][0])
# ANCHOR_END: narrow


# ANCHOR: checkpoint
def write_then_rename(path, fill):
    """Writes the new file beside the old one, and gives it the name when it is complete."""
    part = path.with_name(path.name + ".part")
    with h5py.File(part, "w", driver="mpio", comm=comm) as file:
        fill(file)
    if comm.rank == 0:  # all have closed it: closing is collective
        with open(part, "rb") as closed:
            os.fsync(closed)
        part.replace(path)
    comm.barrier()  # nobody goes on before it has its name
# ANCHOR_END: checkpoint


def state(file, step):
    file.create_dataset("state", data=np.full(8, step))


for step in range(3):
    write_then_rename(folder / "state-by-python.hdf5", lambda file: state(file, step))
if comm.rank == 0:
    with h5py.File(folder / "state-by-python.hdf5") as file:
        print("checkpoint:", file["state"][...])
