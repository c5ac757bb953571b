#!/usr/bin/env bash
# Installs what building (and, with --tests, testing) needs: Debian packages, and a Python venv in .venv that holds
# libtorch. Does nothing when everything is there. Versions are pinned and downloads are checked against SHA-256.
#   launch/setup.sh [--tests]        TORCH_ROOT=/path/to/torch: use that libtorch, download none
#   launch/setup.sh --site           only what launch/site.sh needs: no compiler, no libtorch
# Exit codes: 0 done, 65 a download does not match its SHA-256, 66 something cannot be had, 71 no right to install.
set -euo pipefail
cd "$(dirname "$0")/.."

with_tests=0
only_site=0
for argument in "$@"; do
  case "$argument" in
    --tests) with_tests=1 ;;
    --site) only_site=1 ;;
    *) echo "setup.sh: unknown argument '$argument'; usage: launch/setup.sh [--tests|--site]" >&2; exit 2 ;;
  esac
done

say() { echo "setup: $*" >&2; }

if [ -n "${TORCH_ROOT:-}" ] && [ ! -f "$TORCH_ROOT/lib/libtorch_cpu.so" ]; then
  say "TORCH_ROOT='$TORCH_ROOT' holds no lib/libtorch_cpu.so; wanted the folder of an installed torch 2.11"
  exit 66
fi

# --- Debian packages ---------------------------------------------------------------------------------------------
packages=(g++ cmake ninja-build mold ccache pkg-config git ca-certificates python3 python3-venv
          libopenmpi-dev openmpi-bin openssh-client libboost-dev libboost-program-options-dev libyaml-cpp-dev
          nlohmann-json3-dev libspdlog-dev libfmt-dev libssl-dev libprotobuf-dev protobuf-compiler
          libpcre2-dev libutf8proc-dev libsentencepiece-dev zlib1g-dev libzstd-dev liblzma-dev libbz2-dev
          libcpp-httplib-dev libgtest-dev libgmock-dev librapidcheck-dev)
if [ "$only_site" = 1 ]; then packages=(git python3 python3-venv); fi
if [ "$with_tests" = 1 ]; then packages+=(clang-format shellcheck iproute2 mpich libmpich-dev slurm-wlm munge mandoc zsh fish lintian chromium
  lz4 lzip ncompress p7zip-full poppler-utils unar); fi  # unpack what the data reader refuses

installed=" $({ dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true; } |
  sed -n 's/^installed //p' | tr '\n' ' ')"
missing=()
for package in "${packages[@]}"; do
  case "$installed" in *" $package "*) ;; *) missing+=("$package") ;; esac
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
known_libraries=$(/sbin/ldconfig -p || true)
loader_has() { [[ $known_libraries == *"$1"* ]]; }

# PyTorch as a Python package, for tests that compare with it: the one TORCH_ROOT belongs to, when Python can load it.
torch_stamp=.venv/.uses-torch-root
python_takes_torch_root() {
  [ -n "${TORCH_ROOT:-}" ] || return 1
  [ "$(cat "$torch_stamp" 2>/dev/null)" = "$TORCH_ROOT" ] && return
  make_venv
  PYTHONPATH=$(dirname "$TORCH_ROOT") .venv/bin/python -c 'import torch' 2>/dev/null || return 1
  dirname "$TORCH_ROOT" >"$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch_root.pth"
  echo "$TORCH_ROOT" >"$torch_stamp"
}

# A venv that can install; one that a killed run left half made is completed.
make_venv() {
  .venv/bin/python -c 'import pip' 2>/dev/null && return
  # The pinned wheels are those of Python 3.11, Debian 12's.
  local python
  for python in /usr/bin/python3 python3.11 python3; do
    "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || continue
    "$python" -m venv .venv && return
    say "$python cannot make a venv in $PWD/.venv"
    exit 66
  done
  say "no Python 3.11 found (Debian 12's python3), which the pinned wheels are for; the program alone builds without"
  say "one when TORCH_ROOT names an installed torch 2.11"
  exit 66
}

exec 3>&2 # progress goes where messages go; pip's errors are read first
install_list() {
  local list=$1 requirements stamp sum log verbosity
  requirements=launch/requirements/$list.txt
  stamp=.venv/.installed-$list
  sum=$(sha256sum <"$requirements")
  [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return
  make_venv
  say "installing $(grep -c == "$requirements") Python wheels of $requirements"
  # One wheel of half a gigabyte: pip shows how far it is. Many small ones: only what goes wrong.
  if [ "$list" = libtorch ]; then verbosity=(); else verbosity=(--quiet); fi
  log=$(mktemp)
  if ! .venv/bin/python -m pip install "${verbosity[@]}" --disable-pip-version-check --no-input --no-deps \
      --only-binary=:all: --require-hashes -r "$requirements" 2>"$log" >&3; then
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
}

if [ "$only_site" = 1 ] || [ "$with_tests" = 1 ]; then install_list site; fi
if [ "$only_site" = 1 ]; then exit 0; fi
if [ "$with_tests" = 1 ]; then install_list tests; fi
if [ -z "${TORCH_ROOT:-}" ] || { [ "$with_tests" = 1 ] && ! python_takes_torch_root; }; then
  install_list libtorch
  if ! loader_has libcupti.so.13 || ! loader_has libcudart.so.13; then install_list libtorch_runtime; fi
  if [ "$with_tests" = 1 ]; then
    install_list python_torch
    if ! loader_has libcublas.so.13 || ! loader_has libcudnn.so.9 || ! loader_has libnccl.so.2; then
      install_list python_torch_cuda
    fi
  fi
fi
