"""Chapter 8 in Python: mistakes that h5py lets pass, and a checkpoint that survives.

Two more do not end well: `pitfalls.py scalar` hangs; `pitfalls.py order` hangs, or has an error on
a rank. Their cures are `pitfalls.py array` and `pitfalls.py no-order`.
"""

import os
import sys
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


# ANCHOR: scalar
def fill(value):
    """Each rank fills its rows: two of rank 0, one of each other rank."""
    with h5py.File(folder / "scalar.hdf5", "w", driver="mpio", comm=comm) as file:
        numbers = file.create_dataset("numbers", (comm.size + 1, 4), "i4")
        mine = slice(0, 2) if comm.rank == 0 else slice(comm.rank + 1, comm.rank + 2)
        with numbers.collective:
            numbers[mine, :] = value


def scalar():
    fill(comm.rank)  # one number: a call for each row


def array():
    fill(np.full((2 if comm.rank == 0 else 1, 4), comm.rank))  # one call
# ANCHOR_END: scalar


# ANCHOR: order
def order(flags=h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED):
    """All ranks make the same calls, and one of them gets an error."""
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_attr_creation_order(flags)
    with h5py.File(folder / "order.hdf5", "w", driver="mpio", comm=comm) as file:
        space = h5py.h5s.create_simple((4,))
        kind = h5py.h5t.NATIVE_INT32
        time = h5py.Dataset(h5py.h5d.create(file.id, b"time", kind, space, created))
        for number in range(6):
            time.attrs[f"note-{number}"] = number
        time.make_scale("time")
        for number in range(500):
            variable = file.create_dataset(f"variable-{number}", (4,), "i4")
            try:
                variable.dims[0].attach_scale(time)
            except (RuntimeError, ValueError) as error:
                print(f"order: rank {comm.rank}, variable {number}: {error}", flush=True)
                comm.Abort(1)
# ANCHOR_END: order


if len(sys.argv) > 1:
    ways = {"scalar": scalar, "array": array, "order": order, "no-order": lambda: order(0)}
    ways[sys.argv[1]]()
    say("it ended")
    sys.exit()

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

# ANCHOR: temporary
# Each `file["a"]` is a new object, so the second knows nothing of the `with`: the write is
# independent, which HDF5 refuses for a compressed dataset, and lets pass for any other.
with h5py.File(folder / "temporary.hdf5", "w", driver="mpio", comm=comm) as file:
    file.create_dataset("a", (comm.size,), "i4", compression="gzip")
    try:
        with file["a"].collective:
            file["a"][comm.rank] = comm.rank
        say("temporary: written")
    except OSError as error:
        refused = "independent write with filters" in str(error)
        say(f"temporary: {'an independent write, refused' if refused else error}")
    a = file["a"]
    with a.collective:  # the object that writes
        a[comm.rank] = comm.rank
# ANCHOR_END: temporary

# ANCHOR: link
# h5py opens what an external link points to without MPI-IO, on each rank.
with h5py.File(folder / "head.hdf5", "w", driver="mpio", comm=comm) as file:
    file["elsewhere"] = h5py.ExternalLink("names.hdf5", "/")
for mode in "r", "r+":
    with h5py.File(folder / "head.hdf5", mode, driver="mpio", comm=comm) as file:
        try:
            elsewhere = file["elsewhere"]
        except (KeyError, OSError):
            elsewhere = None
        opened = comm.allreduce(elsewhere is not None)  # all still have it open
        say(f"link, {mode}: opened by {opened} of {comm.size} ranks")
        del elsewhere
# ANCHOR_END: link


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
