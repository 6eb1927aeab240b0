"""Chapter 2 in Python: all ranks open one file together, and see that it is one."""

import os
from pathlib import Path

import h5py
from mpi4py import MPI

comm = MPI.COMM_WORLD
path = Path(os.environ.get("WORKBOOK_DATA", "target/data")) / "shared-by-python.hdf5"
path.parent.mkdir(parents=True, exist_ok=True)

# Collective: every rank opens the file, and creates the group.
with h5py.File(path, "w", driver="mpio", comm=comm) as file:
    file.create_group("made-together")

    # What this rank sees.
    ranks_of_file = file.id.get_access_plist().get_fapl_mpio()[0].size
    inode = path.stat().st_ino
    same = "the same file" if inode == comm.bcast(inode) else "ANOTHER file"
    seen = f"driver {file.driver}, communicator of {ranks_of_file}, {same}"

    for rank, line in enumerate(comm.gather(seen) or []):
        print(f"rank {rank}: {line}")
