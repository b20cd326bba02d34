"""slapd with a few users and groups, and sssd as its client, as an administrator would set them up."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

FOLDER = Path("/run/slapd")
PORT = 3389
SUFFIX = "dc=corp,dc=example"
# uid and gid of each; sssd calls Mixed 'mixed'
USERS = {"remo": 20001, "Mixed": 20002, "gap user": 20003, "judy": 20004}
GROUPS = {"people": (20000, []), "codes": (20010, ["judy"])}

SLAPD = f"""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {FOLDER}/pid
database mdb
suffix "{SUFFIX}"
directory {FOLDER}/data
"""
SSSD = f"""
[sssd]
services = nss, pam
domains = corp
{{common}}
[nss]
memcache_timeout = 0
entry_negative_timeout = 0
[pam]
offline_credentials_expiration = 0
[domain/corp]
id_provider = ldap
auth_provider = ldap
access_provider = permit
ldap_uri = ldap://127.0.0.1:{PORT}
ldap_search_base = {SUFFIX}
ldap_auth_disable_tls_never_use_in_production = true
ldap_id_use_start_tls = false
cache_credentials = true
entry_cache_timeout = 5
offline_timeout = 3600
case_sensitive = false
override_homedir = /home/%U
{{domain}}
"""


def wait_for(happened, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def is_known(database, name):
    return subprocess.run(["getent", database, name], capture_output=True, check=False).returncode == 0


class Slapd:
    def __init__(self):
        shutil.rmtree(FOLDER, ignore_errors=True)
        (FOLDER / "data").mkdir(parents=True)
        (FOLDER / "slapd.conf").write_text(SLAPD)
        subprocess.run(
            ["slapadd", "-f", FOLDER / "slapd.conf"], input=ldif(), text=True, check=True, capture_output=True
        )

    def start(self):
        command = ["/usr/sbin/slapd", "-h", f"ldap://127.0.0.1:{PORT}", "-f", FOLDER / "slapd.conf", "-d", "0"]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for(self._answers, "slapd did not start")

    def stop(self):
        self._process.terminate()
        self._process.wait(timeout=20)

    def _answers(self):
        assert self._process.poll() is None, "slapd has ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", PORT)) == 0


def ldif():
    entries = [f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: corp\ndc: corp"]
    for name, uid in USERS.items():
        entries.append(
            f"dn: uid={name},{SUFFIX}\nobjectClass: account\nobjectClass: posixAccount\nuid: {name}\ncn: {name}\n"
            f"uidNumber: {uid}\ngidNumber: {GROUPS['people'][0]}\nhomeDirectory: /home/{uid}\nloginShell: /bin/bash\n"
            f"userPassword: {name}'s password"
        )
    for name, (gid, members) in GROUPS.items():
        lines = "".join(f"\nmemberUid: {member}" for member in members)
        entries.append(f"dn: cn={name},{SUFFIX}\nobjectClass: posixGroup\ncn: {name}\ngidNumber: {gid}{lines}")
    return "\n\n".join(entries) + "\n"


class Sssd:
    """sssd, at each start with an empty cache."""

    def start(self, common="", domain=""):
        for folder in ("db", "mc"):
            for file in Path("/var/lib/sss", folder).iterdir():
                file.unlink()
        settings = Path("/etc/sssd/sssd.conf")
        settings.write_text(SSSD.format(common=common, domain=domain))
        settings.chmod(0o600)
        # Its caches need a clock that goes: not the one of the tests.
        real_clock = "mount --bind /dev/null /etc/ld.so.preload && exec /usr/sbin/sssd --interactive"
        self._process = subprocess.Popen(["unshare", "--mount", "sh", "-c", real_clock], stderr=subprocess.DEVNULL)
        wait_for(self._answers, "sssd did not start")

    def _answers(self):
        assert self._process.poll() is None, "sssd has ended"
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex("/var/lib/sss/pipes/nss") == 0

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=20)
        Path("/var/lib/sss/pipes/nss").unlink(missing_ok=True)
