#!/bin/sh
# Installs what a target of the Makefile needs, if it is missing: `setup.sh openmpi mpich tests`.
#
# A shell script, because it comes before everything else: without a C compiler not even
# the `workbook` command can be built. It lists what is missing, asks if there is somebody
# to ask, and installs as root or by sudo; without either it prints the one command that
# an administrator has to run. It prints nothing when nothing is missing.
set -eu

least_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

# One line for each argument.
say() { printf '%s\n' "$@" >&2; }
fail() { say "$@"; exit 1; }

# What is different where nobody may install packages.
. src/workbook/rootless.sh

# --- Rust --------------------------------------------------------------------------
# True if version $1 is at least version $2.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n | head -n 1)" = "$2" ]; }

# A terminal that was open before rustup was installed does not know its folder yet; a Rust
# from the system's packages may come first on the PATH.
rust_cure() {
  home=${CARGO_HOME:-${HOME:-/nonexistent}/.cargo}
  if command -v rustup >/dev/null 2>&1; then echo "\`rustup update stable\`"
  elif [ -x "$home/bin/rustup" ]; then echo "rustup's is here: \`. $home/env && rustup update stable\`"
  else echo "install Rust $least_rust or newer with rustup (https://rustup.rs), then open a new terminal."; fi
}

check_rust() {
  for tool in cargo rustc; do
    rust=$($tool --version 2>/dev/null | sed -n "s/^$tool \([0-9]*\.[0-9]*\).*/\1/p" || true)
    [ -n "$rust" ] || fail "Rust is missing: there is no \`$tool\` that works on the PATH." "Cure: $(rust_cure)"
    at_least "$rust" "$least_rust" || fail \
      "Rust is too old: $(command -v $tool) is $rust, the workbook needs $least_rust or newer." "Cure: $(rust_cure)"
  done
}

# --- Which packages ------------------------------------------------------------------
# A need is a word of this script; each system has its own names for what meets it.
debian() {
  case $1 in
    rust) echo gcc libc6-dev ;;
    openmpi) echo gcc libc6-dev pkg-config libclang-dev openmpi-bin libopenmpi-dev libhdf5-openmpi-dev ;;
    mpich) echo gcc libc6-dev pkg-config libclang-dev mpich libmpich-dev libhdf5-mpich-dev ;;
    # CMake and Ninja come from pip where the system has none, or too old ones.
    hdf5-source) echo python3-venv zlib1g-dev ;;
    hdf5-debian-source) echo make dpkg-dev zlib1g-dev ;;
    h5py-source) echo g++ python3-dev python3-venv ;;
    python) echo openmpi-bin python3 python3-mpi4py python3-h5py python3-h5py-mpi ;;
    browser) echo chromium fonts-dejavu-core ;;
    # Slurm loads PMIx by its name without a number, which is in libpmix-dev; a slurmd that was
    # started without it hangs on jobs that want it.
    slurm) echo libpmix-dev slurm-wlm ;;
    hosts) echo iproute2 util-linux ;;
    tests) echo openmpi-bin libopenmpi-dev libhdf5-openmpi-dev mpich libmpich-dev libhdf5-mpich-dev \
      libhdf5-dev hdf5-tools fuse3 python3 python3-venv python3-mpi4py python3-h5py python3-h5py-mpi procps iproute2 ;;
    *) return 1 ;;
  esac
}

# Not tried: nobody has run these. Corrections are welcome.
fedora() {
  case $1 in
    rust) echo gcc ;;
    openmpi) echo gcc pkgconf clang-devel openmpi openmpi-devel hdf5-openmpi-devel ;;
    mpich) echo gcc pkgconf clang-devel mpich mpich-devel hdf5-mpich-devel ;;
    hdf5-source) echo cmake ninja-build python3 zlib-devel ;;
    hdf5-debian-source) ;;
    h5py-source) echo gcc-c++ python3-devel ;;
    python) echo python3 python3-mpi4py-openmpi python3-h5py-openmpi ;;
    browser) echo chromium ;;
    hosts) echo iproute util-linux ;;
    tests) echo hdf5 hdf5-devel procps-ng iproute ;;
    *) return 1 ;;
  esac
}
homebrew() {
  case $1 in
    rust) ;;
    openmpi) echo open-mpi hdf5-mpi llvm pkgconf ;;
    mpich) echo mpich llvm pkgconf ;;
    hdf5-source) echo cmake ninja python ;;
    python) echo python mpi4py ;;
    *) ;;
  esac
}

system() {
  if command -v apt-get >/dev/null 2>&1; then echo debian
  elif command -v dnf >/dev/null 2>&1; then echo fedora
  elif command -v brew >/dev/null 2>&1; then echo homebrew
  else echo unknown; fi
}

# Of the packages given, those that are not installed.
missing_of() {
  case $system in
    debian)
      for package in "$@"; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || echo "$package"
      done ;;
    fedora) for package in "$@"; do rpm -q "$package" >/dev/null 2>&1 || echo "$package"; done ;;
    homebrew) for package in "$@"; do brew list "$package" >/dev/null 2>&1 || echo "$package"; done ;;
  esac
}

# --- Installing ----------------------------------------------------------------------
install_command() {
  case $system in
    debian) echo "apt-get install -y --no-install-recommends $*" ;;
    fedora) echo "dnf install -y $*" ;;
    homebrew) echo "brew install $*" ;;
  esac
}

# True if packages may be installed: as root, by sudo (if somebody is there to be asked for the
# password), or because the system wants neither.
may_install() {
  [ "$system" = homebrew ] || [ "$(id -u)" = 0 ] ||
    { command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ]; }; }; }
}

