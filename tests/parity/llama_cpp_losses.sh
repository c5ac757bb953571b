#!/usr/bin/env bash
# Exports a model as GGUF and compares llama.cpp's loss of some tokens with ropeway's, on the same ids. llama.cpp
# comes as the PyPI package xllamacpp, whose wheel holds a CPU build of it, in a venv of its own. Not a test.
#   tests/parity/llama_cpp_losses.sh MODEL IDS.npy LENGTH [--context N] [--evaluate NAME] [OPTIONS of ropeway export]
# --context: tokens that llama.cpp allocates (its -c; default LENGTH). Beyond the original window it takes the long
# factors for every token, whatever the length of the text; --evaluate: the set ropeway evaluates under (default auto),
# which is the long one's name to compare with that:
#   tests/parity/llama_cpp_losses.sh MODEL ids.npy 512 --context 2048 --evaluate long
set -euo pipefail
cd "$(dirname "$0")/../.."
[[ $# -ge 3 ]] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
model=$1 ids=$2 length=$3
shift 3
context=$length factors=auto
while [[ ${1-} == --context || ${1-} == --evaluate ]]; do
  if [[ $1 == --context ]]; then context=$2; else factors=$2; fi
  shift 2
done

venv=build/llama_cpp
if [[ ! -x $venv/bin/python ]] || ! "$venv/bin/python" -c 'import xllamacpp' 2>/dev/null; then
  "$([[ -x .venv/bin/python ]] && echo .venv/bin/python || echo python3)" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --only-binary=:all: numpy xllamacpp==2026.10.11549
fi
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
build/release/bin/ropeway export "$model" "$temporary/model.gguf" --format gguf --dtype fp32 "$@"
build/release/bin/ropeway evaluate "$model" --tokens "$ids" --lengths "$length" --windows 1 --factors "$factors" \
  --save-nll "$temporary/ours.npy" >/dev/null
"$venv/bin/python" tests/parity/llama_cpp_losses.py "$temporary/model.gguf" "$ids" "$length" "$temporary/ours.npy" \
  "$context" 2>"$temporary/log" || { tail -20 "$temporary/log" >&2; exit 1; }
