#!/usr/bin/env bash
# What cmake --install leaves runs by itself: its own libtorch, recipes, model and text; a short run and an inspection.
#   installed_tree.sh BUILD_FOLDER TOP_FOLDER
set -euo pipefail
build=$1 top=$2
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cmake --install "$build" --prefix "$tree" >"$tree/log" || { cat "$tree/log"; exit 1; }
program=$tree/bin/ropeway

# Nothing of the checkout or of its Python environment.
libraries=$(ldd "$program")
if grep -F "$top" <<<"$libraries"; then
  echo "the installed program loads libraries of the checkout"
  exit 1
fi
[[ $libraries == *"libtorch_cpu.so => $tree/"* ]] || { echo "libtorch is not the installed one"; exit 1; }

for file in share/man/man1/ropeway.1.gz share/man/man1/ropeway-plan.1.gz share/man/man5/ropeway-recipe.5.gz \
  share/bash-completion/completions/ropeway share/zsh/vendor-completions/_ropeway \
  share/fish/vendor_completions.d/ropeway.fish share/ropeway/recipe.schema.json share/doc/ropeway/copyright; do
  [ -s "$tree/$file" ] || { echo "$file is missing"; exit 1; }
done

cd "$tree/share/ropeway"
"$program" version
"$program" validate configs/tiny_minute.yaml --set run_dir="$tree/run" --set data.cache="$tree/cache"
"$program" run configs/tiny_minute.yaml --set run_dir="$tree/run" --set data.cache="$tree/cache" \
  --set stages.tune.steps=2 --set stages.search.refine=none --set stages.search.seed_grid=short \
  --set stages.search.documents=1 --set stages.search.finalist_documents=0 --set stages.further.refine=none \
  --set stages.further.seed_grid=short --set stages.further.finalist_documents=0 --set 'stages.scores.lengths=[256, 1K]'
"$program" inspect "$tree/run"
