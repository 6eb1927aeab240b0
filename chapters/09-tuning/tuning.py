"""Chapter 9 in Python: two ways to write, measured in turn, compared as ratios."""

import os
import random
from pathlib import Path
from statistics import quantiles

import h5py
import numpy as np
from mpi4py import MPI

comm = MPI.COMM_WORLD
ROUNDS, COUNT = 5, 16384  # numbers of a rank; every number belongs to the next rank
path = Path(os.environ.get("WORKBOOK_DATA", "target/data")) / "tuning-by-python.hdf5"
path.parent.mkdir(parents=True, exist_ok=True)


def seconds(collective, number):
    """How long the slowest rank takes; checked before it counts."""
    mine = np.arange(COUNT) * comm.size + comm.rank + number
    with h5py.File(path, "w", driver="mpio", comm=comm) as file:
        x = file.create_dataset("x", (COUNT * comm.size,), dtype="i8")
        comm.Barrier()  # all begin together
        start = MPI.Wtime()
        if collective:
            with x.collective:
                x[comm.rank :: comm.size] = mine
        else:
            x[comm.rank :: comm.size] = mine
        own = MPI.Wtime() - start
    slowest = comm.allreduce(own, op=MPI.MAX)
    with h5py.File(path, "r", driver="mpio", comm=comm) as file:
        assert (file["x"][:] == np.arange(COUNT * comm.size) + number).all()
    return slowest


random.seed(1)  # the same order on all ranks
ratios = []
for number in range(ROUNDS + 1):
    took = {}
    for collective in random.sample([False, True], 2):
        took[collective] = seconds(collective, number)
    if number > 0:  # the first round warms up
        ratios.append(took[True] / took[False])

low, median, high = quantiles(ratios, n=4, method="inclusive")
if comm.rank == 0:
    print("every 8 bytes belong to the next rank:")
    print(f"collective takes {median:.2f} ({low:.2f}–{high:.2f}) times as long as independent")
