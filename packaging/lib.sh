# What packaging/install, packaging/documents and packaging/uninstall share: where things go. Sourced, not run.
# shellcheck shell=bash disable=SC2034
DESTDIR=${DESTDIR:-}
PREFIX=${PREFIX:-/usr}
BUILT=${CARGO_TARGET_DIR:-target}/release

# The triplet of Debian's multiarch, empty elsewhere.
triplet() {
    dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch 2>/dev/null || true
}

# The directory in which this machine's libpam looks for its modules: that of pam_unix.so.
pam_dir() {
    local dir
    for dir in "/usr/lib/$(triplet)/security" /usr/lib64/security /usr/lib/*-linux-gnu*/security /usr/lib/security; do
        if [ -e "$dir/pam_unix.so" ]; then
            printf '%s' "$dir"
            return
        fi
    done
    echo "error: no directory with pam_unix.so was found. Say where modules go: make install PAMDIR=/…/security" >&2
    exit 1
}

PAMDIR=${PAMDIR:-$(pam_dir)}
LIBEXEC=/usr/libexec/twostep # where the command and the module look for the helper, whatever PREFIX is
SHARE=/usr/share/twostep # what administrators copy from; twostep-setup names it, whatever PREFIX is
SELINUX=/usr/share/selinux/packages
APPARMOR=/etc/apparmor.d/abstractions
AUTHSELECT=/usr/share/authselect/vendor/twostep
MANDIR=$PREFIX/share/man
DOCDIR=$PREFIX/share/doc/twostep
LICENSEDIR=${LICENSEDIR:-$DOCDIR} # rpm and pacman have a folder for licences

# Where Debian's zsh looks for files of packages; elsewhere, and below /usr/local, it is site-functions.
zsh_dir() {
    if [ -n "${ZSHDIR-}" ]; then
        printf '%s' "$ZSHDIR"
    elif [ "$PREFIX" = /usr ] && [ -e /etc/debian_version ]; then
        printf '%s' "$PREFIX/share/zsh/vendor-completions"
    else
        printf '%s' "$PREFIX/share/zsh/site-functions"
    fi
}

# The files with the completions of the command, by shell.
declare -A COMPLETIONS=(
    [bash]=$PREFIX/share/bash-completion/completions/twostep
    [zsh]=$(zsh_dir)/_twostep
    [fish]=$PREFIX/share/fish/vendor_completions.d/twostep.fish
)

# Installs file $3 as $2 with mode $1; further arguments go to install(1). The rename is atomic: a running sshd loads the old file or
# the new one.
put() {
    local to=$DESTDIR$2
    mkdir -p "$(dirname "$to")"
    install -m "$1" "${@:4}" "$3" "$to.new"
    sync "$to.new"
    mv -fT "$to.new" "$to"
}
