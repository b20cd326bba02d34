"""Names of a directory service: one account, written in many ways, and a directory that does not answer."""

import subprocess

REMO = ("remo", 20001, "REMO", "CORP\\remo", "remo@corp.example")


def test_stand_in_directory_answers_by_each_spelling(directory):
    directory.user(*REMO)
    directory.group("codes", 20010, "remo", spellings=["CODES"])
    for spelling in (REMO[0], *REMO[2:]):
        line = subprocess.run(["getent", "passwd", spelling], capture_output=True, text=True, check=True).stdout
        assert line.startswith("remo:") and ":20001:" in line
    assert "20010(codes)" in subprocess.run(["id", "remo"], capture_output=True, text=True, check=True).stdout
    assert subprocess.run(["getent", "group", "CODES"], capture_output=True, check=True).stdout.startswith(b"codes:")
    directory.answer(-1, of="passwd")
    assert subprocess.run(["getent", "passwd", "remo"], capture_output=True, check=False).returncode == 2
