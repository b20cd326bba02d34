#!/bin/bash
# Version: openssh-client and openssh-server 1:9.2p1-2+deb12u10, libpam 1.5.2 (Debian 12)
#
# The OpenSSH client logs the texts that PAM modules send to the user, at level INFO. So `LogLevel ERROR`, which many set to silence
# "Permanently added ... to the list of known hosts", hides them: those of the auth phase and those of the account phase, with and
# without a terminal.
#
# Guessed: LogLevel is about the client's own messages (ssh_config(5): "the verbosity level that is used when logging messages from
# ssh"). What the server has a user read is shown, as its prompts are.
# Seen with OpenSSH 1:9.2p1-2+deb12u10 of Debian 12, keyboard-interactive, pam_echo of libpam-modules 1.5.2:
#
#   INFO: the texts of both phases
#   ERROR: neither
#
# Needs root, for namespaces, and apt. Changes nothing outside a temporary folder.
set -euo pipefail

version=1:9.2p1-2+deb12u10
expected='INFO -T: text of auth, text of account, command
INFO -tt: text of auth, text of account, command
ERROR -T: command
ERROR -tt: command'

inside() {
    local temp=$1 level terminal
    ip link set lo up
    mount -t tmpfs tmpfs /run
    mkdir -m 755 /run/sshd
    mount --bind "$temp/pam.d" /etc/pam.d
    "$temp/root/usr/sbin/sshd" -f "$temp/sshd_config"
    while [ ! -e "$temp/pid" ]; do sleep 0.1; done # it writes that once it listens
    for level in INFO ERROR; do
        for terminal in -T -tt; do
            "$temp/root/usr/bin/ssh" -F /dev/null -p 2222 "$terminal" -o "LogLevel=$level" -o StrictHostKeyChecking=no \
                -o UserKnownHostsFile=/dev/null root@127.0.0.1 echo command </dev/null >"$temp/output" 2>&1
            echo "$level $terminal: $(tr -d '\r' <"$temp/output" | grep -vE '^(Warning|Connection)' | paste -sd , | sed 's/,/, /g')"
        done
    done
    kill "$(cat "$temp/pid")"
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

for phase in auth account; do
    echo "text of $phase" >"$temp/$phase"
    printf '%s\n' "$phase optional pam_echo.so file=$temp/$phase" "$phase required pam_permit.so"
done >"$temp/pam.d/sshd"
echo 'session required pam_permit.so' >>"$temp/pam.d/sshd"
cat >"$temp/sshd_config" <<END
ListenAddress 127.0.0.1:2222
HostKey $temp/host
PidFile $temp/pid
UsePAM yes
KbdInteractiveAuthentication yes
AuthenticationMethods keyboard-interactive:pam
PermitRootLogin yes
END
"$temp/root/usr/bin/ssh-keygen" -q -t ed25519 -N '' -f "$temp/host"

seen=$(unshare --mount --net --pid --fork --kill-child --mount-proc "$0" --inside "$temp")
echo "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
