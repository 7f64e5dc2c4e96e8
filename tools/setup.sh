#!/bin/sh
# Gets what a build and a run need from outside, on a bare Debian or Ubuntu: a Vulkan driver and a linker.
# Where a driver for any device is installed nothing is changed; on other systems nothing is done at all.
# Arguments are further commands that must exist, each in the package of its name: tools/setup.sh make
set -eu

[ "$(uname -s)" = Linux ] || exit 0
# ldconfig lies where ordinary users do not look
PATH=$PATH:/usr/sbin:/sbin

# Whether the library that a driver's description names can be loaded: a container often has the one without the other.
library_exists() {
    library=$(sed -n 's/.*"library_path"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' "$1" | head -n 1)
    case $library in
        '') return 1 ;;
        /*) [ -e "$library" ] ;;
        */*) [ -e "$(dirname "$1")/$library" ] ;;
        *) ldconfig -p 2>/dev/null | grep -F -q "$library " ;;
    esac
}

have_driver() {
    ldconfig -p 2>/dev/null | grep -F -q 'libvulkan.so.1 ' || return 1
    # whoever names the drivers by hand has decided
    [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] || return 0
    for place in /etc /usr/share /usr/local/etc /usr/local/share "${XDG_DATA_HOME:-${HOME:-/root}/.local/share}"; do
        for description in "$place"/vulkan/icd.d/*.json; do
            if [ -f "$description" ] && library_exists "$description"; then return 0; fi
        done
    done
    return 1
}

packages=
have_driver || packages='libvulkan1 mesa-vulkan-drivers'
command -v cc >/dev/null 2>&1 || packages="$packages gcc libc6-dev"
for name in "$@"; do
    command -v "$name" >/dev/null 2>&1 || packages="$packages $name"
done
[ -n "$packages" ] || exit 0
command -v apt-get >/dev/null 2>&1 || exit 0

# not quoted below: a list of words
packages=$(echo "$packages" | sed 's/^ *//')
as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root=sudo
    # without a terminal nobody can type a password
    [ -t 0 ] || as_root='sudo -n'
    if ! command -v sudo >/dev/null 2>&1 || ! { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        echo "setup: $packages missing and no right to install: ask an administrator for 'apt-get install $packages'," \
            "or name a driver you have with VK_DRIVER_FILES=/path/to/its.json" >&2
        exit 1
    fi
fi

echo "setup: installing $packages with apt-get" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
get() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y "$@" >>"$log" 2>&1
}
# the lists of packages may be absent or old: fetch them only if it does not work without
# shellcheck disable=SC2086
if ! get install --no-install-recommends $packages && ! { get update && get install --no-install-recommends $packages; }; then
    tail -n 20 "$log" >&2
    echo "setup: apt-get could not install $packages; the lines above say why" >&2
    exit 1
fi
