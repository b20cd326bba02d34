"""The settings of sshd as doctor reads them below a root are those that the real `sshd -T` gives.

Each configuration is put in place twice in the sandbox: as the machine's own, where doctor asks sshd, and below a root, where
it reads by itself. Both must find the same. For what a `Match` block sets, sshd is asked with `-C`, which doctor never does.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
TWOSTEP = Path(os.environ.get("CARGO_TARGET_DIR", TESTS.parent / "target"), "release/twostep")
MAIN, MORE = "sshd_config", "sshd_config.d/"
INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf\n"
ASKS = "UsePAM yes\nKbdInteractiveAuthentication yes\nAuthenticationMethods keyboard-interactive:pam\n"
# The logins that some of the blocks below match.
WHO = "user=ada,host=client.example.org,addr=192.0.2.7,laddr=127.0.0.1,lport=22"
SILENT = "/usr/sbin/sshd -T did not end within 5 s"
REFUSED = "/etc/ssh/sshd_config: line 5: Bad configuration option: Foo"

CONFIGURATIONS = {
    "nothing at all": {MAIN: ""},
    "what is recommended": {MAIN: ASKS + "PasswordAuthentication no\nLoginGraceTime 300\n"},
    "quotes, equals signs, comments": {
        MAIN: '"UsePAM" yes\nKbdInteractiveAuthentication=no # off\nPasswordAuthentication = "yes"\n#UsePAM no\n'
        "  AuthenticationMethods \"publickey\" 'password' # two\nLoginGraceTime=1m30s\n"
    },
    "old names": {MAIN: "UsePAM yes\nChallengeResponseAuthentication no\nPermitRootLogin without-password\n"},
    "keywords and values in any case": {MAIN: "USEPAM YES\nkbdINTERACTIVEauthentication NO\nPUBKEYAUTHENTICATION No\n"},
    "the first value counts": {MAIN: "UsePAM yes\nUsePAM no\nLoginGraceTime 4m\nLoginGraceTime 10\n" + ASKS},
    "a drop-in counts before": {
        MAIN: INCLUDE + ASKS,
        MORE + "50-a.conf": "KbdInteractiveAuthentication no\nAuthenticationMethods any\n",
        MORE + "60-b.conf": "KbdInteractiveAuthentication yes\n",
        MORE + "10-c.conf.off": "UsePAM no\n",
        MORE + ".hidden.conf": "UsePAM no\n",
    },
    "a drop-in comes too late": {MAIN: ASKS + INCLUDE, MORE + "50-a.conf": "UsePAM no\nAuthenticationMethods publickey\n"},
    "an include below an include": {
        MAIN: "Include sshd_config.d/[0-9]0-*.conf none.conf\n" + ASKS,
        MORE + "10-a.conf": "Include /etc/ssh/deeper\n",
        MORE + "x0-b.conf": "UsePAM no\n",
        "deeper": "AuthenticationMethods publickey\n",
    },
    "a block for everybody": {MAIN: ASKS + "Match all\n    PasswordAuthentication no\n    AuthenticationMethods publickey\n"},
    "a block in a drop-in ends with it": {
        MAIN: INCLUDE + "KbdInteractiveAuthentication no\nUsePAM yes\n",
        MORE + "50-a.conf": "Match User ada\n    PasswordAuthentication no\n",
    },
    "a block's value counts before": {
        MAIN: ASKS + "Match Address 192.0.2.0/24\n    KbdInteractiveAuthentication no\n    AuthenticationMethods publickey\n"
    },
    "a block in any spelling": {
        MAIN: ASKS + 'MATCH user="ada" ADDRESS 192.0.2.0/24\n\tkbdinteractiveauthentication=no\nMatch all\n\tX11Forwarding no\n'
    },
    "a block that includes": {
        MAIN: ASKS + "Match User ada\n    Include sshd_config.d/*.conf\n    KbdInteractiveAuthentication no\n",
        MORE + "50-a.conf": "AuthenticationMethods publickey\nMatch LocalPort 22\n    PasswordAuthentication no\n",
    },
    "a block that changes nothing": {MAIN: ASKS + "Match Group staff\n    X11Forwarding no\n    PasswordAuthentication no\n"},
    "two blocks that both hold": {
        MAIN: ASKS
        + "PubkeyAuthentication no\n"
        + "Match User ada\n    AuthenticationMethods publickey\n"
        + "Match Address 192.0.2.0/24\n    PubkeyAuthentication yes\n"
    },
    "two blocks that both hold, the harmless one first": {
        MAIN: ASKS
        + "PubkeyAuthentication no\n"
        + "Match Address 192.0.2.0/24\n    PubkeyAuthentication yes\n    AuthenticationMethods keyboard-interactive:pam\n"
        + "Match User ada\n    AuthenticationMethods publickey\n"
    },
    "a block behind one that sets the same": {
        MAIN: ASKS
        + "Match Address 192.0.2.0/24\n    AuthenticationMethods publickey\n"
        + "Match all\n    AuthenticationMethods password\n    KbdInteractiveAuthentication no\n"
    },
}
# An sshd of its own, the unit that starts it, and what makes others able to change it.
ELSEWHERE, UNIT = "/opt/ssh/bin/sshd", "/etc/systemd/system/elsewhere.service"
WEAK = {
    "alice's program": (ELSEWHERE, f"chown alice {ELSEWHERE}"),
    "a program of a group": (ELSEWHERE, f"chmod g+w {ELSEWHERE}"),
    "a program in alice's folder": ("/opt/ssh", "chown alice /opt/ssh"),
    "a program in a folder for all": ("/opt/ssh/bin", "chmod 1777 /opt/ssh/bin"),
    "a link to alice's folder": (
        "/home/alice",
        f"cp -p {ELSEWHERE} /home/alice && ln -sf /home/alice/sshd {ELSEWHERE}",
    ),
    "a link by alice's folder": (
        "/home/alice",
        f"mv {ELSEWHERE} /usr/local/sbin/real && ln -s /usr/local/sbin/real /home/alice/sshd && ln -s /home/alice/sshd {ELSEWHERE}",
    ),
}


@pytest.fixture(scope="module")
def answers():
    done = subprocess.run(
        [TESTS / "sandbox", "/usr/bin/python3", __file__], stdout=subprocess.PIPE, text=True, timeout=600, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_reads_settings_as_sshd_does(answers, name):
    answer = answers[name]
    assert answer["by sshd"] == answer["by the reader"]
    assert not [what for _, what in answer["by sshd"] if "refuses its settings" in what]


@pytest.mark.parametrize("name", [name for name, files in CONFIGURATIONS.items() if "MATCH" in str(files).upper()])
def test_reads_match_block_as_sshd_does_for_its_users(answers, name):
    effective, whats = answers[name]["for ada"], [what for _, what in answers[name]["by the reader"]]

    def is_said(text):
        return any(text in what for what in whats)

    assert (effective["kbdinteractiveauthentication"] == "no") == is_said("KbdInteractiveAuthentication is no")
    assert (effective["authenticationmethods"] == "publickey") == is_said("'publickey' lets users in")
    assert (effective["authenticationmethods"] == "any") == is_said("publickey alone lets users in")


def test_quotes_sshd_on_settings_that_it_refuses(answers):
    [finding] = answers["refused"]
    assert finding == ["/etc/ssh/sshd_config:5", f"sshd refuses its settings: {REFUSED}"]


def test_believes_sshd_more_than_its_files(answers):
    assert answers["told otherwise"] == [["/etc/ssh/sshd_config:1", "UsePAM is no"]]


def test_stops_waiting_for_sshd_that_does_not_answer(answers):
    [[_, what]] = answers["hangs"]
    assert what == f"doctor cannot tell the settings of this sshd: {SILENT}"


def test_runs_no_other_program_if_one_is_missing(answers):
    missing = f"{ELSEWHERE} -T cannot be run: No such file or directory (os error 2)"
    assert answers["missing"] == [[f"{UNIT}:2", f"doctor cannot tell the settings of this sshd: {missing}"]]


@pytest.mark.parametrize("name", WEAK)
def test_root_runs_no_program_that_others_can_change(answers, name):
    weak = f"{ELSEWHERE} -T was not run: users other than root can change {WEAK[name][0]}"
    assert answers[name] == [[f"{UNIT}:2", f"doctor cannot tell the settings of this sshd: {weak}"]]


def test_root_runs_program_elsewhere_if_only_root_can_change_it(answers):
    assert answers["elsewhere"] == [["/etc/ssh/sshd_config:1", "UsePAM is no"]]


def findings(*arguments):
    done = subprocess.run([TWOSTEP, *arguments, "doctor", "--json"], stdout=subprocess.PIPE, check=False)
    found = json.loads(done.stdout)["findings"]
    place = [(f"{finding['file']}:{finding['line']}", finding["what"]) for finding in found]
    return [(at, what) for at, what in place if at.startswith("/etc/ssh") or "of this sshd" in what]


def sshd(*arguments):
    done = subprocess.run(["/usr/sbin/sshd", "-T", *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


def put(files):
    ssh = Path("/etc/ssh")
    for old in [ssh / MAIN, ssh / "deeper", *ssh.glob(MORE + "*")]:
        old.unlink(missing_ok=True)
    for name, text in files.items():
        (ssh / name).write_text(text)


def answer(files):
    root = Path("/run/root")
    put(files)
    shutil.rmtree(root, ignore_errors=True)
    for folder in ["etc/ssh", "etc/pam.d", "etc/twostep", "root/.ssh"]:
        shutil.copytree(Path("/", folder), root / folder, ignore=shutil.ignore_patterns("ssh_host_*"))
    return {"by sshd": findings(), "by the reader": findings("--root", root), "for ada": sshd("-C", WHO)}


def findings_elsewhere(script):
    """The findings about the other sshd, which reports `UsePAM no`, after the script."""
    for folder in ["/opt/ssh", "/home/alice/sshd"]:
        subprocess.run(["rm", "-rf", folder], check=True)
    Path(ELSEWHERE).parent.mkdir(parents=True)
    Path(ELSEWHERE).write_text("#!/bin/sh\necho usepam no\n")
    Path(ELSEWHERE).chmod(0o755)
    subprocess.run(["sh", "-euc", script], check=True)
    return findings()


def main():
    """Inside the sandbox: all answers."""
    Path("/etc/pam.d/sshd").write_text("auth required pam_twostep.so\naccount required pam_twostep.so\n")
    # So that each setting makes a difference: a user must enroll, and root has keys.
    Path("/etc/twostep/policy.toml").write_text('version = 1\nmode = "mandatory"\n')
    Path("/root/.ssh").mkdir(exist_ok=True)
    Path("/root/.ssh/authorized_keys").write_text("ssh-ed25519 AAAA\n")
    subprocess.run(["ssh-keygen", "-A"], stdout=subprocess.DEVNULL, check=True)
    answers = {name: answer(files) for name, files in CONFIGURATIONS.items()}
    put({MAIN: ASKS + "LoginGraceTime 300\nFoo bar\nPermitRootLogin no\n"})
    answers["refused"] = findings()
    put({MAIN: ASKS + "PasswordAuthentication no\nLoginGraceTime 300\nPermitRootLogin no\n"})
    for name, script in {"told otherwise": "echo usepam no", "hangs": "sleep 60"}.items():
        Path("/usr/sbin/sshd").write_text(f"#!/bin/sh\n{script}\n")
        answers[name] = findings()
    # Then nothing but that unit starts an sshd. The usual program is there, and would say that all is well.
    for old in [*Path("/usr/lib/systemd/system").glob("ssh*.service"), Path("/etc/default/ssh")]:
        old.unlink(missing_ok=True)
    Path("/usr/sbin/sshd").write_text("#!/bin/sh\necho usepam yes\n")
    Path(UNIT).write_text(f"[Service]\nExecStart={ELSEWHERE} -D\n")
    answers["missing"] = findings()
    for name, (_, script) in {"elsewhere": ("", ""), **WEAK}.items():
        answers[name] = findings_elsewhere(script)
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
