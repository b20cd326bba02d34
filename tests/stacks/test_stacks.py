"""The service files of pam.d/ in the real libpam, with stand-ins for the modules that decide.

Each file is read by pam_start_confdir. pam_unix, pam_twostep and the rest become pam_debug, which answers what it is
told to and reports that it was reached; pam_deny and pam_permit stay themselves. No root, no account, no /etc.
"""

import pathlib
import re

import pytest

from pam import NEW_AUTHTOK_REQD, SUCCESS, Pam

PAM_D = pathlib.Path(__file__).resolve().parents[2] / "pam.d"

# What a distribution's service files include. Debian's is what pam-auth-update writes, Fedora's what authselect does.
COMMON = {
    "common-auth": """
auth [success=1 default=ignore] pam_unix.so nullok
auth requisite pam_deny.so
auth required pam_permit.so
auth optional pam_cap.so
""",
    "common-account": """
account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so
account requisite pam_deny.so
account required pam_permit.so
""",
    "common-session": "session required pam_permit.so\n",
    "common-session-noninteractive": "session required pam_permit.so\n",
    "common-password": "password required pam_permit.so\n",
    "postlogin": "session optional pam_permit.so\n",
    "system-auth": """
auth required pam_env.so
auth sufficient pam_unix.so nullok
auth required pam_deny.so
account required pam_unix.so
account sufficient pam_localuser.so
account required pam_permit.so
password required pam_permit.so
session required pam_permit.so
""",
}
COMMON["password-auth"] = COMMON["system-auth"]
COMMON["su-l"] = "auth include su\naccount include su\npassword include su\nsession include su\n"

LAYOUTS = ["debian-12", "debian-13", "fedora"]


def in_each(*services):
    return [f"{layout}/{service}" for layout in LAYOUTS for service in services]


PASSWORD = in_each("sshd", "sudo", "sudo-i", "login", "remote", "su", "su-l")
KEY = in_each("sshd-key")
LOCKERS = in_each("i3lock", "swaylock")  # password and code in one: the code is judged first
ACCOUNT_FIRST = in_each("sshd", "sshd-key", "login", "remote")


def stand_in(module, password, code, credentials, account, expiry, rootok):
    """The pam_debug arguments that play `module`; None keeps it."""
    roles = {
        "pam_unix.so": f"auth={password} acct={expiry}",
        "pam_twostep.so": f"auth={code} cred={credentials} acct={account}",
        "pam_rootok.so": f"auth={rootok}",
        "pam_succeed_if.so": "acct=ignore",
        "pam_localuser.so": "acct=success",
        "pam_deny.so": None,
        "pam_permit.so": None,
        "pam_sss.so": None,  # not installed where this runs, as on most machines
    }
    return roles.get(module, "auth=ignore acct=ignore")


def play(text, folder, **roles):
    """`text` of a service file, its modules replaced by stand-ins; libpam 1.5 needs the full path of what is included."""
    lines = []
    for line in re.sub(r"\b(include|substack)(\s+)(?=\w)", rf"\1\2{folder}/", text).splitlines():
        found = re.match(r"(-?(?:auth|account)\s+(?:\[[^]]*\]|\w+)\s+)(pam_\w+\.so)", line)
        debug = found and stand_in(found[2], **roles)
        if debug:
            lines.append(f"{found[1]}pam_debug.so {debug}")
        elif not line.startswith(("session", "-session", "password")):
            lines.append(line)
    return "\n".join(lines) + "\n"


def start(folder, example, edit=lambda text: text, **roles):
    """Starts the service of `example` in a folder of its own, with what its modules answer where that matters."""
    usual = {"password": "success", "code": "perm_denied", "credentials": "success", "account": "ignore", "expiry": "success"}
    roles = {**usual, "rootok": "ignore", **roles}
    layout, service = example.split("/")
    files = dict(COMMON) | {path.name: edit(path.read_text()) for path in (PAM_D / layout).iterdir()}
    for name, text in files.items():
        text = re.sub(r"^@include (\S+)", lambda include: files[include[1]], text, flags=re.M)
        (folder / name).write_text(play(text, folder, **roles))
    return Pam(service, folder=folder)


