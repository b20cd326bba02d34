"""`twostep enable` on the service files of distributions, and on files that administrators changed: right, or refused with the reason.

A tree that is not refused has no problem then that doctor would find, and `disable` takes everything out again, byte for byte.
"""

import json
import os
import stat
import subprocess
import textwrap

import pytest

from test_doctor import TWOSTEP, doctor, lay_out

ARCH = {
    "system-auth": """
        #%PAM-1.0
        auth       required                    pam_faillock.so      preauth
        -auth      [success=2 default=ignore]  pam_systemd_home.so
        auth       [success=1 default=bad]     pam_unix.so          try_first_pass nullok
        auth       [default=die]               pam_faillock.so      authfail
        auth       optional                    pam_permit.so
        auth       required                    pam_env.so
        auth       required                    pam_faillock.so      authsucc
        -account   [success=1 default=ignore]  pam_systemd_home.so
        account    required                    pam_unix.so
        account    optional                    pam_permit.so
        account    required                    pam_time.so
        """,
    "system-login": """
        auth       required   pam_shells.so
        auth       requisite  pam_nologin.so
        auth       include    system-auth
        account    required   pam_access.so
        account    required   pam_nologin.so
        account    include    system-auth
        """,
    "system-local-login": "auth include system-login\naccount include system-login\n",
    "system-remote-login": "auth include system-login\naccount include system-login\n",
    "sshd": "#%PAM-1.0\n\nauth      include   system-remote-login\naccount   include   system-remote-login\n",
    "login": "auth       requisite    pam_nologin.so\nauth       include      system-local-login\naccount    include      system-local-login\n",
    "sudo": "auth\t\tinclude\t\tsystem-auth\naccount\t\tinclude\t\tsystem-auth\n",
    "su": "auth sufficient pam_rootok.so\nauth required pam_unix.so\naccount required pam_unix.so\n",
    "su-l": "auth sufficient pam_rootok.so\nauth required pam_unix.so\naccount required pam_unix.so\n",
}
SUSE = {
    "common-auth": "auth\trequired\tpam_env.so\nauth\toptional\tpam_gnome_keyring.so\nauth\trequired\tpam_unix.so\ttry_first_pass\n",
    "common-account": "account\trequired\tpam_unix.so\ttry_first_pass\n",
    "/usr/lib/pam.d/sshd": """
        #%PAM-1.0
        auth        requisite   pam_nologin.so
        auth        include     common-auth
        account     requisite   pam_nologin.so
        account     include     common-account
        session     required    pam_loginuid.so
        """,
    "/usr/lib/pam.d/login": "auth requisite pam_nologin.so\nauth include common-auth\naccount include common-account\n",
    "/usr/lib/pam.d/su": "auth sufficient pam_rootok.so\nauth include common-auth\naccount sufficient pam_rootok.so\naccount include common-account\n",
}
DEBIAN_AUTH = "auth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth\trequisite\tpam_deny.so\nauth\trequired\tpam_permit.so\n"
DEBIAN_ACCOUNT = "account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so\naccount\trequisite\tpam_deny.so\naccount\trequired\tpam_permit.so\n"
DEBIAN = {
    "common-auth": DEBIAN_AUTH,
    "common-account": DEBIAN_ACCOUNT,
    "sshd": "@include common-auth\naccount    required     pam_nologin.so\n@include common-account\n",
}
# Of Debian 13: a display manager, and one that asks like the console.
DESKTOP = {
    **DEBIAN,
    "login": "auth optional pam_faildelay.so delay=3000000\nauth requisite pam_nologin.so\n@include common-auth\n@include common-account\n",
    "greetd": "#%PAM-1.0\n@include login\n\n-auth        optional        pam_gnome_keyring.so\n-auth        optional        pam_kwallet5.so\n",
    "lightdm": "auth      requisite pam_nologin.so\n@include common-auth\n-auth  optional pam_gnome_keyring.so\n@include common-account\n",
}
# Of Fedora, with the files that authselect writes for its profile "local".
FEDORA = {
    "system-auth": """
        auth        required                                     pam_env.so
        auth        required                                     pam_faildelay.so delay=2000000
        auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
        auth        [default=1 ignore=ignore success=ok]         pam_localuser.so
        auth        sufficient                                   pam_unix.so nullok
        auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
        auth        required                                     pam_deny.so
        account     required                                     pam_unix.so
        """,
    "password-auth": "auth required pam_env.so\nauth required pam_faildelay.so delay=2000000\nauth sufficient pam_unix.so nullok\nauth required pam_deny.so\naccount required pam_unix.so\n",
    "postlogin": "auth optional pam_permit.so\nsession optional pam_umask.so silent\n",
    "sshd": """
        #%PAM-1.0
        auth       substack     password-auth
        auth       include      postlogin
        account    required     pam_sepermit.so
        account    required     pam_nologin.so
        account    include      password-auth
        """,
    "login": "auth substack system-auth\nauth include postlogin\naccount required pam_nologin.so\naccount include system-auth\n",
    "sudo": "#%PAM-1.0\nauth       include      system-auth\naccount    include      system-auth\n",
    "sudo-i": "#%PAM-1.0\nauth       include      sudo\naccount    include      sudo\n",
    "su": "#%PAM-1.0\nauth\t\tsufficient\tpam_rootok.so\nauth\t\tsubstack\tsystem-auth\nauth\t\tinclude\t\tpostlogin\naccount\t\tsufficient\tpam_succeed_if.so uid = 0 use_uid quiet\naccount\t\tinclude\t\tsystem-auth\n",
    "su-l": "#%PAM-1.0\nauth\t\tinclude\t\tsu\naccount\t\tinclude\t\tsu\n",
}
# A module that asks for something else than the password, or that nobody knows.
OTHER = "a login by key would skip this line, which decides more than the password"
OURS = "auth       required     pam_twostep.so\n"

