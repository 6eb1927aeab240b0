"""MPI-IO without HDF5: each rank writes where an offset says, where its pointer is, through a
view, and through a view with holes. Argument: the file."""
import sys

import numpy as np
from mpi4py import MPI

comm = MPI.COMM_WORLD
rank, size = comm.rank, comm.size
file = MPI.File.Open(comm, sys.argv[1], MPI.MODE_CREATE | MPI.MODE_RDWR)
own = np.full(4, rank, dtype="i4")
nothing = np.empty(0, dtype="i4")

file.Write_at(16 * rank, own)  # bytes 0 to 16 · size
file.Seek(1000 + 16 * rank)
file.Write(own)  # from byte 1000
file.Set_view(2000, MPI.INT)
file.Write_at_all(4 * rank, own)  # from byte 2000
file.Write_at_all(0, own if rank == 0 else nothing)

holes = MPI.INT.Create_vector(4, 1, size).Commit()
file.Set_view(3000 + 4 * rank, MPI.INT, holes)
file.Write_at_all(0, own)
file.Close()
