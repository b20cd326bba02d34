"""The profile for authselect, with each set of its features, behind services in the shape of Fedora's.

As in test_stacks.py, libpam is the real one, and pam_debug plays the modules that decide.
"""

import pathlib
import re

import pytest

from pam import NEW_AUTHTOK_REQD, SUCCESS, Pam

PROFILE = pathlib.Path(__file__).resolve().parents[2] / "packaging/authselect/twostep"

# How Fedora's own files come to those of authselect.
SERVICES = {
    "sshd": """
auth substack password-auth
auth include postlogin
account required pam_sepermit.so
account required pam_nologin.so
account include password-auth
""",
    "login": """
auth substack system-auth
auth include postlogin
account required pam_nologin.so
account include system-auth
""",
    "sudo": "auth include system-auth\naccount include system-auth\n",
    "sudo-i": "auth include sudo\naccount include sudo\n",
    "su": """
auth sufficient pam_rootok.so
auth substack system-auth
auth include postlogin
account sufficient pam_succeed_if.so uid = 0 use_uid quiet
account include system-auth
""",
    "gdm-password": """
auth [success=done ignore=ignore default=bad] pam_selinux_permit.so
auth substack password-auth
auth optional pam_gnome_keyring.so
auth include postlogin
account include password-auth
""",
    "gdm-fingerprint": "auth substack fingerprint-auth\nauth include postlogin\naccount include fingerprint-auth\n",
    "gdm-smartcard": "auth substack smartcard-auth\nauth include postlogin\naccount include smartcard-auth\n",
    "gdm-switchable-auth": "auth substack switchable-auth\nauth include postlogin\naccount include switchable-auth\n",
}
ASKING = ["sshd", "login", "sudo", "sudo-i", "su", "gdm-password"]
OTHERS = [(), ("with-faillock",), ("with-sssd",), ("with-faillock", "with-sssd")]
features_beside = pytest.mark.parametrize("others", OTHERS, ids=lambda features: "+".join(features) or "alone")
services = pytest.mark.parametrize("service", ASKING)

AUTHINFO_UNAVAIL = 9  # what tells a display manager not to offer this way
CODE = "cred_insufficient"  # what the line of twostep answers where nothing else is said; no other module does


def expand(template, features):
    """What authselect makes of a template: lines and words that depend on a feature."""
    lines = []
    for line in template.splitlines():
        stands = re.search(r'\{(include|exclude) if "([^"]+)"\}', line)
        if stands and (stands[2] in features) != (stands[1] == "include"):
            continue
        line = line.replace(stands[0], "") if stands else line
        line = re.sub(r'\{if "([^"]+)":([^{}|]*)(?:\|([^{}|]*))?\}', lambda found: (found[2] if found[1] in features else found[3]) or "", line)
        assert "{" not in line, f"not known to this test: {line}"
        lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def stand_in(module, arguments, roles):
    """The line's module and arguments, replaced by a stand-in; deny, permit and debug are themselves."""
    if module in ("pam_deny.so", "pam_permit.so", "pam_debug.so"):
        return f"{module} {arguments}"
    if module == "pam_faillock.so":
        played = "auth={}".format(roles["locked"] if "preauth" in arguments else "ignore") + " acct=success"
    else:
        played = {
            "pam_unix.so": "auth={password} acct={expiry}",
            "pam_sss.so": "auth={sssd} acct=user_unknown",
            "pam_twostep.so": "auth={code} cred={credentials} acct=perm_denied",
            "pam_localuser.so": "acct={localuser}",
        }.get(module, "auth=ignore acct=ignore").format(**roles)
    return f"pam_debug.so {played}"


def play(text, folder, roles):
    """`text` with its modules replaced; libpam 1.5 needs the full path of what is included."""
    text = re.sub(r"\b(include|substack)(\s+)(?=\w)", rf"\1\2{folder}/", text)
    text = re.sub(r"^-?(session|password)\s.*\n", "", text, flags=re.M)
    rule = r"^(-?(?:auth|account)\s+(?:\[[^]]*\]|\w+)\s+)(pam_\w+\.so)(.*)$"
    return re.sub(rule, lambda found: found[1] + stand_in(found[2], found[3], roles), text, flags=re.M)


def start(folder, service, features=(), edit=lambda text: text, **roles):
    """Starts the service where authselect has written the profile with these features."""
    usual = {"password": "success", "sssd": "user_unknown", "locked": "success", "code": CODE, "credentials": "success"}
    roles = {**usual, "expiry": "success", "localuser": "success", **roles}
    files = {name: edit(text) for name, text in SERVICES.items()}
    for name in ("system-auth", "password-auth", "fingerprint-auth", "smartcard-auth", "switchable-auth", "postlogin"):
        files[name] = expand((PROFILE / name).read_text(), features)
    for name, text in files.items():
        (folder / name).write_text(play(text, folder, roles))
    return Pam(service, folder=folder)


def asked(pam, code=CODE):
    return f"auth={code}" in pam.said


@features_beside
@services
@pytest.mark.parametrize("wrong", ["auth_err", "user_unknown", "authinfo_unavail", "maxtries", "new_authtok_reqd"])
def test_a_wrong_password_is_refused_and_never_reaches_twostep(tmp_path, others, service, wrong):
    pam = start(tmp_path, service, (*others, "with-twostep"), password=wrong)
    assert pam.authenticate() != SUCCESS
    assert f"auth={wrong}" in pam.said
    assert not asked(pam)


