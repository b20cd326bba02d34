"""The life of the RPM packages, with Debian's rpm and in a root of Debian: what the packages contain and what their scripts do.

No Fedora, no dnf and no SELinux was available. libpam looks elsewhere for modules here, so the service names it by its path.
"""

import re
from pathlib import Path

import pytest

from root import HELPER, REPOSITORY, SECRETS, code, enroll, everything, restore, run

BUILT = REPOSITORY / "target/rpm"
MODULE = Path("/usr/lib64/security/pam_twostep.so")
SERVICE = Path("/etc/pam.d/mine")


@pytest.fixture(autouse=True)
def machine():
    restore()
    run("rpm", "--erase", "--noscripts", "twostep", check=False)
    run("sh", "-c", "rm -rf /var/lib/twostep /etc/twostep; ! getent passwd twostep || userdel twostep")


def main_package():
    found = [file for file in BUILT.glob("*.rpm") if "selinux" not in file.name]
    assert len(found) == 1, f"{BUILT} has {found}: run 'make rpm'"
    return str(found[0])


def install(*options):
    return run("rpm", "--upgrade", "--nodeps", *options, main_package()).stdout


def login(user, typed):
    SERVICE.write_text(f"auth required {MODULE}\naccount required pam_permit.so\n")
    done = run(str(REPOSITORY / "tests/packages/login"), SERVICE.name, user, typed, check=False)
    return done.returncode == 0


def test_install_prints_three_lines_and_codes_work():
    told = [line for line in install().splitlines() if "twostep" in line]
    assert len(told) == 3 and "no login has changed" in told[0] and "twostep doctor" in told[2], told
    assert run("stat", "-c", "%U:%G %a", str(HELPER)).stdout == "twostep:twostep 6755\n"
    assert run("stat", "-c", "%U:%G %a", str(SECRETS)).stdout == "twostep:twostep 700\n"
    assert run("rpm", "--verify", "--nodeps", "twostep").stdout == ""
    key = enroll("alice")
    assert not login("alice", "000000") and login("alice", code(key))


def test_upgrade_prints_nothing_and_keeps_all():
    install()
    key = enroll("alice")
    policy = Path("/etc/twostep/policy.toml")
    policy.write_text(policy.read_text() + "# mine\n")
    assert "no login has changed" not in install("--replacepkgs", "--oldpackage")
    assert policy.read_text().endswith("# mine\n")
    assert login("alice", code(key))


def test_refuses_erasing_while_service_names_module():
    install()
    key = enroll("alice")
    assert login("alice", code(key, -1))
    done = run("rpm", "--erase", "twostep", check=False)
    assert done.returncode != 0 and "still name pam_twostep.so" in done.stdout and "  /etc/pam.d/mine\n" in done.stdout
    assert login("alice", code(key))
    run("rpm", "--erase", "twostep", TWOSTEP_REMOVE_ANYWAY="yes")
    assert not MODULE.exists() and not login("alice", code(key, 1)), "without the module somebody gets in"


def test_erasing_leaves_enrollments_only():
    before = everything()
    install()
    enroll("alice")
    run("rpm", "--erase", "twostep")
    left = {name for name in everything() - before if name.startswith("/") and not name.startswith("/var/lib/rpm")}
    assert left and all(re.match("/var/lib/twostep(/|$)", name) for name in left), left


def test_has_same_bytes_as_debian_packages(tmp_path):
    """They were built in another folder, from the crates of an archive, without a network."""
    install()
    for deb in (REPOSITORY / "target/deb").glob("*.deb"):
        run("dpkg-deb", "-x", str(deb), str(tmp_path))
    (module,) = tmp_path.glob("usr/lib/*/security/pam_twostep.so")
    pairs = {MODULE: module, **{Path("/", name): tmp_path / name for name in ("usr/bin/twostep", str(HELPER)[1:])}}
    assert [rpm for rpm, deb in pairs.items() if rpm.read_bytes() != deb.read_bytes()] == []