def asked(pam, code):
    """How often the line of twostep was reached."""
    return pam.said.count(f"auth={code}")


def let_in(pam, account):
    """Whether the account phase lets the user in, and whether its line of twostep was reached."""
    lets_in = pam.account() in (SUCCESS, NEW_AUTHTOK_REQD)
    return lets_in, f"acct={account}" in pam.said


def rules(example, kind):
    lines = (PAM_D / example).read_text().splitlines()
    return [line.split() for line in lines if re.match(rf"-?{kind}\s", line)]


@pytest.mark.parametrize("example", PASSWORD)
@pytest.mark.parametrize("wrong", ["auth_err", "user_unknown", "authinfo_unavail", "maxtries", "acct_expired"])
def test_a_wrong_password_never_reaches_twostep(tmp_path, example, wrong):
    pam = start(tmp_path, example, password=wrong)
    assert pam.authenticate() != SUCCESS
    assert f"auth={wrong}" in pam.said
    assert asked(pam, "perm_denied") == 0


@pytest.mark.parametrize("example", LOCKERS)
@pytest.mark.parametrize("wrong", ["auth_err", "user_unknown", "authinfo_unavail", "maxtries", "acct_expired"])
def test_locker_refuses_wrong_password_after_right_code(tmp_path, example, wrong):
    pam = start(tmp_path, example, code="success", password=wrong)
    assert pam.authenticate() != SUCCESS
    assert [said for said in pam.said if said != "auth=ignore"][:2] == ["auth=success", f"auth={wrong}"]


@pytest.mark.parametrize("example", LOCKERS)
def test_locker_includes_no_file_that_asks_for_code(tmp_path, example):
    text = (PAM_D / example).read_text()
    assert "include" in text and not re.search(r"^[^#]*include\s+(login|sudo|su|sshd)\b", text, re.M)
    assert rules(example, "auth")[0] == ["auth", "required", "pam_twostep.so", "forward_pass"]


@pytest.mark.parametrize("example", PASSWORD + KEY + LOCKERS)
def test_asks_once_after_first_factor_and_success_lets_in(tmp_path, example):
    pam = start(tmp_path, example, code="success")
    assert pam.authenticate() == SUCCESS
    assert asked(pam, "success") == (1 if example in KEY else 2)  # pam_unix says the same
    assert pam.setcred() == SUCCESS


@pytest.mark.parametrize("example", PASSWORD + KEY + LOCKERS)
@pytest.mark.parametrize("code", ["auth_err", "maxtries", "authinfo_unavail", "service_err", "conv_err", "system_err", "abort", "user_unknown"])
def test_every_refusal_of_twostep_refuses_the_login(tmp_path, example, code):
    pam = start(tmp_path, example, code=code)
    assert pam.authenticate() != SUCCESS
    assert asked(pam, code) == 1


@pytest.mark.parametrize("example", PASSWORD + KEY + LOCKERS)
def test_lets_in_exempt_user_without_code(tmp_path, example):
    assert start(tmp_path, example, code="ignore").authenticate() == SUCCESS


@pytest.mark.parametrize("example", in_each("su", "su-l"))
def test_root_needs_neither_password_nor_code_for_su(tmp_path, example):
    pam = start(tmp_path, example, rootok="success")
    assert pam.authenticate() == SUCCESS
    assert asked(pam, "perm_denied") == 0


@pytest.mark.parametrize("example", ACCOUNT_FIRST)
def test_account_line_is_required_and_after_requisite_only(tmp_path, example):
    lines = [line[1:3] for line in rules(example, "account")]
    ours = lines.index(["required", "pam_twostep.so"])
    assert all(control == "requisite" for control, _ in lines[:ours])
    assert let_in(start(tmp_path, example, account="ignore"), "ignore") == (True, True)


