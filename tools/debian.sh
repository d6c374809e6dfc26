#!/bin/sh
# Install the Debian packages that are missing:  tools/debian.sh PACKAGE...
#
# As root or by passwordless sudo. Otherwise it prints the line to run and ends with 1.
# It ends with 3 when this machine has no apt-get at all. Nothing is asked, nothing is upgraded.
set -eu

installed() {
    dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

missing=
for package in "$@"; do
    installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "These packages are needed, and there is no apt-get to install them:$missing" >&2
    exit 3
fi

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "Debian packages are missing. Run this line, then try again:" >&2
    echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi

# A machine without a network must not make anybody wait for minutes.
options="-qq -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o Acquire::Retries=2"
options="$options -o DPkg::Lock::Timeout=120"

echo "installing Debian packages:$missing"
# Word splitting is wanted: each of these is a list.
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get $options update >/dev/null
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get $options install -y --no-install-recommends $missing >/dev/null
