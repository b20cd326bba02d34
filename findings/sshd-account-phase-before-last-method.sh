#!/bin/bash
# Version: openssh-server 1:9.2p1-2+deb12u10, libpam 1.5.2 (Debian 12)
#
# sshd enters PAM's account phase before it adds the method that just succeeded to SSH_AUTH_INFO_0. An account module that reads
# this variable sees nothing after a key alone, and a list without its last method after several. The session phase sees all.
#
# Guessed: the account phase comes after authentication, so the list is complete there (sshd_config(5), ExposeAuthInfo: "the list
# of successful authentication methods").
# Seen with OpenSSH 1:9.2p1-2+deb12u10 of Debian 12, UsePAM yes, pam_exec of libpam-modules 1.5.2:
#
#   AuthenticationMethods publickey
#     account:
#     session: publickey
#   AuthenticationMethods publickey,keyboard-interactive:pam
#     account: publickey
#     session: publickey keyboard-interactive/pam
#
# Needs root, for namespaces, and apt. Changes nothing outside a temporary folder.
set -euo pipefail

version=1:9.2p1-2+deb12u10
expected='publickey account:
publickey session: publickey
publickey,keyboard-interactive:pam account: publickey
publickey,keyboard-interactive:pam session: publickey keyboard-interactive/pam'

inside() {
    local temp=$1 methods
    ip link set lo up
    mount -t tmpfs tmpfs /run
    mkdir -m 755 /run/sshd
    mount --bind "$temp/pam.d" /etc/pam.d
    for methods in publickey publickey,keyboard-interactive:pam; do
        echo "$methods" >"$temp/methods"
        "$temp/root/usr/sbin/sshd" -f "$temp/sshd_config" -o "AuthenticationMethods=$methods"
        while [ ! -e "$temp/pid" ]; do sleep 0.1; done # it writes that once it listens
        "$temp/root/usr/bin/ssh" -F /dev/null -p 2222 -i "$temp/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
            -o LogLevel=ERROR root@127.0.0.1 true </dev/null
        kill "$(cat "$temp/pid")"
        while [ -e "$temp/pid" ]; do sleep 0.1; done
    done
}

if [ "${1:-}" = --inside ]; then
    inside "$2"
    exit
fi

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
mkdir "$temp/pam.d" "$temp/root" "$temp/debs"
chmod 755 "$temp"
chmod 777 "$temp/debs" # apt downloads as a user of its own
(cd "$temp/debs" && apt-get --quiet --quiet download "openssh-server=$version" "openssh-client=$version")
for deb in "$temp"/debs/*.deb; do dpkg-deb --extract "$deb" "$temp/root"; done

cat >"$temp/say" <<END
#!/bin/sh
[ "\$PAM_TYPE" != close_session ] || exit 0
list=\$(echo "\$SSH_AUTH_INFO_0" | cut -d' ' -f1 | tr '\n' ' ')
echo "\$(cat $temp/methods) \$1: \$list" | sed 's/ *\$//' >>"$temp/seen"
END
chmod 755 "$temp/say"
cat >"$temp/pam.d/sshd" <<END
auth     required pam_permit.so
account  required pam_exec.so $temp/say account
session  required pam_exec.so $temp/say session
password required pam_deny.so
END
cat >"$temp/sshd_config" <<END
ListenAddress 127.0.0.1:2222
HostKey $temp/host
PidFile $temp/pid
UsePAM yes
KbdInteractiveAuthentication yes
AuthorizedKeysFile $temp/key.pub
StrictModes no
PermitRootLogin yes
END
"$temp/root/usr/bin/ssh-keygen" -q -t ed25519 -N '' -f "$temp/host"
"$temp/root/usr/bin/ssh-keygen" -q -t ed25519 -N '' -f "$temp/key"
unshare --mount --net --pid --fork --kill-child --mount-proc "$0" --inside "$temp"

seen=$(cat "$temp/seen")
echo "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
