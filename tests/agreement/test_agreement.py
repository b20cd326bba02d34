"""`twostep services` says of each generated service what the real libpam does with it: some logins succeed without a code, none
succeeds at all, or neither. Runs in tests/sandbox."""

import collections
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from grammar import service
from machine import Machine
from worlds import FINE, IN_WITHOUT_CODE, NOBODY, PAM_D, PASSWORD, USER

HERE = Path(__file__).resolve().parent
COUNT = 2000 if os.environ.get("TWOSTEP_NIGHT") else 300
BATCH = 50
LEAST = 0.1  # of the services, with each verdict
SAYS = {
    "asks": FINE,
    "can-be-bypassed": IN_WITHOUT_CODE,
    "asks-for-none": IN_WITHOUT_CODE,
    "refuses-everybody": NOBODY,
}
ACCOUNT = "account required pam_permit.so\n"


@pytest.fixture(scope="module")
def person():
    machine = Machine()
    machine.prepare()
    machine.reset()
    machine.policy(mode="mandatory")
    install_stand_in()
    quick_password()
    return machine.enroll(USER)


def install_stand_in():
    """pam_u2f.so, beside the real modules."""
    (unix,) = Path("/usr/lib").glob("*/security/pam_unix.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", unix.with_name("pam_u2f.so"), HERE / "pam_u2f.c"], check=True)


def quick_password():
    """A hash that costs little to check."""
    hashed = subprocess.check_output(["openssl", "passwd", "-5", "-salt", "agreement", PASSWORD], text=True)
    subprocess.run(["usermod", "-p", hashed.strip(), USER], check=True)


def generated(seed):
    """The files of a batch of services. The last one has no auth lines of its own, so libpam takes those of `other`."""
    chance = random.Random(seed)
    batch = {f"s{seed}x{number}": {} for number in range(BATCH)}
    for name in batch:
        batch[name] = service(chance, name)
        batch[name][name] += ACCOUNT
    last = list(batch)[-1]
    files = batch[last]
    batch[last] = {**files, "other": files[last], last: ACCOUNT}
    return batch


def test_services_agrees_with_libpam(person):
    counts, wrong = collections.Counter(), []
    for seed in range(COUNT // BATCH):
        batch = generated(seed)
        for name, text in ((name, text) for files in batch.values() for name, text in files.items()):
            (PAM_D / name).write_text(text)
        said = {one["service"]: one["code"] for one in services()}
        does = verdicts(person.code(), batch)
        counts.update(does.values())
        wrong += [(said.get(name), does[name], batch[name]) for name in batch if SAYS.get(said.get(name)) != does[name]]
        for name in {name for files in batch.values() for name in files} - {"other"}:
            (PAM_D / name).unlink()
    assert not wrong, report(wrong, counts)
    assert min(counts[verdict] for verdict in (FINE, IN_WITHOUT_CODE, NOBODY)) >= LEAST * counts.total(), counts


def verdicts(code, batch):
    texts = {name: "".join(files.values()) for name, files in batch.items()}
    command = [sys.executable, HERE / "worlds.py", code]
    return json.loads(subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True).stdout)


def services():
    done = subprocess.run(["twostep", "services", "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["services"]


def report(wrong, counts):
    shown = [f"{said}, but {verdict}:\n" + "\n".join(f"--{file}\n{text}" for file, text in files.items()) for said, verdict, files in wrong]
    return f"{len(wrong)} of {counts.total()} {counts}\n" + "\n\n".join(shown[:20])