# Distributions as they are, with the services that are switched on together.
STOCK = {
    "debian": (DEBIAN, ["sshd"]),
    "desktop": (DESKTOP, ["greetd", "lightdm", "login", "sshd"]),
    "fedora": (FEDORA, ["sshd", "login", "sudo", "sudo-i", "su", "su-l"]),
    "arch": (ARCH, ["sshd", "login", "sudo", "su"]),
    "suse": (SUSE, ["sshd", "login", "su"]),
}

# Trees that administrators changed: the files that differ from a distribution's, the service, and the reason if it is refused.
CHANGED = {
    # https://github.com/google/google-authenticator-libpam/issues/187
    "faillock behind sufficient": (
        ARCH,
        {
            "system-auth": """
                auth            required        pam_env.so
                auth            required        pam_unix.so try_first_pass likeauth nullok
                auth            optional        pam_permit.so
                auth            required        pam_faillock.so preauth
                auth            sufficient      pam_unix.so nullok try_first_pass
                auth            [default=die]   pam_faillock.so authfail
                account         required        pam_unix.so
                """
        },
        "sshd",
        "success of pam_unix.so ends the stack before pam_twostep is reached",
    ),
    # https://github.com/google/google-authenticator-libpam/issues/185
    "code before two includes": (
        SUSE,
        {
            "password-auth": "auth required pam_unix.so\n",
            "sshd": """
                auth required pam_google_authenticator.so [authtok_prompt=token: ]
                auth requisite pam_nologin.so
                auth include common-auth
                auth include password-auth
                account requisite pam_nologin.so
                account include common-account
                """,
        },
        "sshd",
        OTHER,
    ),
    # https://github.com/google/google-authenticator-libpam/issues/89
    "authconfig": (
        DEBIAN,
        {
            "password-auth": """
                auth        required      pam_env.so
                auth        sufficient    pam_unix.so nullok try_first_pass
                auth        requisite     pam_succeed_if.so uid >= 1000 quiet_success
                auth        required      pam_deny.so
                account     required      pam_unix.so
                """,
            "sshd": "auth substack password-auth\naccount include password-auth\n",
        },
        "sshd",
        None,
    ),
    # https://github.com/duosecurity/duo_unix/issues/358
    "push is sufficient": (
        DEBIAN,
        {
            "sshd": """
                auth       required                             pam_sepermit.so
                auth       required                             pam_env.so
                auth       required                             pam_faildelay.so delay=2000000
                auth       [default=1 ignore=ignore success=ok] pam_usertype.so isregular
                auth       [default=1 ignore=ignore success=ok] pam_localuser.so
                auth       sufficient                           pam_unix.so nullok
                auth       [default=2 ignore=ignore success=ok] pam_usertype.so isregular
                auth       requisite                            pam_sss.so forward_pass
                auth       sufficient                           pam_duo.so
                auth       required                             pam_deny.so
                account    required                             pam_unix.so
                """
        },
        "sshd",
        OTHER,
    ),
    # https://github.com/duosecurity/duo_unix/issues/219
    "push alone": (
        DEBIAN,
        {
            "sshd": """
                auth       required     pam_sepermit.so
                auth       required     pam_env.so
                auth       sufficient   pam_duo.so
                auth       required     pam_deny.so
                account    required     pam_unix.so
                """
        },
        "sshd",
        OTHER,
    ),
    # https://github.com/google/google-authenticator-libpam/issues/153
    "no password at all": (
        DEBIAN,
        {"sshd": "account required pam_nologin.so\n@include common-account\nauth required pam_google_authenticator.so\n"},
        "sshd",
        OTHER,
    ),
    # https://github.com/NixOS/nixpkgs/issues/115044
    "nobody by password": (DEBIAN, {"sshd": "auth required pam_deny.so\naccount required pam_unix.so\n"}, "sshd", "no line of this file brings in the lines that check a password"),
    # The same page.
    "password is asked twice": (
        DEBIAN,
        {
            "login": """
                auth required pam_unix.so nullok  likeauth
                auth required /nix/store/x/lib/security/pam_google_authenticator.so no_increment_hotp
                auth sufficient pam_unix.so nullok  likeauth try_first_pass
                auth required pam_deny.so
                account required pam_unix.so
                """
        },
        "login",
        None,
    ),
    # https://github.com/NixOS/nixpkgs/issues/14997
    "code instead of password": (
        DEBIAN,
        {
            "sshd": """
                auth sufficient pam_unix.so  likeauth try_first_pass
                auth sufficient pam_oath.so window=5 usersfile=/etc/users.oath digits=6
                account required pam_unix.so
                """
        },
        "sshd",
        OTHER,
    ),
    # https://github.com/privacyidea/pam_python/issues/22
    "script in common-auth": (
        DEBIAN,
        {
            "common-auth": """
                auth    [default=ignore success=ok]          pam_localuser.so
                auth    [success=3 authinfo_unavail=ignore default=die]      pam_python.so /path/privacyidea_pam.py
                auth    [success=2 default=ignore]      pam_unix.so nullok_secure
                auth    [success=1 default=ignore]      pam_sss.so
                auth    requisite                       pam_deny.so
                auth    required                        pam_permit.so
                auth    optional                        pam_cap.so
                """
        },
        "sshd",
        OTHER,
    ),
    # https://github.com/google/google-authenticator-libpam/issues/275
    "lines at the end": (
        DEBIAN,
        {
            "sshd": "account required pam_nologin.so\n@include common-account\n"
            "auth required pam_google_authenticator.so\nauth required pam_unix.so\n"
        },
        "sshd",
        OTHER,
    ),
    # https://github.com/google/google-authenticator-libpam/issues/260
    "no code for root": (
        DEBIAN,
        {
            "sshd": "@include common-auth\nauth [default=1 success=ignore] pam_succeed_if.so quiet uid > 0\n"
            "auth required pam_google_authenticator.so\n@include common-account\n"
        },
        "sshd",
        OTHER,
    ),
    "no code from the LAN": (
        DEBIAN,
        {"sshd": "auth [success=done default=ignore] pam_access.so accessfile=/etc/security/lan.conf\n" + DEBIAN["sshd"]},
        "sshd",
        None,
    ),
    "several directories": (
        DEBIAN,
        {
            "common-auth": """
                auth	[success=3 default=ignore]	pam_krb5.so minimum_uid=1000
                auth	[success=2 default=ignore]	pam_unix.so nullok try_first_pass
                auth	[success=1 default=ignore]	pam_sss.so use_first_pass
                auth	requisite	pam_deny.so
                auth	required	pam_permit.so
                auth	optional	pam_cap.so
                """
        },
        "sshd",
        None,
    ),
    "access rules among passwords": (
        DEBIAN,
        {"sshd": "auth requisite pam_unix.so\nauth requisite pam_access.so\nauth requisite pam_unix.so use_first_pass\n@include common-account\n"},
        "sshd",
        OTHER,
    ),
    "no line end, and a line that goes on": (
        DEBIAN,
        {"sshd": "auth [success=1 \\\n  default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_permit.so\n@include common-account"},
        "sshd",
        None,
    ),
    "lines of Windows": (DEBIAN, {"sshd": DEBIAN["sshd"].replace("\n", "\r\n")}, "sshd", "the lines of this file end with carriage returns"),
    "a code already": (DEBIAN, {"sshd": "@include common-auth\n" + OURS + "account required pam_twostep.so\n@include common-account\n"}, "sshd", None),
    "a code that nobody needs": (DEBIAN, {"sshd": "@include common-auth\n" + OURS.replace("required", "optional") + "@include common-account\n"}, "sshd", None),
    "unknown control": (DEBIAN, {"sshd": "auth requierd pam_env.so\n" + DEBIAN["sshd"]}, "sshd", "'requierd' is no return value"),
    "unknown file": (DEBIAN, {"sshd": "@include common-ldap\n" + DEBIAN["sshd"]}, "sshd", "the included file 'common-ldap' does not exist"),
    "not text": (DEBIAN, {"sshd": b"# caf\xe9\n" + DEBIAN["sshd"].encode()}, "sshd", "is not UTF-8 text"),
    "no such service": (DEBIAN, {}, "sshdd", "there is no PAM service 'sshdd'"),
    "a part of services": (DEBIAN, {}, "common-auth", "common-auth is a part of other services, not a service"),
}


