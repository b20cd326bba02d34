"""Who must have a second step, and who has one: twostep report in each of its forms."""

import base64
import csv
import fcntl
import hashlib
import html.parser
import io
import json
import os
import re
import struct
import time
from pathlib import Path

import pytest

from directory import TRY_AGAIN, a_directory
from machine import STORE, uid_of

PASSWD = Path("/etc/passwd")
SYSTEMD = Path("/usr/share/twostep/systemd")
FORMS = ("--csv", "--json", "--html", "--prometheus")
TROUBLE = {"=cmd": 7101, "<script>alert(1)</script>": 7102, "@a'\"&<>,;b" + "x" * 53: 7103, "+1-\N{EURO SIGN}": 7104}


@pytest.fixture
def troublesome():
    """Users whose names mean something to a spreadsheet, a browser or a terminal."""
    before = PASSWD.read_text()
    PASSWD.write_text(before + "".join(f"{name}:x:{uid}:100::/nonexistent:/bin/sh\n" for name, uid in TROUBLE.items()))
    yield
    PASSWD.write_text(before)


@pytest.fixture
def staff(machine):
    """A group with alice and bob."""
    before = Path("/etc/group").read_text()
    machine.run("groupadd", "staff2")
    for user in ("alice", "bob"):
        machine.run("usermod", "--append", "--groups", "staff2", user)
    yield "staff2"
    Path("/etc/group").write_text(before)


class Rows(html.parser.HTMLParser):
    """The cells of the table of people, by rows, and whatever a browser would run or load."""

    def __init__(self, page):
        super().__init__()
        self.rows, self.texts, self.loads, self._in = [], {"style": "", "script": ""}, [], None
        self.policy = None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.loads += [value for key, value in attributes.items() if key in ("src", "href", "style") or key.startswith("on")]
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
        if tag == "tbody":
            self.rows = []
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
        self._in = tag

    def handle_endtag(self, tag):
        self._in = None

    def handle_data(self, data):
        if self._in in self.texts:
            self.texts[self._in] += data
        elif self._in == "td":
            self.rows[-1][-1] += data


def people(machine, *arguments):
    report = json.loads(machine.command("report", "--json", *arguments))
    return {person["user"]: person for person in report["people"]}, report


def metrics(text):
    return {name: int(value) for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}


def day(seconds):
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def rule(name, **keys):
    return f"[[rule]]\nname = {json.dumps(name)}\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


def test_says_who_must_by_what_and_since_when(machine, staff):
    now = machine.clock.now()
    started, ends, coming = day(now - 86400 * 30), day(now + 86400 * 30), day(now + 86400 * 9)
    machine.policy(
        rule("robots", users='["dave"]', mode='"exempt"', until=ends)
        + rule("staff", groups='["staff2"]', mode='"mandatory"', starts=started)
        + rule("soon", users='["admin"]', mode='"mandatory"', starts=coming)
    )
    machine.enroll("alice")
    machine.command("require", "carol")
    found, report = people(machine)
    assert found["alice"]["required"] == found["bob"]["required"]
    assert found["bob"]["required"] == {"when": "now", "rule": "staff", "line": 10, "administrator": False, "since": started}
    assert found["carol"]["required"] == {"when": "now", "rule": "default", "line": 2, "administrator": True, "since": day(now)}
    assert found["admin"]["required"] == {"when": "later", "from": coming}
    assert found["dave"]["required"] == {"when": "no"}
    assert found["dave"]["exempt"] == [{"rule": "robots", "line": 5, "until": ends}]
    assert found["alice"]["enrolled"] and found["alice"]["enrolled_since"] == day(now)
    assert (found["alice"]["used"], found["alice"]["recovery_codes"]) == ({"when": "never"}, "enough")
    assert found["bob"]["recovery_codes"] is None
    totals = report["totals"]
    assert {key: totals[key] for key in ("enrolled", "required", "required_enrolled", "required_later", "required_next", "exempt")} == {
        "enrolled": 1, "required": 3, "required_enrolled": 1, "required_later": 1, "required_next": coming, "exempt": 1,
    }
    assert totals["groups"] == [{"name": "staff2", "people": 2, "enrolled": 1, "required": 2, "required_enrolled": 1}]
    assert totals["enrolled_by"] == [{"day": day(now), "enrolled": 1}]
    text = machine.command("report")
    first = next(line for line in text.splitlines() if line.startswith("USER"))
    below = text.split(first)[1].split("\n")[1:3]
    assert [line.split()[0] for line in below] == ["bob", "carol"], "those who must and have none come first"


