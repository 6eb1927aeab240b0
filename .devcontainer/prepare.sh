#!/bin/sh
# Makes of a bare Debian a machine for the workbook: git, make and Rust, and then what the commands
# of the Makefile install, by the same script: `sh .devcontainer/prepare.sh`, or
# `sh .devcontainer/prepare.sh mpich`.
# The dev container begins with it, and so do the workflows of a class.
set -eu
cd "$(dirname "$0")/.."

has() { command -v "$1" >/dev/null 2>&1; }
PATH="${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH"
export PATH

missing=
has git || missing="$missing git"
has make || missing="$missing make"
cargo --version >/dev/null 2>&1 || has curl || missing="$missing curl"
if [ -n "$missing" ]; then
  as=
  [ "$(id -u)" = 0 ] || as=sudo
  $as apt-get update
  # shellcheck disable=SC2086 # words on purpose
  $as apt-get install -y --no-install-recommends ca-certificates $missing
fi

# Debian's own Rust is too old.
cargo --version >/dev/null 2>&1 ||
  curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs |
  sh -s -- -y --profile minimal

# The later steps of a workflow of GitHub's find Rust by this file.
[ -z "${GITHUB_PATH:-}" ] || echo "${CARGO_HOME:-${HOME:-/root}/.cargo}/bin" >>"$GITHUB_PATH"

sh src/workbook/setup.sh "${1:-openmpi}"
