#!/usr/bin/env bash
# One HTML site of all pages (every README.md, configs/REFERENCE.md, CHANGELOG.md), with search, by mkdocs.
#   launch/site.sh [OUT]        default: build/site; look at it with: python3 -m http.server --directory build/site
# Any warning (a dead link, a heading that is not there) is an error, and leaves an earlier site as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-build/site}
say() { echo "site: $*" >&2; }

if [ -e "$out" ] && [ ! -f "$out/sitemap.xml" ]; then
  say "$out exists and is no site: not replaced"
  exit 73
fi
.venv/bin/python -c 'import mkdocs' 2>/dev/null || launch/setup.sh --site

pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT
.venv/bin/python launch/site/stage_pages.py . "$pages"
mkdir -p "$(dirname "$out")"
new=$(realpath "$out").tmp-$$
trap 'rm -rf "$pages" "$new"' EXIT
# Not --quiet: mkdocs then counts no warnings.
if ! .venv/bin/python -m mkdocs build --strict --config-file "$pages/mkdocs.yml" --site-dir "$new" 2>"$pages/log"; then
  cat "$pages/log" >&2
  say "not made: see above"
  exit 65
fi
rm -rf "$out"
mv "$new" "$out"
say "$out: $(find "$out" -name '*.html' | wc -l) pages"
