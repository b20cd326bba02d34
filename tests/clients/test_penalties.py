"""What refusals cost at an sshd with its default PerSourcePenalties (OpenSSH 9.8 and later). A penalty counts for the address, and so
for all users behind it. Each test has addresses of its own; docs/CLIENTS.md has the numbers."""

import re
import time

import pytest

from clock import STEP
from hosts import Ssh, Sshd, ready
from machine import PATIENT, REPOSITORY, wait_until

PENALTY = re.compile(r"new (127\.\S+)/32 deferred penalty of (\d+)\S* seconds for penalty: ([a-z ]+)")
SHUT_OUT = "Connection closed|Connection reset|Not allowed at this time"
PAGE = (REPOSITORY / "docs/CLIENTS.md").read_text(encoding="utf-8")


class Password(Ssh):
    """An sshd that takes either a password and a code, or a key, which twostep's account line then refuses."""

    denied = f"Permission denied|{SHUT_OUT}"
    server = {"AuthenticationMethods": "publickey keyboard-interactive:pam", "PerSourcePenalties": "yes"}

    def __init__(self, machine, address, **server):
        super().__init__(machine)
        self.address = address
        self.server = {**self.server, **server}

    def options(self):
        return [*super().options(), f"-oBindAddress={self.address}"]

    def penalties(self):
        """The penalties of this address that sshd has logged, in seconds, each with its reason."""
        found = PENALTY.findall(self.machine.log_text())
        return [(int(seconds), reason) for address, seconds, reason in found if address == self.address]


class Key(Password):
    client = {"PreferredAuthentications": "publickey", "IdentitiesOnly": "yes"}


@pytest.fixture(autouse=True)
def forgetful_sshd():
    """One that starts in the test, and knows no address."""
    Sshd.stop()
    yield
    Sshd.stop()


@pytest.fixture
def alice(machine):
    alice = machine.enroll("alice")
    machine.mandatory()
    return alice


def costs(act):
    """The seconds that docs/CLIENTS.md names for this act."""
    return int(re.search(rf"^\| {re.escape(act)} \| (\d+) s \|", PAGE, flags=re.M)[1])


def wait_for_timeout(machine):
    wait_until(lambda: "Timeout before authentication" in machine.log_text(), "sshd does not end the login")
    return "000000"


ACTS = {
    "a key that the account line refuses": (Key, {}, lambda alice, machine: []),
    "a wrong password": (Password, {"password": "wrong"}, lambda alice, machine: []),
    "three wrong codes": (Password, {}, lambda alice, machine: [alice.wrong_code()] * 3),
    "hanging up at the question": (Password, {}, lambda alice, machine: []),
    "a login that takes longer than `LoginGraceTime`": (Password, {}, lambda alice, machine: [lambda: wait_for_timeout(machine)]),
}


@pytest.mark.parametrize("act", ACTS)
def test_refusal_costs_address_what_page_says(machine, alice, act):
    kind, session, codes = ACTS[act]
    client = ready(kind(machine, "127.0.0.2", LoginGraceTime="3" if "Grace" in act else "120"))
    outcome = client.attempt("alice", *codes(alice, machine), **session)
    assert outcome.refused
    wait_until(client.penalties, "sshd notes no penalty")
    assert [seconds for seconds, _ in client.penalties()] == [costs(act)]


def test_good_login_costs_nothing_even_after_wrong_code(machine, alice):
    client = ready(Password(machine, "127.0.0.2"))
    assert client.attempt("alice", alice.code()).granted
    machine.clock.advance(2 * STEP)
    assert client.attempt("alice", alice.wrong_code(), alice.code()).granted
    assert machine.verdicts() == ["grant", "deny wrong-code", "grant"]
    assert client.penalties() == []


def test_four_refused_keys_shut_out_all_at_that_address(machine, alice):
    bob = machine.enroll("bob")
    key = ready(Key(machine, "127.0.0.3"))
    machine.forget_log()
    refused = 0
    while "drop connection" not in machine.log_text():
        text = key.attempt("alice").text
        refused += "did not ask for it" in text
        assert refused < 10, "nothing shuts the address out"
    shut_out = time.monotonic()
    assert refused >= 4
    assert re.search(SHUT_OUT, text) and "second step" not in text, "the user reads nothing of the reason"

    beside, elsewhere = Password(machine, "127.0.0.3"), Password(machine, "127.0.0.4")
    outcome = beside.attempt("bob", bob.code())
    assert outcome.refused and not outcome.asked and re.search(SHUT_OUT, outcome.text), "another user, with the right code"
    assert elsewhere.attempt("bob", bob.code()).granted
    machine.clock.advance(2 * STEP)
    while beside.attempt("bob", bob.code()).refused:
        assert time.monotonic() < shut_out + PATIENT, "the address stays shut out"
    assert 5 < time.monotonic() - shut_out < 30


def test_exempt_list_lifts_penalty(machine, alice):
    key = ready(Key(machine, "127.0.0.5", PerSourcePenaltyExemptList="127.0.0.5/32"))
    for _ in range(8):
        assert "did not ask for it" in key.attempt("alice").text
    assert key.penalties() == []
    assert Password(machine, "127.0.0.5").attempt("alice", alice.code()).granted