@pytest.fixture
def tree(tmp_path):
    """Makes a root with these service files alone."""

    def make(files):
        (tmp_path / "case").mkdir(exist_ok=True)
        (tmp_path / "case/base").write_text("plain\n")
        root = lay_out(tmp_path / "case", tmp_path / "root")
        for old in (root / "etc/pam.d").iterdir():
            old.unlink()
        for name, content in files.items():
            path = root / name.lstrip("/") if name.startswith("/") else root / "etc/pam.d" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = content if isinstance(content, bytes) else textwrap.dedent(content).lstrip("\n").encode()
            path.write_bytes(content)
            path.chmod(0o644)
        return root

    return make


def twostep(root, *arguments):
    return subprocess.run(
        [TWOSTEP, "--root", root, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


def enable(root, *services):
    return twostep(root, "enable", "--yes", "--no-revert", *services)


def contents(root):
    """All that is below /etc and /usr, with modes and owners."""
    found = {}
    for folder in ("etc", "usr"):
        for path in sorted((root / folder).rglob("*")):
            status = path.lstat()
            content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(root))] = (content, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    return found


def problems(root, services):
    """Those of doctor that concern these services. It knows nothing of what runs on a machine that is not this one."""
    found = json.loads(doctor(root, "--json").stdout)["findings"]
    of_services = [finding for finding in found if set(finding.get("services", [])) & set(services)]
    return [f"{finding['id']}: {finding['what']}" for finding in of_services if finding["severity"] == "problem"]


def check(root, services, *options):
    before = contents(root)
    done = enable(root, *services, *options)
    assert done.returncode == 0, done.stderr
    assert problems(root, services) == []
    again = enable(root, *services, *options)
    assert again.returncode == 0 and "everything is already so" in again.stdout, again.stdout + again.stderr
    changed = contents(root)
    if changed == before:
        return
    taken_out = twostep(root, "disable", "--yes", *services)
    if any(b"pam_twostep" in (content or b"") for path, (content, *_) in before.items() if path.startswith("etc/pam.d/")):
        assert "lines that were written by hand" in taken_out.stderr and contents(root) == changed
        return
    assert taken_out.returncode == 0, taken_out.stderr
    assert contents(root) == before


@pytest.mark.parametrize("name", STOCK)
def test_switches_on_distribution_and_off_again(tree, name):
    files, services = STOCK[name]
    check(tree(files), services)


@pytest.mark.parametrize("factor", ["password", "key", "key-or-password"])
@pytest.mark.parametrize("name", STOCK)
def test_takes_what_comes_before_code(tree, name, factor):
    files, _ = STOCK[name]
    check(tree(files), ["sshd"], "--for", factor)


@pytest.mark.parametrize("name", CHANGED)
def test_changed_tree_is_right_or_refused(tree, name):
    files, changed, service, reason = CHANGED[name]
    root = tree({**files, **changed})
    before = contents(root)
    if reason is None:
        check(root, [service])
        return
    done = enable(root, service)
    assert done.returncode == 1 and reason in done.stderr, done.stdout + done.stderr
    assert contents(root) == before


@pytest.mark.parametrize("factor", ["password", "key"])
@pytest.mark.parametrize("name", [name for name in CHANGED if CHANGED[name][2] == "sshd"])
def test_changed_tree_is_never_half_done(tree, name, factor):
    files, changed, service, _ = CHANGED[name]
    root = tree({**files, **changed})
    before = contents(root)
    done = enable(root, service, "--for", factor)
    if done.returncode == 0:
        assert problems(root, [service]) == []
    else:
        assert done.stderr.startswith("error: ") and contents(root) == before


def test_service_asks_by_service_that_it_includes(tree):
    root = tree(DESKTOP)
    assert enable(root, "greetd", "login").returncode == 0
    assert "pam_twostep" in (root / "etc/pam.d/login").read_text() and "pam_twostep" not in (root / "etc/pam.d/greetd").read_text()


def test_fix_writes_each_setting_and_line_once(tree):
    files = {**DEBIAN, "sshd": DEBIAN["sshd"].replace("@include common-auth\n", "@include common-auth\nauth optional pam_twostep.so\n")}
    root = tree(files)
    settings = "PasswordAuthentication yes\nAuthenticationMethods any\nKbdInteractiveAuthentication no\nUsePAM yes\n"
    (root / "etc/ssh/sshd_config").write_text(settings)
    assert problems(root, ["sshd"]) != []
    for _ in range(3):
        twostep(root, "doctor", "--fix", "--yes", "--no-revert")
    assert problems(root, ["sshd"]) == []
    lines = [line for line in (root / "etc/ssh/sshd_config").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == len({line.split()[0] for line in lines}), lines
