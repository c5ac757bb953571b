#!/usr/bin/env bash
# Makes a Debian package of the program (build/release/ropeway_*.deb) and looks at it with lintian, if that is installed.
#   launch/package.sh
# Its maintainer is whoever makes it: DEBFULLNAME and DEBEMAIL, as Debian's own tools take them, else git's user.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${DEBFULLNAME:-$(git config user.name || true)}
address=${DEBEMAIL:-$(git config user.email || true)}
if [[ -z $name || -z $address ]]; then
  echo "launch/package.sh: found no maintainer for the package; wanted DEBFULLNAME=\"NAME\" DEBEMAIL=ADDRESS" >&2
  exit 78
fi
launch/build.sh ropeway
cd build/release
rm -f ropeway_*.deb
cpack -G DEB -D CPACK_DEBIAN_PACKAGE_MAINTAINER="$name <$address>"
package=$(ls ropeway_*.deb)
if command -v lintian >/dev/null; then
  # As root lintian wants to be told so.
  lintian --allow-root --fail-on error,warning "$package"
fi
echo "build/release/$package"
