#!/bin/bash
# Version: libpam-google-authenticator 20191231-2, pamtester 0.1.2-4, libpam 1.5.2 (Debian 12)
#
# pam_google_authenticator with "forward_pass nullok" asks a user who has no secret for nothing, and so forwards no password. A
# pam_unix behind it with use_first_pass then refuses that user, who was never asked for the password.
#
# Guessed: forward_pass asks everybody for "Password & verification code", because the password is needed in any case; a user
# without a secret types the password alone.
# Seen with libpam-google-authenticator 20191231-2 of Debian 12, libpam 1.5.2, pamtester 0.1.2:
#
#   use_first_pass: no question, Authentication failure
#   try_first_pass: "Password: ", successfully authenticated
#
# Needs root, for namespaces, and apt. Changes nothing outside a temporary folder.
set -euo pipefail

expected='use_first_pass: pamtester: Authentication failure
try_first_pass: Password: pamtester: successfully authenticated'

inside() {
    local temp=$1 first
    cp -a /etc "$temp/etc"
    mount --bind "$temp/etc" /etc
    useradd --no-create-home --home-dir /nonexistent ada
    echo 'ada:right password' | chpasswd
    for first in use_first_pass try_first_pass; do
        cat >/etc/pam.d/finding <<END
auth required $temp/root/lib/$(uname -m)-linux-gnu/security/pam_google_authenticator.so forward_pass nullok
auth required pam_unix.so $first nodelay
account required pam_permit.so
END
        echo "$first: $(echo 'right password' | "$temp/root/usr/bin/pamtester" finding ada authenticate 2>&1 || true)"
    done
}

if [ "${1:-}" = --inside ]; then
    inside "$2"
    exit
fi

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
chmod 755 "$temp"
mkdir "$temp/debs"
chmod 777 "$temp/debs" # apt downloads as a user of its own
(cd "$temp/debs" && apt-get --quiet --quiet download libpam-google-authenticator=20191231-2 pamtester=0.1.2-4)
for deb in "$temp"/debs/*.deb; do dpkg-deb --extract "$deb" "$temp/root"; done
seen=$(unshare --mount "$0" --inside "$temp")
echo "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
