#!/usr/bin/env bash
# The manual pages that ropeway writes: one per verb and one of recipes, without a warning of mandoc's.
#   man_pages.sh ROPEWAY
set -euo pipefail
program=$1
command -v mandoc >/dev/null || { echo "skipped: mandoc is not installed"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$program" help --man "$folder"
for page in "$folder"/man1/ropeway-*.1; do
  verb=${page##*/ropeway-}
  verb=${verb%.1}
  text=$(mandoc -T ascii "$page" | col -b)
  "$program" "$verb" --help | { grep -o -- '--[a-z][a-z0-9-]*' || true; } | sort -u | while read -r option; do
    [[ $text == *"$option"* ]] || { echo "$page lacks $option"; exit 1; }
  done
done
text=$(mandoc -T ascii "$folder/man5/ropeway-recipe.5" | col -b)
for key in learning_rate hang_seconds document_mask; do
  [[ $text == *"$key"* ]] || { echo "no $key"; exit 1; }
done
mandoc -T lint -W warning "$folder"/man*/*
