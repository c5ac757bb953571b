#!/usr/bin/env bash
#
# Fetch the text corpus: download the Debian packages that carry it, unpack them
# into a temporary folder (nothing is installed), and have decode_corpus.py turn
# them into data/corpus/{train,validation,test}/NAME.txt.
#
# All texts are in the public domain. The decoded documents are compared with
# launch/corpus.sha256; a second run finds them in place and does nothing.
#
# --long fetches three documents of 10 to 41 MB into data/corpus_long, for
# stages at 512K and 2M tokens. Two of those are under the GPL (SOURCES.txt).
#
# Exit status: 0 done, 64 wrong usage, 65 a decoded document is not the one in
# the list, 66 a package or a needed tool is missing.

set -euo pipefail

readonly EX_USAGE=64 EX_NOINPUT=66

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
corpus=corpus
long=()
out=
cache=$root/data/cache/deb

usage() {
  cat <<EOF
usage: fetch_corpus.sh [--long] [--out DIR] [--cache DIR]

  --long        few very long documents instead        (default: the standard corpus)
  --out DIR     where the corpus goes                  (default: data/corpus or data/corpus_long)
  --cache DIR   where downloaded packages are kept     (default: data/cache/deb)
EOF
}

fail() { # STATUS MESSAGE
  printf 'fetch_corpus.sh: error: %s\n' "$2" >&2
  exit "$1"
}

while (($#)); do
  case $1 in
    --out | --cache)
      [[ -n ${2-} ]] || fail $EX_USAGE "$1 needs a folder"
      if [[ $1 == --out ]]; then out=$2; else cache=$2; fi
      shift 2
      ;;
    --long)
      corpus=corpus_long
      long=(--long)
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      fail $EX_USAGE "unknown argument: $1"
      ;;
  esac
done

sums=$here/$corpus.sha256
out=${out:-$root/data/$corpus}

if [[ -f $out/SOURCES.txt ]] && (cd "$out" && sha256sum --check --status "$sums" 2>/dev/null); then
  echo "$out: complete, $(wc -l <"$sums") documents match $corpus.sha256"
  exit 0
fi

for tool in apt-get dpkg-deb dpkg python3; do
  command -v "$tool" >/dev/null ||
    fail $EX_NOINPUT "$tool not found: the corpus comes from Debian packages and is fetched on Debian or a derivative"
done

mkdir -p "$cache" "$out"
cache=$(cd "$cache" && pwd)
temporary=$(mktemp -d)
mkdir "$temporary/unpacked"
trap 'rm -rf "$temporary"' EXIT

# The newest intact package file of that name in the cache; fails when there is none.
cached() { # PACKAGE
  local file
  file=$(find "$cache" -maxdepth 1 -name "$1_*.deb" | sort -V | tail -n 1)
  [[ -n $file ]] && dpkg-deb --contents "$file" >/dev/null 2>&1 && printf '%s\n' "$file"
}

# Download into the temporary folder first: what lies in the cache is whole.
download() { # PACKAGE
  local log=$temporary/apt.log folder=$temporary/download
  mkdir -p "$folder"
  if ! (cd "$folder" && apt-get download -qq -o APT::Sandbox::User=root "$1") >"$log" 2>&1; then
    fail $EX_NOINPUT "cannot download package $1 (no network, or no package lists: try 'apt-get update'): $(
      grep -m 1 '^E:' "$log" || tail -n 1 "$log"
    )"
  fi
  mv "$folder/$1"_*.deb "$cache/"
}

for package in $(python3 "$here/decode_corpus.py" "${long[@]}" --packages); do
  if deb=$(cached "$package"); then
    origin=cache
  else
    rm -f "$cache/$package"_*.deb
    download "$package"
    deb=$(cached "$package") || fail $EX_NOINPUT "package $package was downloaded but cannot be read"
    origin=downloaded
  fi
  version=$(dpkg-deb --field "$deb" Version)
  printf '%-18s %-10s %s, %s bytes\n' "$package" "$version" "$origin" "$(stat -c %s "$deb")"
  dpkg -x "$deb" "$temporary/unpacked/${package}_$version" ||
    fail $EX_NOINPUT "package $package cannot be unpacked: $deb"
done

python3 "$here/decode_corpus.py" "${long[@]}" --unpacked "$temporary/unpacked" --out "$out" --sums "$sums"
