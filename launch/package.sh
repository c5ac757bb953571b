#!/usr/bin/env bash
# Makes a Debian package of the program (build/release/ropeway_*.deb) and looks at it with lintian, if that is installed.
#   launch/package.sh
set -euo pipefail
cd "$(dirname "$0")/.."
launch/build.sh ropeway
cd build/release
rm -f ropeway_*.deb
cpack -G DEB
package=$(ls ropeway_*.deb)
if command -v lintian >/dev/null; then
  # As root lintian wants to be told so.
  lintian --allow-root --fail-on error,warning "$package"
fi
echo "build/release/$package"
