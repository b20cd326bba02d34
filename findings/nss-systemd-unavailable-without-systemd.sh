#!/bin/bash
# Version: libnss-systemd 252.39-1~deb12u2 (Debian 12)
#
# Where systemd does not run, the library of nss-systemd says of the groups of a user that the source is unavailable, with ESRCH.
# getgrouplist(3) passes that over. Who asks the source itself must take it for "not found".
#
# Guessed: as for a group by name, the answer is "not found": in a container nobody has groups of systemd's.
# Seen with libnss-systemd 252.39-1~deb12u2 of Debian 12, in a mount namespace with an empty /run:
#
#   getgrnam_r("no-such-group")   0 (not found)
#   initgroups_dyn("nobody-here") -1 (unavailable), error 3 (ESRCH)
#
# Needs root, for a mount namespace, python3 and apt. Changes nothing outside a temporary folder.
set -euo pipefail

version=252.39-1~deb12u2
expected='getgrnam_r: 0, error 0
initgroups_dyn: -1, error 3'

if [ "${1:-}" = --inside ]; then
    mount -t tmpfs tmpfs /run
    exec python3 "$2/ask.py" "$2"
fi

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
chmod 755 "$temp"
mkdir "$temp/debs"
chmod 777 "$temp/debs" # apt downloads as a user of its own
(cd "$temp/debs" && apt-get --quiet --quiet download "libnss-systemd=$version")
dpkg-deb --extract "$temp"/debs/*.deb "$temp/root"
cat >"$temp/ask.py" <<'END'
import ctypes, glob, sys

library = ctypes.CDLL(glob.glob(sys.argv[1] + "/root/**/libnss_systemd.so.2", recursive=True)[0])
libc = ctypes.CDLL(None)
libc.calloc.restype = ctypes.c_void_p
error, group, buffer = ctypes.c_int(0), ctypes.create_string_buffer(256), ctypes.create_string_buffer(4096)
status = library._nss_systemd_getgrnam_r(b"no-such-group", group, buffer, ctypes.c_size_t(4096), ctypes.byref(error))
print(f"getgrnam_r: {status}, error {error.value}")
error, start, size = ctypes.c_int(0), ctypes.c_long(0), ctypes.c_long(16)
groups = ctypes.c_void_p(libc.calloc(16, 4))
status = library._nss_systemd_initgroups_dyn(
    b"nobody-here", 65534, ctypes.byref(start), ctypes.byref(size), ctypes.byref(groups), ctypes.c_long(-1), ctypes.byref(error)
)
print(f"initgroups_dyn: {status}, error {error.value}")
END
seen=$(unshare --mount "$0" --inside "$temp")
echo "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
