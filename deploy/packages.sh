#!/bin/sh
# usage: packages.sh COMMAND=PACKAGE...
# Makes sure that the commands are there: as root on Debian or Ubuntu installs the packages of those that are
# not, else says in one line what is missing.
set -eu
PATH=$PATH:/usr/sbin:/sbin # where Debian keeps daemons

missing=
for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing="$missing ${pair#*=}"
done
[ "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # a list of words
    apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing >/dev/null && exit 0
fi
echo "Missing from this system:$missing (on Debian or Ubuntu: sudo apt-get install$missing)" >&2
exit 1
