"""Chapter 1 in Python: every process says hello, in no order; then rank 0 makes order."""

# ANCHOR: hello
from mpi4py import MPI  # this line starts MPI, and MPI ends when Python ends

world = MPI.COMM_WORLD
print(f"Hello World (from process {world.rank})")
# ANCHOR_END: hello

# ANCHOR: size
print(f"I am rank {world.rank} of {world.size}")
# ANCHOR_END: size

# ANCHOR: gather
# Each rank hands in a pair; rank 0 gets all, in rank order, the others get None.
answers = world.gather((world.rank, world.size), root=0)
if world.rank == 0:
    for rank, size in answers:
        print(f"gathered: rank {rank} of {size}")
# ANCHOR_END: gather
