#!/bin/bash
# Version: sudo 1.9.13p3-1+deb12u4 (Debian 12)
#
# In the JSON of cvtsudoers, settings of a caller (Defaults:alice) and settings for a target (Defaults>alice) are the same.
#
# Guessed: a format that is made to be read by programs says which of the two a binding is, as the LDIF and sudoers formats do.
# Seen with sudo 1.9.13p3-1+deb12u4 of Debian 12: both are "Binding": [{"username": "alice"}]. For hosts and commands it is told, by
# "hostname" and "command".
#
# Needs apt, python3 and the libraries of sudo. Changes nothing outside a temporary folder.
set -euo pipefail

version=1.9.13p3-1+deb12u4
expected='Defaults:alice !lecture  [{"username": "alice"}]
Defaults>alice !lecture  [{"username": "alice"}]
Defaults@alice !lecture  [{"hostname": "alice"}]'

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
chmod 755 "$temp"
mkdir "$temp/debs"
chmod 777 "$temp/debs" # apt downloads as a user of its own
(cd "$temp/debs" && apt-get --quiet --quiet download "sudo=$version")
dpkg-deb --extract "$temp"/debs/*.deb "$temp/root"
export LD_LIBRARY_PATH=$temp/root/usr/libexec/sudo:$temp/root/usr/lib/sudo

binding() {
    echo "$1" | "$temp/root/usr/bin/cvtsudoers" -c /dev/null -f json - |
        python3 -c 'import json, sys; print(sys.argv[1], "", json.dumps(json.load(sys.stdin)["Defaults"][0]["Binding"]))' "$1"
}

seen=$(for line in 'Defaults:alice !lecture' 'Defaults>alice !lecture' 'Defaults@alice !lecture'; do binding "$line"; done)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
