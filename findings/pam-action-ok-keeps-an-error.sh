#!/bin/bash
# Version: libpam0g and libpam-modules 1.5.2-6+deb12u3 (Debian 12)
#
# In a PAM service, `[default=ok]` does not let an error of the module pass: the whole stack returns that error, whatever the lines after
# it say. `[default=ignore]` lets it pass.
#
# Guessed: `ok` counts what the module returned as a success.
# Seen with libpam 1.5.2-6+deb12u3 of Debian 12: pam_debug returns PAM_AUTH_ERR (7) in a line with [default=ok], and pam_permit says yes
# after it. pam_authenticate returns 7, also if pam_permit is sufficient. Only `reset` after it, or `ignore` in its place, changes that.
#
# Needs apt and python3. Changes nothing outside a temporary folder.
set -euo pipefail

version=1.5.2-6+deb12u3
expected='ok, then required pam_permit: 7
ok, then sufficient pam_permit: 7
ok, then a reset, then required pam_permit: 0
ignore, then required pam_permit: 0'

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
chmod 755 "$temp"
mkdir "$temp/debs" "$temp/services"
chmod 777 "$temp/debs" # apt downloads as a user of its own
(cd "$temp/debs" && apt-get --quiet --quiet download "libpam0g=$version" "libpam-modules=$version")
for deb in "$temp"/debs/*.deb; do dpkg-deb --extract "$deb" "$temp/root"; done

cat >"$temp/ask.py" <<'PYTHON'
import ctypes
import pathlib
import sys

folder, library, service = sys.argv[1:]


class Conversation(ctypes.Structure):
    _fields_ = [("function", ctypes.c_void_p), ("data", ctypes.c_void_p)]


pam, handle = ctypes.CDLL(library), ctypes.c_void_p()
assert pam.pam_start_confdir(service.encode(), b"root", ctypes.byref(Conversation()), folder.encode(), ctypes.byref(handle)) == 0
print(pam.pam_authenticate(handle, 0))
PYTHON

library=$(find "$temp/root" -name 'libpam.so.0')
modules=$(dirname "$(find "$temp/root" -name pam_debug.so)")

look() {
    local name=$1
    shift
    for line in "$@"; do echo "auth ${line/pam_/$modules/pam_}"; done >"$temp/services/service"
    echo "$name: $(python3 "$temp/ask.py" "$temp/services" "$library" service)"
}

seen=$(
    look 'ok, then required pam_permit' '[default=ok] pam_debug.so auth=auth_err' 'required pam_permit.so'
    look 'ok, then sufficient pam_permit' '[default=ok] pam_debug.so auth=auth_err' 'sufficient pam_permit.so'
    look 'ok, then a reset, then required pam_permit' '[default=ok] pam_debug.so auth=auth_err' '[default=reset] pam_permit.so' 'required pam_permit.so'
    look 'ignore, then required pam_permit' '[default=ignore] pam_debug.so auth=auth_err' 'required pam_permit.so'
)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
