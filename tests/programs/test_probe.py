"""What a program does with a prompt with echo, and what else it calls of PAM: facts about the program, not about twostep."""

import re

import pytest

from every import PROBED
from jobs import Cron
from person import password_of
from program import PROBE
from servers import Squid


def noted():
    """The notes of probe.c, as (call, uid, euid, answer)."""
    return re.findall(r"^(\w+) uid=(\d+) euid=(\d+) flags=\w+ answer=(\S+) ", PROBE.read_text(), re.M)


@pytest.mark.parametrize("program", PROBED, ids=lambda program: program.name, indirect=True)
def test_program_answers_echoed_prompt_as_noted(machine, program):
    program.use_probe()
    assert program.log_in("alice", password_of("alice"), "314159")
    notes = noted()
    assert [answer for call, *_, answer in notes if call == "authenticate"] == [program.answers]
    assert {call for call, *_ in notes} - {"authenticate"} == program.calls
    assert {euid for _, _, euid, _ in notes} == {"0"}


def test_cron_runs_jobs_without_asking_for_a_password(machine):
    machine.policy(mode="mandatory", tries=1)
    with Cron(machine) as cron:
        cron.use_probe()
        cron.run_job("bob")
        assert {call for call, *_ in noted()} == Cron.calls
        cron.use_plain()
        cron.run_job("bob")
    assert machine.verdicts(hang_ups=True) == []


def test_refuses_all_users_of_a_program_without_root(machine):
    """squid starts its helper as proxy, which may not read any state."""
    squid = Squid(machine)
    squid.become = ("setpriv", "--reuid=proxy", "--regid=proxy", "--init-groups")
    for use in (squid.use_plain, squid.use_forward_pass):
        use()
        assert not squid.log_in("carol", password_of("carol"))
    assert machine.verdicts(hang_ups=True)[-1] == "deny unavailable"
