"""Chapter 3 in Python: each rank reads its rows of coords, and writes its rows of distances.

Usage: mpirun -n 4 /usr/bin/python3 distances.py FILE
"""

import sys

import h5py
import numpy as np
from mpi4py import MPI

comm = MPI.COMM_WORLD

with h5py.File(sys.argv[1], "r+", driver="mpio", comm=comm) as file:
    coords = file["coords"]
    rows = len(coords)
    distances = file.require_dataset("distances", (rows,), dtype=coords.dtype, exact=True)

    # My rows: a share for each rank, and one more for the first ones while some are left.
    share, left = divmod(rows, comm.size)
    start = comm.rank * share + min(comm.rank, left)
    end = start + share + (comm.rank < left)

    points = coords[start:end]
    distances[start:end] = np.sqrt(np.sum(points**2, axis=1))
