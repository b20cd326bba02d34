#!/bin/bash
# Version: sudo 1.9.13p3-1+deb12u4 (Debian 12)
#
# cvtsudoers -f json prints text that is no JSON for an entry with CWD, although it ends with 0.
#
# Guessed: what -f json prints can be read by any reader of JSON.
# Seen with sudo 1.9.13p3-1+deb12u4 of Debian 12: the options are an array, in which "runcwd": "/" stands without braces. The same entry
# without CWD is read well.
#
# Needs apt, python3 and the libraries of sudo. Changes nothing outside a temporary folder.
set -euo pipefail

version=1.9.13p3-1+deb12u4
expected='without CWD: status 0, JSON
with CWD: status 0, no JSON: "runcwd": "/",'

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
chmod 755 "$temp"
mkdir "$temp/debs"
chmod 777 "$temp/debs" # apt downloads as a user of its own
(cd "$temp/debs" && apt-get --quiet --quiet download "sudo=$version")
dpkg-deb --extract "$temp"/debs/*.deb "$temp/root"
export LD_LIBRARY_PATH=$temp/root/usr/libexec/sudo:$temp/root/usr/lib/sudo

look() {
    local status=0
    echo "$2" | "$temp/root/usr/bin/cvtsudoers" -c /dev/null -f json - >"$temp/json" || status=$?
    if python3 -m json.tool "$temp/json" >/dev/null 2>&1; then
        echo "$1: status $status, JSON"
    else
        echo "$1: status $status, no JSON: $(grep -o '"runcwd".*' "$temp/json")"
    fi
}

seen=$(look 'without CWD' 'alice ALL=(ALL) NOPASSWD: /bin/true' && look 'with CWD' 'alice ALL=(ALL) CWD=/ NOPASSWD: /bin/true')
echo "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
