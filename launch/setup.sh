#!/usr/bin/env bash
# Installs what building (and, with --tests, testing) needs: Debian packages, and a Python venv in .venv that holds
# libtorch. Does nothing when everything is there. Versions are pinned and downloads are checked against SHA-256.
#   launch/setup.sh [--tests]        TORCH_ROOT=/path/to/torch: use that libtorch, download none
# Exit codes: 0 done, 65 a download does not match its SHA-256, 66 something cannot be had, 71 no right to install.
set -euo pipefail
cd "$(dirname "$0")/.."

with_tests=0
for argument in "$@"; do
  case "$argument" in
    --tests) with_tests=1 ;;
    *) echo "setup.sh: unknown argument '$argument'; usage: launch/setup.sh [--tests]" >&2; exit 2 ;;
  esac
done

say() { echo "setup: $*" >&2; }

# --- Debian packages ---------------------------------------------------------------------------------------------
packages=(g++ cmake ninja-build mold ccache pkg-config git ca-certificates python3 python3-venv
          libopenmpi-dev openmpi-bin openssh-client libboost-dev libboost-program-options-dev libyaml-cpp-dev
          nlohmann-json3-dev libspdlog-dev libfmt-dev libssl-dev libprotobuf-dev protobuf-compiler
          libgtest-dev libgmock-dev)
if [ "$with_tests" = 1 ]; then packages+=(clang-format shellcheck iproute2); fi

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { say "not root and no sudo: cannot install ${missing[*]}"; exit 71; }
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || { say "apt-get update failed"; exit 66; }
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >/dev/null || { say "apt-get could not install: ${missing[*]}"; exit 66; }
fi

# --- Python venv -------------------------------------------------------------------------------------------------
loader_has() { /sbin/ldconfig -p | grep -q "$1"; }

wanted=()
if [ -z "${TORCH_ROOT:-}" ]; then
  wanted+=(libtorch)
  if ! loader_has libcupti.so.13 || ! loader_has libcudart.so.13; then wanted+=(libtorch_runtime); fi
fi
if [ "$with_tests" = 1 ]; then
  wanted+=(tests)
  if [ -z "${TORCH_ROOT:-}" ]; then
    wanted+=(python_torch)
    if ! loader_has libcublas.so.13 || ! loader_has libcudnn.so.9 || ! loader_has libnccl.so.2; then
      wanted+=(python_torch_cuda)
    fi
  fi
fi

# The pinned wheels are those of Python 3.11, Debian 12's.
python=
for candidate in /usr/bin/python3 python3.11 python3; do
  if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
  say "no Python 3.11 found (Debian 12's python3); set TORCH_ROOT to an installed torch 2.11 to build without it"
  exit 66
fi

for list in "${wanted[@]}"; do
  requirements=launch/requirements/$list.txt
  stamp=.venv/.installed-$list
  sum=$(sha256sum <"$requirements")
  [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && continue
  [ -x .venv/bin/python ] || "$python" -m venv .venv
  say "installing $(grep -c == "$requirements") Python wheels of $requirements"
  log=$(mktemp)
  if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
      --require-hashes -r "$requirements" 2>"$log"; then
    cat "$log" >&2
    if grep -q 'DO NOT MATCH THE HASHES' "$log"; then
      say "a download does not match the SHA-256 in $requirements (see above); nothing of it was installed"
      exit 65
    fi
    say "pip could not install $requirements"
    exit 66
  fi
  rm -f "$log"
  echo "$sum" >"$stamp"
done