def test_says_when_and_where_code_was_used(machine):
    alice = machine.enroll("alice")
    machine.stack("sshd-test", "auth required pam_twostep.so")
    at = machine.clock.now()
    done = machine.run("pamtester", "-I", "rhost=192.0.2.7", "sshd-test", "alice", "authenticate", stdin=f"{alice.code()}\n")
    assert done.returncode == 0, done.stderr
    used = people(machine)[0]["alice"]["used"]
    assert used == {"when": "at", "at": used["at"], "date": day(at), "service": "sshd-test", "host": "192.0.2.7"}
    assert at <= used["at"] <= at + 5
    machine.command("storage", "downgrade")
    try:
        assert people(machine)[0]["alice"]["used"] == {"when": "unknown"}
    finally:
        machine.command("storage", "upgrade")


def test_all_forms_name_same_people(machine, troublesome):
    machine.policy(mode="mandatory")
    machine.enroll("alice")
    found, report = people(machine)
    assert set(TROUBLE) <= set(found)
    text = machine.command("report", "--csv")
    first, rest = text.split("\n", 1)
    assert first == "# " + report["confidential"]
    rows = list(csv.DictReader(io.StringIO(rest)))
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t"))]
    assert {row["user"].removeprefix("'") for row in rows} == set(found)
    page = machine.command("report", "--html")
    seen = Rows(page)
    assert {cells[0] for cells in seen.rows} == set(found)
    assert not seen.loads and "<script>alert" not in page
    table = machine.command("report")
    assert all(f"\n{name} " in table for name in found)


def test_page_runs_only_its_own_script(machine):
    seen = Rows(machine.command("report", "--html"))
    for kind, text in seen.texts.items():
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in seen.policy, f"the hash of the page's {kind} is {digest}"
    assert seen.policy.startswith("default-src 'none'; ")


def test_report_without_names_names_nobody(machine, troublesome):
    """Not even by the name of a user's own group."""
    machine.policy(rule("own", groups='["alice", "sudo"]', mode='"mandatory"'), mode="mandatory")
    users = {line.split(":")[0] for line in PASSWD.read_text().splitlines() if line.split(":")[2] >= "1000"} - {"nobody"}
    for form in ("", *FORMS):
        text = machine.command(*filter(None, ("report", form, "--no-names")))
        assert not [user for user in users if re.search(rf"\b{re.escape(user)}\b", text)], form
        assert "onfidential" not in text.splitlines()[0]
    found = metrics(machine.command("report", "--prometheus"))
    assert found["twostep_people"] >= len(TROUBLE) and 'twostep_group_people_required{group="sudo"}' in found


def test_metrics_are_totals(machine, staff):
    machine.policy(rule("staff", groups='["staff2"]', mode='"mandatory"'))
    machine.enroll("alice")
    found = metrics(machine.command("report", "--prometheus"))
    assert found['twostep_group_people_required{group="staff2"}'] == 2
    assert found['twostep_group_people_required_enrolled{group="staff2"}'] == found["twostep_people_enrolled"] == 1
    assert found['twostep_people_recovery_codes{left="enough"}'] == 1
    assert found["twostep_report_timestamp_seconds"] == machine.clock.now()


def test_shipped_unit_writes_file_for_node_exporter(machine):
    unit = (SYSTEMD / "twostep-report.service").read_text()
    command = re.search(r"^ExecStart=(.*)$", unit, re.M)[1]
    folder = Path(re.search(r"^ReadWritePaths=(.*)$", unit, re.M)[1])
    folder.mkdir(parents=True, exist_ok=True)
    done = machine.run(*command.split())
    assert (done.returncode, done.stderr) == (0, "")
    (file,) = folder.iterdir()
    assert file.suffix == ".prom" and file.stat().st_mode & 0o777 == 0o644
    assert metrics(file.read_text())["twostep_people"]


