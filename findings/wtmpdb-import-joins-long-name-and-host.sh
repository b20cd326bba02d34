#!/bin/bash
# Version: wtmpdb 0.73.0-3+deb13u1 (Debian 13)
#
# 'wtmpdb import' joins the name of a user with the host, if the name fills its 32 bytes of wtmp.
#
# Guessed: it knows that such a name has no zero behind it (utmp(5)). useradd allows names of 32 characters.
# Seen with wtmpdb 0.73.0-3+deb13u1 of Debian 13: the user that it stores is the name and the host, so that nobody by that name has
# logged in.
#
# Needs apt, Debian's archive keys and python3, on a machine of the same architecture as a package. Changes nothing outside a temporary
# folder.
set -euo pipefail

packages=(wtmpdb=0.73.0-3+deb13u1 libwtmpdb0=0.73.0-3+deb13u1 libsqlite3-0 libaudit1 libcap-ng0 libsystemd0 libcap2 libc6 libgcc-s1)
expected='ada from 192.0.2.7
name-of-thirty-two-characters-ABhost.example from host.example'

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
chmod 755 "$temp"
mkdir -p "$temp"/{debs,lists/partial,cache/archives/partial}
chmod 777 "$temp/debs" "$temp"/{lists,cache/archives}/partial # apt downloads as a user of its own
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main" >"$temp/sources"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security trixie-security main" >>"$temp/sources"
apt=(apt-get --quiet --quiet -o "Dir::Etc::SourceList=$temp/sources" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$temp/lists"
    -o "Dir::Cache=$temp/cache" -o Dir::State::status=/dev/null)
"${apt[@]}" update
(cd "$temp/debs" && "${apt[@]}" download "${packages[@]}")
for deb in "$temp"/debs/*.deb; do dpkg-deb --extract "$deb" "$temp/root"; done

# With the C library of that release.
libraries=$(dirname "$(find "$temp/root" -name 'libc.so.6' | head -1)")
wtmpdb() {
    "$(find "$temp/root" -name 'ld-linux*' | head -1)" --library-path "$libraries" "$temp/root/usr/bin/wtmpdb" "$@" --file "$temp/wtmp.db"
}

python3 - "$temp/wtmp" <<'END'
import struct, sys

def login(user, host, when):
    return struct.pack("<hxxi32s4s32s256shhiii16s20x", 7, 77, b"pts/0", b"0", user, host, 0, 0, 5, when, 0, b"")

with open(sys.argv[1], "wb") as wtmp:
    wtmp.write(login(b"ada", b"192.0.2.7", 1790000000) + login(b"name-of-thirty-two-characters-AB", b"host.example", 1790000200))
END
wtmpdb import "$temp/wtmp"
seen=$(wtmpdb last --json | python3 -c '
import json, sys
for entry in reversed(json.load(sys.stdin)["entries"]):
    print(entry["user"], "from", entry["hostname"])')
echo "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
