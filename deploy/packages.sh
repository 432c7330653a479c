#!/bin/sh
# usage: packages.sh COMMAND=PACKAGE[?]...
# Makes sure that the commands are there. As root on Debian or Ubuntu it installs the missing packages;
# otherwise one line lists them. A package with a question mark is installed where that is possible, and not
# missed where it is not.
set -eu
PATH=$PATH:/usr/sbin:/sbin # where Debian keeps daemons

missing=
optional=
for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null && continue
    case $pair in
        *\?) package=${pair#*=} optional="$optional ${package%\?}" ;;
        *) missing="$missing ${pair#*=}" ;;
    esac
done

can_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

install() {
    echo "Installing $*"
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

if [ "$missing" ]; then
    # shellcheck disable=SC2086  # a list of words
    if ! { can_install && apt-get update -qq && install $missing; }; then
        echo "Missing from this system:$missing (on Debian or Ubuntu: sudo apt-get install$missing)" >&2
        exit 1
    fi
fi
for package in $optional; do
    if can_install && apt-cache show "$package" >/dev/null 2>&1; then
        install --no-remove "$package" || echo "$package cannot be installed: going on without it"
    fi
done
