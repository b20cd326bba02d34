"""The role in packaging/ansible, played by the real ansible-playbook:
tests/sandbox /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/ansible

The sandbox is both the machine on which Ansible runs and the host that it sets up, by `connection: local` or by ssh.
"""

import json
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

assert os.environ.get("SANDBOX_LOG"), "these tests change the machine: start them in tests/sandbox"

ANSIBLE = Path(__file__).resolve().parents[2] / "packaging/ansible"
POLICY = Path("/etc/twostep/policy.toml")
DROP_IN = Path("/etc/ssh/sshd_config.d/10-twostep.conf")
SSHD = Path("/etc/pam.d/sshd")
STORE = Path("/var/lib/twostep")
KEPT = [Path(folder) for folder in ("/etc/pam.d", "/etc/ssh", "/etc/twostep")]

HERE = Path("/tmp/control")  # what belongs to the machine on which Ansible runs
TICKETS, REPORTS = HERE / "tickets", HERE / "reports"
KEY = HERE / "key"
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "LANG": "C.UTF-8",
    "HOME": str(HERE),
    "ANSIBLE_HOME": str(HERE / "ansible"),
    "ANSIBLE_LOCAL_TEMP": str(HERE / "local"),
    "ANSIBLE_ROLES_PATH": str(ANSIBLE / "roles"),
    "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
    "ANSIBLE_HOST_KEY_CHECKING": "no",
    "ANSIBLE_SSH_ARGS": "-o ControlMaster=no",  # each task is a login of its own
    "ANSIBLE_PIPELINING": "1",  # and one only
}

OPT_IN = 'version = 1\nmode = "opt-in"\n'
MISSPELT = 'version = 1\nmode = "opt-out"\n'


def exempt(user, *more):
    rule = ['name = "ansible"', f'users = ["{user}"]', 'mode = "exempt"', "until = 2099-12-31", 'reason = "a program"', *more]
    return "\n".join([OPT_IN, "[[rule]]", *rule, ""])


@dataclass
class Played:
    status: int
    output: str

    @property
    def changed(self):
        return int(re.search(r"changed=(\d+)", self.output)[1])


def ansible(playbook, *options):
    command = ["ansible-playbook", "--inventory", "sandbox,", *options, str(playbook)]
    result = subprocess.run(command, env=ENVIRONMENT, cwd=HERE, capture_output=True, text=True, timeout=600, check=False)
    return Played(result.returncode, result.stdout + result.stderr)


def play(*options, by=(), **variables):
    """Plays the role alone, with these variables."""
    play = {"hosts": "all", "gather_facts": False, "vars": variables, "roles": ["twostep"]}
    if not by:
        play["connection"] = "local"
    playbook = HERE / "play.yml"
    playbook.write_text(json.dumps([play]))
    return ansible(playbook, *by, *options)


def done(played):
    assert played.status == 0, played.output
    return played


def refused(played, *words):
    assert played.status != 0, played.output
    flat = " ".join(played.output.split())
    for word in words:
        assert word in flat, f"does not say {word!r}: {played.output}"