@pytest.mark.parametrize("form", ["", *FORMS])
def test_only_root_reads_file_that_names_users(machine, form, tmp_path):
    file = tmp_path / "report"
    file.write_text("old")
    os.chmod(file, 0o666)
    machine.command(*filter(None, ("report", form, "--output", str(file))))
    mode = 0o644 if form == "--prometheus" else 0o600
    assert file.stat().st_mode & 0o777 == mode and file.read_text() != "old"
    machine.command(*filter(None, ("report", form, "--no-names", "--output", str(file))))
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_refuses_output_that_others_may_read(machine, tmp_path):
    file = tmp_path / "report"
    for mode, names, status in [(0o644, (), 1), (0o640, (), 1), (0o600, (), 0), (0o644, ("--no-names",), 0)]:
        file.write_text("")
        os.chmod(file, mode)
        done = machine.run("sh", "-c", f"twostep report --csv {' '.join(names)} >{file}")
        assert (done.returncode, bool(file.read_text())) == (status, status == 0), (mode, done.stderr)
    assert "standard output is a file that other users may read" in machine.run("sh", "-c", f"twostep report >{file}").stderr
    for bad in ("/dev/null", str(tmp_path), str(tmp_path / "none" / "x"), "/"):
        done = machine.run("twostep", "report", "--output", bad)
        assert done.returncode == 1 and "cannot be written" in done.stderr, bad


def test_is_roots_alone(machine):
    done = machine.run("su", "alice", "-c", "twostep report")
    assert done.returncode == 1 and "only root" in done.stderr and not done.stdout


def test_waits_for_no_lock_and_writes_nothing(machine):
    machine.enroll("alice")
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for folder in ("users", "state") for file in (STORE / folder).iterdir()}
    with (STORE / "state" / str(uid_of("alice"))).open("rb") as state:
        fcntl.flock(state, fcntl.LOCK_EX)
        assert people(machine)[0]["alice"]["enrolled"]
    assert before == {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in before}


def test_shows_records_that_cannot_be_used(machine):
    machine.enroll("alice")
    (STORE / "users" / f"{uid_of('alice')}.toml").chmod(0o644)
    (STORE / "state" / "4000000").write_bytes((STORE / "state" / str(uid_of("alice"))).read_bytes())
    os.chmod(STORE / "state" / "4000000", 0o600)
    found, report = people(machine)
    assert "mode" in found["alice"]["problem"], found["alice"]["problem"]
    assert (report["totals"]["unusable"], report["totals"]["orphans"]) == (1, 1)


def test_shows_lockout(machine):
    alice = machine.enroll("alice")
    machine.policy(lockout_after=3)
    machine.stack("locks", "auth required pam_twostep.so")
    for _ in range(3):
        machine.run("pamtester", "locks", "alice", "authenticate", stdin=f"{alice.wrong_code()}\n")
        machine.clock.advance(3600)
    found, report = people(machine)
    assert (found["alice"]["codes"], found["alice"]["helper_codes"], report["totals"]["locked"]) == ("disabled", "accepted", 1)


def test_group_limits_report_to_its_members(machine, staff):
    machine.enroll("alice")
    (STORE / "state" / "4000000").write_bytes((STORE / "state" / str(uid_of("alice"))).read_bytes())
    os.chmod(STORE / "state" / "4000000", 0o600)
    found, report = people(machine, "--group", staff)
    assert report["totals"]["orphans"] == 0, "nobody knows its groups"
    assert set(found) == {"alice", "bob"} and report["totals"]["people"] == 2
    assert [group["name"] for group in report["totals"]["groups"]] == [staff]
    done = machine.run("twostep", "report", "--group", "no-such-group")
    assert done.returncode == 1 and "no group 'no-such-group'" in done.stderr


def wtmp_record(user, kind=7):
    return struct.pack("<hxxi32s4s32s256shhiii16s20x", kind, 77, b"pts/0", b"1", user.encode(), b"192.0.2.7", 0, 0, 5, 0, 0, b"")


