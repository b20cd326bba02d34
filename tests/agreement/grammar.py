"""Random services: a right stack, changed a few times, and spread over files that it includes."""

CHECKS = [
    ["auth [success=1 default=ignore] pam_unix.so", "auth requisite pam_deny.so", "auth required pam_permit.so"],
    ["auth requisite pam_unix.so"],
    ["auth required pam_unix.so"],
    ["auth sufficient pam_unix.so", "auth required pam_deny.so"],
]
OURS = "auth required pam_twostep.so"
PERMIT = "auth required pam_permit.so"
# Each module beside the password, with what it may return apart from success.
OTHERS = {
    "pam_u2f.so": ["auth_err", "authinfo_unavail", "user_unknown", "ignore"],
    "pam_succeed_if.so quiet rhost = inside": ["auth_err"],
    "pam_access.so accessfile=/run/agreement/access": ["perm_denied"],
    "pam_exec.so quiet /run/agreement/exec": ["system_err"],
    "pam_listfile.so item=user sense=allow file=/run/agreement/list onerr=fail": ["auth_err"],
    "pam_faillock.so preauth dir=/run/agreement/faillock deny=3": ["auth_err"],
}
WORDS = ["required", "requisite", "sufficient", "optional"]
ACTIONS = ["ok", "done", "bad", "die", "ignore", "reset", "1", "2", "3"]


def control(chance, answers):
    if chance.random() < 0.5:
        return chance.choice(WORDS)
    # Some answer is left for `default`, or it would never count.
    values = ["success", *chance.sample(answers, chance.randrange(len(answers))), "default"]
    return "[" + " ".join(f"{value}={chance.choice(ACTIONS)}" for value in values) + "]"


def insert(chance, lines):
    """Each module once: two lines of one would have one answer, which doctor does not know."""
    module = chance.choice([module for module in OTHERS if not any(module in line for line in lines)])
    lines.insert(chance.randint(0, len(lines)), f"auth {control(chance, OTHERS[module])} {module}")


def drop(chance, lines):
    at = chance.randrange(len(lines))
    if "pam_twostep" not in lines[at]:
        del lines[at]


def swap(chance, lines):
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def recontrol(chance, lines):
    at = chance.randrange(len(lines))
    kind, rest = lines[at].split(" ", 1)
    module = rest.rsplit("] ", 1)[-1] if rest.startswith("[") else rest.split(" ", 1)[1]
    answers = OTHERS.get(module, ["any other"])
    lines[at] = f"{kind} {control(chance, answers)} {module}"


def missing(chance, lines):
    kind = chance.choice(["auth", "-auth"])
    lines.insert(chance.randint(0, len(lines)), f"{kind} {chance.choice(WORDS)} pam_absent.so")


def change(chance, lines):
    chance.choices([insert, drop, swap, recontrol, missing], [6, 2, 2, 5, 1])[0](chance, lines)


def put_apart(chance, lines, file, files):
    """Moves some lines in a row to a file, which is included in their place."""
    start = chance.randrange(len(lines))
    end = chance.randint(start + 1, len(lines))
    files[file] = lines[start:end]
    word = chance.choice(["auth include", "auth substack", "auth substack", "@include"])
    lines[start:end] = [f"{word} {file}"]


def service(chance, name):
    """The files of a service, by their names."""
    lines = [*chance.choice(CHECKS), OURS, *([PERMIT] if chance.random() < 0.7 else [])]
    for _ in range(chance.choice([0, 1, 1, 2, 2, 3, 4])):
        change(chance, lines)
    files = {name: lines}
    if chance.random() < 0.4:
        put_apart(chance, lines, f"{name}-a", files)
        if chance.random() < 0.5:
            put_apart(chance, files[f"{name}-a"], f"{name}-b", files)
    return {file: "".join(f"{line}\n" for line in lines) for file, lines in files.items()}
