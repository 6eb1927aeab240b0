"""Chapter 3 in Python, and how long it takes.

Usage: mpirun -n 2 /usr/bin/python3 distances.py FILE BLOCK

In blocks of BLOCK rows, in memory that is used again; BLOCK 0: all rows of a rank at once, as
the lesson has it that this workbook retells.
"""

import sys

import h5py
import numpy as np
from mpi4py import MPI

comm = MPI.COMM_WORLD


def slowest(seconds):
    return comm.allreduce(seconds, op=MPI.MAX)


def peak_memory():
    """The most memory that this process has used, in MiB."""
    with open("/proc/self/status") as status:
        kib = next(line.split()[1] for line in status if line.startswith("VmHWM:"))
    return int(kib) / 1024


def whole(coords, distances, start, end):
    points = coords[start:end]
    distances[start:end] = np.sqrt(np.sum(points**2, axis=1))


def blocked(coords, distances, start, end, block):
    points = np.empty((block, coords.shape[1]), coords.dtype)
    result = np.empty(block, coords.dtype)
    for first in range(start, end, block):
        rows = min(block, end - first)
        slab = np.s_[first : first + rows]
        coords.read_direct(points, slab, np.s_[:rows])
        np.multiply(points[:rows], points[:rows], out=points[:rows])
        np.add(points[:rows, 0], points[:rows, 1], out=result[:rows])
        np.sqrt(result[:rows], out=result[:rows])
        distances.write_direct(result, np.s_[:rows], slab)


path, block = sys.argv[1], int(sys.argv[2])
comm.Barrier()
begin = MPI.Wtime()
file = h5py.File(path, "r+", driver="mpio", comm=comm)
coords, distances = file["coords"], file["distances"]
opened = slowest(MPI.Wtime() - begin)

begin = MPI.Wtime()
share, left = divmod(len(coords), comm.size)
start = comm.rank * share + min(comm.rank, left)
end = start + share + (comm.rank < left)
if block == 0:
    whole(coords, distances, start, end)
else:
    blocked(coords, distances, start, end, block)
worked = slowest(MPI.Wtime() - begin)

begin = MPI.Wtime()
file.close()
closed = slowest(MPI.Wtime() - begin)
most = comm.allreduce(peak_memory(), op=MPI.MAX)
if comm.rank == 0:
    print(f"open {opened:.6f} s, work {worked:.6f} s, close {closed:.6f} s; at most {most:.1f} MiB a rank")