def test_people_are_accounts_that_may_log_in(machine, staff):
    """Root, and those from UID_MIN on with a shell; any other with a record, or with a shell in a group of the policy."""
    lines = {"robot": "7201:100::/:/usr/sbin/nologin", "stored": "7202:100::/:/usr/sbin/nologin", "daemon2": "301:100::/:/bin/sh", "old": "302:100::/:/bin/sh"}
    passwd, group = PASSWD.read_text(), Path("/etc/group").read_text()
    PASSWD.write_text(passwd + "".join(f"{name}:x:{line}\n" for name, line in lines.items()))
    Path("/etc/group").write_text(group.replace(":alice,bob", ":alice,bob,robot,daemon2"))
    machine.policy(rule("staff", groups=f'["{staff}"]', mode='"mandatory"'))
    machine.enroll("stored")
    found = people(machine)[0]
    PASSWD.write_text(passwd)
    assert {"root", "alice", "dave", "stored", "daemon2"} <= set(found)
    assert not {"robot", "old", "daemon", "nobody", "twostep"} & set(found)


def test_finds_people_whom_directory_does_not_list(machine):
    """By the policy, a group of the policy, wtmp, lastlog and the store. The rest is said to be missing."""
    with a_directory() as directory:
        for place, name in enumerate(("in-policy", "in-group", "in-wtmp", "in-lastlog", "in-store", "nowhere")):
            directory.user(name, 8001 + place)
        directory.group("far", 8100, "in-group")
        machine.policy(rule("named", users='["in-policy"]', mode='"mandatory"') + rule("far", groups='["far"]', mode='"mandatory"'))
        machine.enroll("in-store")
        Path("/var/log/wtmp").write_bytes(wtmp_record("in-wtmp") + wtmp_record("nowhere", kind=8) + b"torn")
        with Path("/var/log/lastlog").open("wb") as lastlog:
            lastlog.seek(8004 * 292)
            lastlog.write(struct.pack("<i32s256s", 1, b"pts/0", b""))
        found, report = people(machine)
        assert {name for name in found if name.startswith("in-")} == {"in-policy", "in-group", "in-wtmp", "in-lastlog", "in-store"}
        assert "nowhere" not in found
        assert found["in-group"]["required"]["rule"] == "far"
        assert any("whom a directory does not list" in what for what in report["unseen"]), report["unseen"]
        Path("/var/log/wtmp").unlink()
        Path("/var/log/wtmp").mkdir()
        try:
            assert any("/var/log/wtmp" in what for what in people(machine)[1]["unseen"])
            assert "\nnot seen: logins recorded by /var/log/wtmp" in machine.command("report", "--no-names")
        finally:
            Path("/var/log/wtmp").rmdir()


def test_asks_directory_for_each_group_once(machine):
    """A directory sends all members with it."""
    with a_directory() as directory:
        names = [f"far{number}" for number in range(20)]
        for place, name in enumerate(names):
            directory.user(name, 8001 + place, gid=8100)
        directory.group("everybody", 8100)
        directory.group("far", 8101, *names)
        machine.policy(rule("far", groups='["far", "everybody", "nobodys"]', mode='"mandatory"'))
        asked = directory.asked(lambda: people(machine))
        for group in ("far", "everybody", "nobodys"):
            assert 1 <= asked.count(group) <= 6, f"{group}: {asked.count(group)} times for 20 members"
        found = people(machine)[0]
        assert all(found[name]["required"]["rule"] == "far" for name in names)


def test_says_that_user_was_not_seen(machine):
    """Without names it says only how many."""
    with a_directory() as directory:
        directory.user("far-away", 8001)
        machine.policy(rule("named", users='["far-away"]', mode='"mandatory"'))
        directory.answer(TRY_AGAIN, of="far-away")
        found, report = people(machine)
        assert "far-away" not in found and any("far-away" in what for what in report["unseen"]), report["unseen"]
        for form in ("", *FORMS):
            text = machine.command(*filter(None, ("report", form, "--no-names")))
            assert "far-away" not in text and ("users who could not be looked up: 1" in text or form in ("--csv", "--prometheus")), form
        assert metrics(machine.command("report", "--prometheus"))["twostep_report_unseen"] == 2
        directory.recover()
        directory.answer(TRY_AGAIN, of="group")
        machine.policy(rule("far", groups='["far"]', mode='"mandatory"'))
        found, report = people(machine)
        assert any(what.startswith("users whose groups could not be looked up: ") for what in report["unseen"]), report["unseen"]
        assert any(what.startswith("members of a group: the look-up of group 'far' failed") for what in report["unseen"])
        assert found["alice"]["required"]["when"] == "now", "a login would assume it"