@pytest.mark.parametrize("example", ACCOUNT_FIRST)
@pytest.mark.parametrize("expiry", ["success", "new_authtok_reqd"], ids=["valid", "expired"])
@pytest.mark.parametrize("no", ["perm_denied", "service_err", "authinfo_unavail", "auth_err", "system_err"])
def test_every_refusal_in_the_account_phase_refuses_the_login(tmp_path, example, expiry, no):
    """Also if the password has expired: an enrollment must be stored, or the login is refused."""
    assert let_in(start(tmp_path, example, account=no, expiry=expiry), no) == (False, True)


@pytest.mark.parametrize("example", PASSWORD + KEY + LOCKERS)
def test_refuses_in_setcred_in_every_stack(tmp_path, example):
    pam = start(tmp_path, example, code="success", credentials="cred_err")
    assert pam.authenticate() == SUCCESS
    assert pam.setcred() != SUCCESS


@pytest.mark.parametrize("path", sorted(PAM_D.glob("*/*")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_line_of_twostep_is_required(path):
    lines = [rule for kind in ("auth", "account") for rule in rules(path, kind) if "pam_twostep.so" in rule]
    assert all(rule[1] == "required" for rule in lines)
    argument = {"sshd-key": ["first_factor=publickey"], "i3lock": ["forward_pass"], "swaylock": ["forward_pass"]}.get(path.name, [])
    assert [rule[3:] for rule in lines if rule[0] == "auth"] == ([] if path.match("fedora/sudo-i") else [argument])


def test_fedora_file_works_with_pam_faillock(tmp_path):
    def with_faillock(text):
        text = re.sub(r"^(auth .*success=2 .*)$", r"auth requisite pam_faillock.so preauth silent\n\1", text, flags=re.M)
        text = re.sub(r"^(auth +requisite +pam_deny.so)$", r"auth optional pam_faillock.so authfail\n\1", text, flags=re.M)
        return re.sub(r"success=(\d)", lambda found: f"success={int(found[1]) + 1}", text)

    wrong = start(tmp_path, "fedora/sshd", password="auth_err", edit=with_faillock)
    assert wrong.authenticate() != SUCCESS and asked(wrong, "perm_denied") == 0
    right = start(tmp_path, "fedora/sshd", code="ignore", edit=with_faillock)
    assert right.authenticate() == SUCCESS and asked(right, "ignore") >= 1


@pytest.mark.parametrize("include, wrong_reaches, right_reaches", [("substack", 1, 1), ("include", 1, 0)])
def test_fedora_include_or_substack_misplaces_code(tmp_path, include, wrong_reaches, right_reaches):
    """With `substack` a wrong password reaches the code. With `include` a right password bypasses it."""
    def as_usual(_text):
        return f"auth {include} password-auth\nauth required pam_twostep.so\n"

    wrong = start(tmp_path, "fedora/sshd", password="auth_err", edit=as_usual)
    assert wrong.authenticate() != SUCCESS and asked(wrong, "perm_denied") == wrong_reaches
    right = start(tmp_path, "fedora/sshd", code="perm_denied", edit=as_usual)
    right.authenticate()
    assert asked(right, "perm_denied") == right_reaches


@pytest.mark.parametrize(
    "include, expiry, reached",
    [
        ("@include common-account", "success", True),
        ("@include common-account", "new_authtok_reqd", False),
        ("account include password-auth", "success", False),
        ("account substack password-auth", "success", True),
    ],
)
def test_account_line_is_skipped_if_it_is_not_first(tmp_path, include, expiry, reached):
    """After the distributions' includes, an expired password or an entry in /etc/passwd bypasses it."""
    def behind(_text):
        return f"auth required pam_twostep.so\n{include}\naccount required pam_twostep.so\n"

    pam = start(tmp_path, "debian-12/sshd", account="perm_denied", expiry=expiry, edit=behind)
    assert let_in(pam, "perm_denied") == (not reached, reached)