def files():
    """All files that decide about logins, and those beside them."""
    return {
        path: (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for folder in KEPT for path in folder.rglob("*") if path.is_file()
    }


def stored():
    return sorted(path.name for folder in ("users", "state") for path in (STORE / folder).iterdir())


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def status(user):
    return json.loads(output_of("twostep", "status", "--user", user, "--json"))


@pytest.fixture(scope="session")
def as_installed(tmp_path_factory):
    backup = tmp_path_factory.mktemp("as-installed")
    for folder in KEPT:
        shutil.copytree(folder, backup / folder.name)
    return backup


@pytest.fixture(autouse=True)
def machine(as_installed):
    for folder in KEPT:
        shutil.rmtree(folder)
        shutil.copytree(as_installed / folder.name, folder)
    for path in (STORE / "users", STORE / "state"):
        for file in path.iterdir():
            file.unlink()
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    yield
    subprocess.run(["service", "ssh", "stop"], check=True, capture_output=True)  # "reloaded" starts it


@pytest.fixture
def sshd():
    """sshd, as the machine starts it, and a key that it accepts for root and admin."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", KEY], check=True)
    for home, user in (("/root", "root"), ("/home/admin", "admin")):
        folder = Path(home, ".ssh")
        folder.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(f"{KEY}.pub", folder / "authorized_keys")
        shutil.chown(folder, user)
        shutil.chown(folder / "authorized_keys", user)
    subprocess.run(["service", "ssh", "start"], check=True, capture_output=True)


def by_ssh(user):
    return ("--user", user, "--private-key", str(KEY), "--extra-vars", "ansible_host=127.0.0.1")


def package(name, depends=""):
    """An empty package of this name, as a file."""
    tree = HERE / name
    (tree / "DEBIAN").mkdir(parents=True)
    fields = [f"Package: {name}", "Version: 0.0", "Architecture: all", "Maintainer: nobody", f"Description: {name}", depends]
    (tree / "DEBIAN/control").write_text("\n".join(filter(None, fields)) + "\n")
    file = HERE / f"{name}_0.0_all.deb"
    subprocess.run(["dpkg-deb", "--build", tree, file], check=True, capture_output=True)
    return str(file)


def test_example_does_what_it_says_and_then_nothing():
    packages = [package("twostep"), package("libpam-twostep", "Depends: twostep (= 0.0)")]
    places = {"twostep_packages": packages, "twostep_tickets_dir": str(TICKETS), "twostep_report_dir": str(REPORTS)}
    places["twostep_tickets"] = ["alice", "bob", "admin"]  # admin is in the group sudo here
    example = (ANSIBLE / "example.yml", "--connection", "local", "-vvv", "--diff", "--extra-vars", json.dumps(places))
    before = SSHD.read_bytes()
    first = done(ansible(*example))
    assert output_of("dpkg-query", "-Wf", "${Package} ${db:Status-Status}\n", "twostep", "libpam-twostep").count(" installed") == 2
    assert 'groups = ["sudo"]' in POLICY.read_text()
    assert stat.S_IMODE(POLICY.stat().st_mode) == 0o644
    assert "pam_twostep.so sshd_accepted=publickey" in SSHD.read_text()
    assert subprocess.run(["sshd", "-t"], check=False).returncode == 0
    everybody = output_of("sshd", "-T").splitlines()
    assert {"authenticationmethods publickey,keyboard-interactive:pam keyboard-interactive:pam", "passwordauthentication no", "logingracetime 300"} <= set(everybody)
    assert "authenticationmethods publickey" in output_of("sshd", "-T", "-C", "user=ansible,host=x,addr=192.0.2.7").splitlines()

    assert stat.S_IMODE(TICKETS.stat().st_mode) == 0o700
    for user in ("alice", "bob", "admin"):
        file = TICKETS / f"sandbox-{user}.ticket"
        ticket = re.match(rf"Ticket for {user}: (\w{{4}}(-\w{{4}}){{3}})\n", file.read_text())[1]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert status(user)["ticket_until"]
        assert ticket not in first.output, "a ticket is printed"

    report = json.loads((REPORTS / "sandbox.json").read_text())
    assert [person["user"] for person in report["status"]] == ["alice", "bob", "admin"]
    assert report["doctor"]["problems"] == 0 and report["doctor"]["complete"]

    kept = files(), stored(), (TICKETS / "sandbox-alice.ticket").read_text()
    assert done(ansible(*example)).changed == 0
    assert kept == (files(), stored(), (TICKETS / "sandbox-alice.ticket").read_text())
    output_of("twostep", "disable", "--yes", "sshd")
    assert SSHD.read_bytes() == before and not DROP_IN.exists()


def test_role_with_defaults_changes_nothing():
    before = files()
    assert done(play()).changed == 0
    assert before == files()


def test_a_dry_run_changes_nothing():
    before = files()
    played = done(
        play(
            "--check",
            "--diff",
            twostep_policy=exempt("backup"),
            twostep_services=["sshd", "login", "sudo", "sudo-i"],
            twostep_required=["bob"],
            twostep_tickets=["alice"],
            twostep_tickets_dir=str(TICKETS),
            twostep_report_dir=str(REPORTS),
        )
    )
    assert played.changed > 0 and "+AuthenticationMethods publickey,keyboard-interactive:pam keyboard-interactive:pam" in played.output
    assert (before, []) == (files(), stored())
    assert not TICKETS.exists() and not REPORTS.exists()


def test_without_twostep_only_dry_run_succeeds(monkeypatch):
    monkeypatch.setitem(ENVIRONMENT, "PATH", str(HERE))
    for program in ("ansible-playbook", "sh", "bash", "env", "python3", "id"):
        (HERE / program).symlink_to(shutil.which(program, path="/usr/bin:/bin"))
    before = files()
    done(play("--check", twostep_policy=OPT_IN, twostep_services=["sshd"]))
    refused(play(twostep_policy=OPT_IN, twostep_services=["sshd"]), "Check that twostep is installed", "No such file or directory")
    assert before == files()


@pytest.mark.parametrize("options", [[], ["--check"]], ids=["in-earnest", "dry-run"])
def test_keeps_old_policy_if_new_one_is_refused(options):
    before = files()
    refused(play(*options, twostep_policy=MISSPELT), "unknown value 'opt-out'", "All files are as they were before")
    assert before == files()


def test_sets_only_policy_and_keeps_old_one_beside_it():
    old = POLICY.read_bytes()
    assert done(play(twostep_policy=exempt("backup"))).changed == 1
    assert POLICY.read_text() == exempt("backup")
    assert [path.read_bytes() for path in POLICY.parent.glob("policy.toml.*~")] == [old]


def test_files_are_put_back_if_doctor_finds_problem():
    Path("/etc/pam.d/su").write_text("auth optional pam_twostep.so\naccount required pam_permit.so\n")  # it was so before
    DROP_IN.write_text("# older\nUsePAM yes\n")
    before = files()
    played = play(twostep_policy=exempt("backup"), twostep_services=["sshd", "sudo"])
    refused(played, "problem: /etc/pam.d/su", "'Run doctor' failed", "All files are as they were before")
    assert before == files()
    assert "Reload sshd" not in played.output


def test_says_why_task_with_loop_failed():
    before = files()
    refused(play(twostep_policy=OPT_IN, twostep_required=["alice", "nobody-here"]), "there is no user 'nobody-here'")
    assert before == files()


def test_removes_new_files_if_sshd_settings_are_wrong():
    with Path("/etc/ssh/sshd_config").open("a") as config:
        config.write("Nonsense yes\n")
    before = files()
    refused(play(twostep_services=["sshd"]), "'Check the whole configuration of sshd' failed", "Nonsense")
    assert before == files()


def test_key_then_code():
    done(play(twostep_services=["sshd"], twostep_sshd_first_factor="publickey"))
    assert "pam_twostep.so first_factor=publickey" in SSHD.read_text() and "@include common-auth" not in SSHD.read_text().splitlines()
    assert "authenticationmethods publickey,keyboard-interactive:pam" in output_of("sshd", "-T").splitlines()


def test_require_holds_and_is_done_once():
    assert done(play(twostep_required=["bob"])).changed == 1
    assert status("bob")["required_by"]["administrator"]
    assert done(play(twostep_required=["bob"])).changed == 0


def test_gives_no_ticket_to_enrolled_user():
    output_of("twostep", "enroll", "--user", "alice", "--json")
    done(play(twostep_tickets=["alice", "bob"], twostep_tickets_dir=str(TICKETS)))
    assert [file.name for file in TICKETS.iterdir()] == ["sandbox-bob.ticket"]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"twostep_tickets": ["nobody-here"], "twostep_tickets_dir": str(TICKETS)}, "there is no user 'nobody-here'"),
        ({"twostep_tickets": ["alice"]}, "Set twostep_tickets_dir"),
        ({"twostep_services": ["shsd"]}, "value of twostep_services must be one or more of"),
    ],
    ids=["person", "no-place-for-tickets", "service"],
)
def test_names_variable_with_wrong_value(variables, words):
    before = files()
    refused(play(**variables), words)
    assert (before, []) == (files(), stored())


@pytest.mark.parametrize(
    ("user", "variables", "words"),
    [
        ("root", {"twostep_policy": OPT_IN}, "sshd would ask root, the account of Ansible, for a code"),
        ("root", {"twostep_policy": exempt("root", 'from = ["192.0.2.0/24"]')}, "sshd would ask root, the account of Ansible, for a code"),
        ("root", {"twostep_policy": exempt("root")}, "Add that name to twostep_sshd_key_only"),
        (
            "admin",
            {
                "twostep_policy": exempt("admin", 'services = ["sshd"]'),
                "twostep_sshd_key_only": ["admin"],
                "ansible_become": True,
                "ansible_become_password": "admin's password",
            },
            "sudo would ask admin, the account of Ansible, for a code",
        ),
    ],
    ids=["not-exempt", "not-from-here", "no-key-alone", "not-at-sudo"],
)
def test_refuses_over_ssh_to_lock_itself_out(sshd, user, variables, words):
    before = files()
    refused(play(by=by_ssh(user), twostep_services=["sshd", "sudo"], **variables), words, "All files are as they were before")
    assert before == files()


def test_exempt_account_gets_in_again_over_ssh(sshd):
    variables = {
        "twostep_policy": exempt("admin"),
        "twostep_sshd_key_only": ["admin"],
        "twostep_services": ["sshd", "sudo"],
        "ansible_become": True,
        "ansible_become_password": "admin's password",
    }
    done(play(by=by_ssh("admin"), **variables))
    assert "Received SIGHUP; restarting." in Path(os.environ["SANDBOX_LOG"]).read_text()
    assert done(play(by=by_ssh("admin"), **variables)).changed == 0


def test_believes_over_ssh_that_there_is_another_way(sshd):
    played = play(by=by_ssh("root"), twostep_services=["sshd"], twostep_i_have_another_way=True)
    refused(played, "Permission denied (")  # after sshd was reloaded: each task is a login
    assert "pam_twostep.so" in SSHD.read_text()
