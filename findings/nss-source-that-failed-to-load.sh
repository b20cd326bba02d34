#!/bin/bash
# Version: libnss-extrausers 0.6-4.1, glibc 2.36 (Debian 12)
#
# Where glibc cannot load the library of a source of the name service, the source does not exist, without an error. It stays so
# for the rest of the process, even once the library could be loaded.
#
# Guessed: getgrnam(3) fails with ENOMEM while there is no memory for the library, and finds the group as soon as there is.
# Seen with libc6 2.36 and libnss-extrausers 0.6-4.1 of Debian 12, "group: files extrausers", by Python's grp.getgrnam, which raises
# OSError for an error and KeyError for "no such group":
#
#   no limit:                       found
#   no room for the library:        KeyError
#   the limit is lifted again:      KeyError
#   a new process without a limit:  found
#
# Needs root, for a mount namespace, python3 and apt. Changes nothing outside a temporary folder.
set -euo pipefail

version=0.6-4.1
expected='no limit: found
no room for the library: KeyError
the limit is lifted again: KeyError
a new process without a limit: found'

inside() {
    local temp=$1
    mkdir "$temp/etc" "$temp/var"
    cp -a /etc/. "$temp/etc"
    printf 'passwd: files\ngroup: files extrausers\n' >"$temp/etc/nsswitch.conf"
    mount --bind "$temp/etc" /etc
    mount -t tmpfs tmpfs /var
    mkdir -p /var/lib/extrausers
    echo 'guests:x:7001:' >/var/lib/extrausers/group
    export LD_LIBRARY_PATH=$temp/root/usr/lib:$temp/root/lib
    python3 "$temp/ask.py" without
    python3 "$temp/ask.py" with
    python3 "$temp/ask.py" again
}

if [ "${1:-}" = --inside ]; then
    inside "$2"
    exit
fi

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
mkdir "$temp/root" "$temp/debs"
chmod 755 "$temp"
chmod 777 "$temp/debs" # apt downloads as a user of its own
(cd "$temp/debs" && apt-get --quiet --quiet download "libnss-extrausers=$version")
for deb in "$temp"/debs/*.deb; do dpkg-deb --extract "$deb" "$temp/root"; done
cat >"$temp/ask.py" <<'END'
import grp, resource, sys

def ask(when):
    try:
        grp.getgrnam("guests")
        print(f"{when}: found")
    except (KeyError, OSError) as error:
        print(f"{when}: {type(error).__name__}")

match sys.argv[1]:
    case "without":
        ask("no limit")
    case "again":
        ask("a new process without a limit")
    case "with":
        pages = int(open("/proc/self/statm").read().split()[0])
        room = bytearray(1 << 16)  # for what Python itself needs
        usual = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + len(room), usual[1]))
        del room
        ask("no room for the library")
        resource.setrlimit(resource.RLIMIT_AS, usual)
        ask("the limit is lifted again")
END
seen=$(unshare --mount "$0" --inside "$temp")
echo "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
