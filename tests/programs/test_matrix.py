"""Each program with its package's own PAM file, with the usual line of twostep, and with `forward_pass`: what the client sees, and
what the log says."""

import pytest

from every import ALL, ASKING, MUTE
from person import password_of

PASSWORD = password_of("alice")


def each(programs):
    return pytest.mark.parametrize("program", programs, ids=lambda program: program.name, indirect=True)


@each(ALL)
def test_stock_file_lets_in_with_password_alone(machine, alice, program):
    program.use_stock()
    assert program.log_in("alice", PASSWORD)
    assert not program.log_in("alice", "another password")
    assert machine.verdicts(hang_ups=True) == []


@each(ASKING)
def test_plain_line_lets_in_with_password_and_code(machine, alice, program):
    program.use_plain()
    assert not program.log_in("alice", PASSWORD, alice.wrong_code())
    assert not program.log_in("alice", PASSWORD, PASSWORD)
    assert not program.log_in("alice", "another password", alice.code())
    assert program.log_in("alice", PASSWORD, alice.code())
    assert machine.verdicts(hang_ups=True) == ["deny wrong-code", "deny not-a-code", "grant"]


@each(MUTE)
def test_plain_line_refuses_enrolled_user_uncharged(machine, alice, program):
    program.use_plain()
    before = machine.state_of("alice")
    assert not program.log_in("alice", PASSWORD)
    assert not program.log_in("alice", PASSWORD + alice.code())
    assert machine.verdicts(hang_ups=True) == [program.plain]
    assert machine.state_of("alice") == before


@each([*ASKING, *MUTE])
def test_plain_line_lets_in_opt_in_user_unasked(machine, program):
    program.use_plain()
    assert program.log_in("carol", password_of("carol"))
    assert not program.log_in("carol", "another password")
    assert machine.verdicts(hang_ups=True) == ["exempt not-enrolled"]


@each([*ASKING, *MUTE])
def test_plain_line_refuses_mandatory_newcomer(machine, program):
    machine.policy(mode="mandatory", tries=1)
    program.use_plain()
    assert not program.log_in("bob", password_of("bob"), "314159")
    unasked = program.plain == "deny conversation"
    assert machine.verdicts(hang_ups=True) == ["deny conversation" if unasked else "deny not-enrolled"]


@each(ALL)
def test_forward_pass_takes_password_and_code_in_one(machine, alice, program):
    program.use_forward_pass()
    assert not program.log_in("alice", PASSWORD + alice.wrong_code())
    assert not program.log_in("alice", PASSWORD)
    assert not program.log_in("alice", "another password" + alice.code())
    assert program.log_in("alice", PASSWORD + alice.code(+1))
    assert machine.verdicts(hang_ups=True) == ["deny wrong-code", "deny not-a-code", "grant", "grant"]


@each(ALL)
def test_forward_pass_lets_in_opt_in_user_by_password(machine, program):
    program.use_forward_pass()
    assert program.log_in("carol", password_of("carol"))
    assert not program.log_in("carol", "another password")
    assert machine.verdicts(hang_ups=True) == ["exempt not-enrolled"] * 2


@each(ALL)
def test_forward_pass_refuses_mandatory_newcomer(machine, program):
    machine.policy(mode="mandatory", tries=1)
    program.use_forward_pass()
    assert not program.log_in("bob", f"{password_of('bob')}314159")
    assert machine.verdicts(hang_ups=True) == ["deny not-enrolled"]