@features_beside
@services
@pytest.mark.parametrize("code", ["auth_err", "maxtries", "authinfo_unavail", "service_err", "conv_err", "system_err", "abort", "user_unknown"])
def test_every_refusal_of_twostep_refuses(tmp_path, others, service, code):
    pam = start(tmp_path, service, (*others, "with-twostep"), code=code)
    assert pam.authenticate() != SUCCESS
    assert asked(pam, code)


@features_beside
@services
def test_after_the_password_an_accepted_code_lets_in(tmp_path, others, service):
    pam = start(tmp_path, service, (*others, "with-twostep"), code="success")
    unasked = start(tmp_path, service, others)
    assert (pam.authenticate(), pam.setcred(), pam.account()) == (SUCCESS, SUCCESS, SUCCESS)
    assert unasked.authenticate() == SUCCESS
    assert pam.said.count("auth=success") == unasked.said.count("auth=success") + 1


@features_beside
@services
def test_lets_in_exempt_user_without_code(tmp_path, others, service):
    assert start(tmp_path, service, (*others, "with-twostep"), code="ignore").authenticate() == SUCCESS


@features_beside
@services
def test_asks_for_no_code_without_feature(tmp_path, others, service):
    right = start(tmp_path, service, others)
    assert (right.authenticate(), right.setcred(), right.account()) == (SUCCESS, SUCCESS, SUCCESS)
    wrong = start(tmp_path, service, others, password="auth_err")
    assert wrong.authenticate() != SUCCESS
    assert not asked(right) and not asked(wrong)


@features_beside
@services
def test_refuses_in_setcred_as_backstop(tmp_path, others, service):
    pam = start(tmp_path, service, (*others, "with-twostep"), code="success", credentials="cred_err")
    assert pam.authenticate() == SUCCESS
    assert pam.setcred() != SUCCESS


@services
@pytest.mark.parametrize("others", [others for others in OTHERS if "with-sssd" in others], ids="+".join)
def test_asks_user_known_only_to_sssd(tmp_path, others, service):
    features = (*others, "with-twostep")
    right = start(tmp_path, service, features, password="user_unknown", sssd="success")
    assert right.authenticate() != SUCCESS and asked(right)
    for yes in ("success", "ignore"):
        let_in = start(tmp_path, service, features, password="user_unknown", sssd="success", code=yes)
        assert let_in.authenticate() == SUCCESS
    wrong = start(tmp_path, service, features, password="user_unknown", sssd="auth_err")
    assert wrong.authenticate() != SUCCESS and not asked(wrong)


@services
@pytest.mark.parametrize("others", [others for others in OTHERS if "with-faillock" in others], ids="+".join)
def test_asks_locked_account_for_nothing(tmp_path, others, service):
    pam = start(tmp_path, service, (*others, "with-twostep"), locked="perm_denied")
    assert pam.authenticate() != SUCCESS
    assert "auth=success" not in pam.said and not asked(pam)


@features_beside
@services
@pytest.mark.parametrize("expiry", ["acct_expired", "perm_denied", "authinfo_unavail"])
def test_refuses_expired_account(tmp_path, others, service, expiry):
    assert start(tmp_path, service, others, expiry=expiry).account() not in (SUCCESS, NEW_AUTHTOK_REQD)


@pytest.mark.parametrize("service", ["gdm-fingerprint", "gdm-smartcard", "gdm-switchable-auth"])
@pytest.mark.parametrize("features", [(), ("with-twostep",)], ids=["alone", "with-twostep"])
def test_fingerprint_and_smart_card_let_nobody_in(tmp_path, service, features):
    pam = start(tmp_path, service, features)
    assert pam.authenticate() == AUTHINFO_UNAVAIL
    assert pam.setcred() != SUCCESS and pam.account() != SUCCESS


def test_names_twostep_only_with_feature_and_only_in_auth():
    for path in PROFILE.iterdir():
        assert "pam_twostep.so" not in expand(path.read_text(), ("with-faillock", "with-sssd")) or path.name == "README"
    for name in ("system-auth", "password-auth"):
        lines = [line for line in expand((PROFILE / name).read_text(), ("with-twostep",)).splitlines() if "pam_twostep" in line]
        assert [line.split() for line in lines] == [["auth", "required", "pam_twostep.so"]]


@features_beside
@services
def test_line_behind_include_works_as_readme_says(tmp_path, others, service):
    """After authselect's own profiles it would not be reached: test_stacks.py shows that."""
    def own_line(text):
        return re.sub(r"^auth (?:substack|include) (\w+-auth)$", r"auth include \1\nauth required pam_twostep.so", text, flags=re.M)

    wrong = start(tmp_path, service, others, edit=own_line, password="auth_err")
    assert wrong.authenticate() != SUCCESS and not asked(wrong)
    refused = start(tmp_path, service, others, edit=own_line)
    assert refused.authenticate() != SUCCESS and asked(refused)
    for yes in ("success", "ignore"):
        assert start(tmp_path, service, others, edit=own_line, code=yes).authenticate() == SUCCESS
