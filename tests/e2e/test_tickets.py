"""Tickets: if the policy requires one, no user sees a key without a ticket from an administrator."""

import datetime

import pytest

from clock import STEP
from hosts import Login, Ssh, LoginSession, all_ended, ready
from machine import uid_of
from person import WHOLE, Newcomer, keep_secret

NEEDED = "A second step is required here. Get a ticket from your administrator."
REFUSED = "That ticket was not accepted. Ask your administrator for one."
FOREIGN = "0123-4567-89AB-CDEF"


@pytest.fixture
def ssh(machine):
    host = ready(Ssh(machine))
    machine.mandatory(require_ticket=True)
    with all_ended():
        yield host


def comes(host, *tickets, user="alice"):
    """A user who types these tickets, in turn, and then hangs up, with or without a key on the screen. It waits neither for
    sshd to notice, nor for the empty answers that a client may still send."""
    newcomer = Newcomer(host.machine, user, ticket=[*tickets, None], first=[None])
    with LoginSession(host, user, newcomer=newcomer) as session:
        return session.until_the_end()


def causes(machine):
    return [entry["cause"] for entry in machine.log() if entry.get("reason", "").endswith("-ticket")]


def shows_a_key(outcome):
    assert ("first" in outcome.enrolling) == ("Key:" in outcome.text)
    return "first" in outcome.enrolling


def test_ticket_enrolls_user_and_is_used_up(machine, ssh):
    ticket = machine.ticket("alice")
    alice = Newcomer(machine, "alice", ticket=[FOREIGN, ticket.lower().replace("-", " ")])
    outcome = ssh.attempt("alice", newcomer=alice)
    assert outcome.granted and outcome.enrolling == ["ticket", "ticket", *WHOLE]
    assert NEEDED in outcome.text and REFUSED in outcome.text
    assert machine.verdicts() == ["deny wrong-ticket", "enrolling", "enrolled"]
    assert machine.stored("alice") == {f"{uid_of('alice')}.toml", "mark", "recovery codes"}
    assert machine.status("alice")["ticket_until"] is None

    machine.clock.advance(2 * STEP)
    assert ssh.attempt("alice", alice.code()).granted
    machine.command("reset", "alice")
    assert not shows_a_key(comes(ssh, ticket))


@pytest.mark.parametrize("host_class", [Ssh, Login], ids=lambda host: host.name)
def test_password_without_ticket_shows_no_key(machine, host_class):
    host = ready(host_class(machine))
    machine.mandatory(require_ticket=True)
    outcome = comes(host, FOREIGN, "123456", "")
    assert outcome.refused and outcome.enrolling == ["ticket"] * 3 and not shows_a_key(outcome)
    assert outcome.text.count(REFUSED) == 2
    assert machine.verdicts() == ["deny wrong-ticket", "deny not-a-ticket", "deny not-a-ticket"]
    assert [entry["priority"] for entry in machine.log()[:2]] == ["warning", "notice"]
    assert causes(machine)[0].startswith("the user has no ticket")
    assert machine.stored("alice") == set()


def test_nobody_learns_whether_a_ticket_exists(machine, ssh):
    machine.ticket("alice")
    with_ticket, without = comes(ssh, FOREIGN, FOREIGN), comes(ssh, FOREIGN, FOREIGN, user="bob")
    assert with_ticket.text == without.text.replace("bob", "alice")
    assert with_ticket.enrolling == without.enrolling == ["ticket"] * 3


def test_ticket_has_three_tries_until_right_one_restores_them(machine, ssh):
    ticket = machine.ticket("alice")
    assert shows_a_key(comes(ssh, FOREIGN, FOREIGN, ticket))
    assert not shows_a_key(comes(ssh, FOREIGN, FOREIGN))
    assert not shows_a_key(comes(ssh, FOREIGN, ticket, ticket))
    machine.forget_log()
    assert not shows_a_key(comes(ssh, ticket))
    assert causes(machine)[0] == "the ticket was mistyped too often and is no longer valid"
    assert shows_a_key(comes(ssh, machine.ticket("alice")))


def test_malformed_ticket_costs_no_try(machine, ssh):
    ticket = machine.ticket("alice")
    assert not shows_a_key(comes(ssh, "123456", "alice's password", "yes"))
    assert causes(machine) == ["this does not have the format of a ticket"] * 3
    assert shows_a_key(comes(ssh, ticket))


def test_a_ticket_expires(machine, ssh):
    ticket = machine.ticket("alice", "--valid", "1h")
    assert machine.status("alice")["ticket_until"] == machine.clock.now() + 3600
    machine.clock.advance(3599)
    assert shows_a_key(comes(ssh, ticket))
    machine.clock.advance(1)
    assert machine.status("alice")["ticket_until"] is None
    assert not shows_a_key(comes(ssh, ticket))
    assert causes(machine)[0] == "the ticket has expired"


def test_a_ticket_is_for_one_person(machine, ssh):
    ticket = machine.ticket("alice")
    machine.ticket("bob")
    assert not shows_a_key(comes(ssh, ticket, user="bob"))
    assert causes(machine)[0] == "wrong ticket"


def test_new_ticket_replaces_old_one(machine, ssh):
    old, new = machine.ticket("alice"), machine.ticket("alice")
    assert not shows_a_key(comes(ssh, old))
    assert shows_a_key(comes(ssh, new))


def test_a_ticket_withdrawn_during_the_dialogue_enrolls_nobody(machine, ssh):
    ticket = machine.ticket("alice")

    def meanwhile(newcomer):
        machine.command("reset", "alice")
        return newcomer.code()

    outcome = ssh.attempt("alice", newcomer=Newcomer(machine, "alice", ticket=[ticket], first=[meanwhile]))
    assert outcome.refused and outcome.enrolling == ["ticket", *WHOLE]
    assert machine.verdicts() == ["enrolling", "deny wrong-ticket"]
    assert not machine.status("alice")["enrolled"]


def test_command_prints_tickets_and_refuses_bad_arguments(machine, ssh):
    issued = machine.run("twostep", "ticket", "alice", "--valid", "2h")
    first, second = issued.stdout.splitlines()
    keep_secret(machine, first.removeprefix("Ticket for alice: "))
    until = datetime.datetime.fromtimestamp(machine.clock.now() + 7200, datetime.UTC)
    assert second.startswith(f"Valid for one enrollment until {until:%Y-%m-%d %H:%M}") and second.endswith("UTC.")
    assert issued.stderr == ""
    assert f"{until:%Y-%m-%d %H:%M}" in machine.command("status", "--user", "alice")
    assert machine.stored("alice") >= {"ticket"}

    machine.policy(mode="mandatory")
    issued = machine.run("twostep", "ticket", "bob")
    keep_secret(machine, issued.stdout.split()[3])
    assert "require-ticket" in issued.stderr and issued.returncode == 0
    machine.enroll("carol")
    refused = machine.run("twostep", "ticket", "carol")
    assert refused.returncode == 1 and "twostep reset carol" in refused.stderr and not refused.stdout
    for arguments in (["alice", "--valid", "0h"], ["alice", "--valid", "soon"], ["alice", "--valid", "31d"], []):
        assert machine.run("twostep", "ticket", *arguments).returncode == 2