confirmed() {
  { [ -t 0 ] && [ -t 2 ]; } || return 0
  printf 'Install them now? [Y/n] ' >&2
  read -r answer || return 1
  case $answer in ''|[Yy]*) return 0 ;; *) return 1 ;; esac
}

# Says what can be done about missing packages where they may not be installed; returns if the
# reader wants to go on without them.
refuse() {
  say "These packages are missing:" "  $*"
  # An administrator is asked once, so for what the chapters need as well.
  # shellcheck disable=SC2046 # words on purpose
  is_chosen "${MPI:-openmpi}" || set -- $(printf '%s\n' "$@" $(missing_of $($system "${MPI:-openmpi}")) | sort -u)
  [ "$system" = debian ] && refresh='apt-get update && ' || refresh=
  say "You are neither root nor allowed to use sudo. Ask your administrator to run this one command," \
    "which installs what the chapters need as well:" \
    "  sudo sh -c '$refresh$(install_command "$@")'"
  [ -n "$mpis" ] && [ "${ROOTLESS:-}" != 0 ] && [ -z "$from_wheels" ] || exit 1
  say "Or do without them: $without_root"
  { [ -t 0 ] && [ -t 2 ]; } || exit 1
  printf 'Do that now? [y/N] ' >&2
  read -r answer || exit 1
  case $answer in [Yy]*) ;; *) exit 1 ;; esac
}

install() {
  command=$(install_command "$@")
  [ "$system" = debian ] && refresh='apt-get update' || refresh=
  whole="${refresh:+$refresh && }$command"
  say "These packages are missing:" "  $*"
  if [ "$system" = homebrew ] || [ "$(id -u)" = 0 ]; then as=; else as='sudo env DEBIAN_FRONTEND=noninteractive'; fi
  confirmed || fail "Nothing was installed. When you are ready:" "  ${as:+sudo }sh -c '$whole'"
  export DEBIAN_FRONTEND=noninteractive
  case " $* " in *' slurm-wlm '*) start_nothing ;; esac
  log=$(mktemp)
  say "Installing them (a minute or two; the details go to $log) …"
  for step in "$refresh" "$command"; do
    [ -n "$step" ] || continue
    # shellcheck disable=SC2086 # words on purpose
    $as $step >"$log" 2>&1 </dev/null || {
      tail -n 15 "$log" >&2
      fail "This failed: $as $step" "The whole log: $log" ${as:+"Without root it goes like this: $without_root"}
    }
  done
  # shellcheck disable=SC2086 # words on purpose
  [ -z "${idle:-}" ] || ! command -v systemctl >/dev/null 2>&1 || $as systemctl --quiet disable $idle >"$log" 2>&1 || true
  rm -f "$log"
}

# Debian starts the daemons of a package when it installs it, Slurm's and munge's among them, and
# again whenever the machine starts. Nobody asked for that: the workbook starts its own. So for
# the time of the installation all are kept from it (deb-systemd-invoke and invoke-rc.d ask
# policy-rc.d), and afterwards these are not to start by themselves.
start_nothing() {
  [ -e /usr/sbin/policy-rc.d ] || {
    $as sh -c "printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d"
    trap '$as rm -f /usr/sbin/policy-rc.d' EXIT
    trap 'exit 1' HUP INT TERM
  }
  idle='slurmctld slurmd munge'
}

# --- main ----------------------------------------------------------------------------
# `setup.sh --packages openmpi` only prints the command that would install what the need
# asks for, `setup.sh --missing openmpi` that for what is missing of it (nothing if nothing
# is): for the book and for the doctor.
only_print=
case ${1:-} in --packages | --missing) only_print=$1; shift ;; esac
system=$(system)
wanted=
for need in rust "$@"; do
  [ "$system" = unknown ] && break
  wanted="$wanted $($system "$need")" || fail "setup.sh: no such need: $need"
done
# shellcheck disable=SC2086 # words on purpose
wanted=$(printf '%s\n' $wanted | sort -u)
if [ -n "$only_print" ]; then
  # shellcheck disable=SC2086 # words on purpose
  [ "$only_print" = --packages ] || wanted=$(missing_of $wanted)
  # shellcheck disable=SC2086 # words on purpose
  [ -z "$wanted" ] || install_command $wanted
  exit 0
fi

check_rust
mpis=
for need in "$@"; do
  case $need:" $mpis " in openmpi:*" openmpi "* | mpich:*" mpich "*) ;; openmpi:* | mpich:*) mpis="$mpis $need" ;; esac
done
# shellcheck disable=SC2086 # words on purpose
decide $mpis
plan "$@"
if [ "$system" = unknown ] && [ -z "$from_wheels" ]; then
  say "This system's packages are unknown to the workbook: install an MPI with its mpicc, a parallel HDF5 and libclang yourself." \
    "Or do without: $without_root"
  exit 0
fi
[ "$system" = debian ] || [ -e target/.setup-warned ] || {
  say "Note: nobody has tried the workbook on this system yet; tell us what you find."
  mkdir -p target && : >target/.setup-warned
}
if [ -n "$missing" ] && ! may_install; then
  # shellcheck disable=SC2086 # words on purpose
  refuse $missing
  ROOTLESS=1
  # shellcheck disable=SC2086 # words on purpose
  decide $mpis
  plan "$@"
  # shellcheck disable=SC2086 # words on purpose
  [ -z "$missing" ] || refuse $missing
fi
# shellcheck disable=SC2086 # words on purpose
[ -z "$missing" ] || install $missing
# shellcheck disable=SC2086 # words on purpose
[ -z "$from_wheels" ] || provide $from_wheels
