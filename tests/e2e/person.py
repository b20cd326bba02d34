"""Users with their authenticator app, which is oathtool: it shares no code with twostep."""

import re
import subprocess

from clock import STEP

# What the dialogue of an enrollment asks, in its order.
QUESTIONS = {
    "ticket": r"Enrollment ticket: ",
    "first": r"First code: ",
    "only": r"Code from your app: ",
    "next": r"Next code \(wait until it changes\): ",
    "proof": r"recovery code (\d+): ",
    "end": r"Press Enter to disconnect: ",
}
WHOLE = ["first", "next", "proof"]  # what an enrollment asks where the policy wants no ticket
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LONG_CODE = r"(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}"  # a recovery code or a ticket: Crockford's base32


class Person:
    """An enrolled user. Everything they type is kept in `machine.said`: no log, state or error text may ever contain it."""

    def __init__(self, machine, user, secret=None, app=("--totp",)):
        self.user = user
        self.secret = None
        self.recovery = []  # their recovery codes, as shown
        self._machine = machine
        self._app = app  # oathtool's options
        if secret:
            self.learn(secret)

    def learn(self, secret):
        self.secret = secret
        self._machine.said.add(secret)

    def code(self, steps=0):
        """The code of the current step, or of one `steps` later."""
        code = self._code(steps)
        self._machine.said.add(code)
        return code

    def wrong_code(self):
        """Six digits that belong to none of the steps that twostep looks at, near or far."""
        hours = 14 * 3600 // STEP + 5
        near = set(self._codes(-hours, 2 * hours))
        code = next(code for code in (f"{n:06}" for n in range(271828, 10**6, 31415)) if code not in near)
        self._machine.said.add(code)
        return code

    def _code(self, steps):
        return self._codes(steps, 0)[0]

    def _codes(self, steps, more):
        """The code of the step `steps` later than the current one, and this many codes after it."""
        moment = self._machine.clock.now() + steps * STEP
        command = ["oathtool", *self._app, "--base32", f"--now=@{moment}", f"--window={more}", self.secret]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


class Newcomer(Person):
    """A user who enrolls. At each question they give the answers that the test has set for it, in turn, and then the right
    one: `Newcomer(machine, "alice", first=["000000"])` mistypes the first code once. None means to hang up. A function is
    called with the user and returns the answer."""

    def __init__(self, machine, user, app=("--totp",), **answers):
        super().__init__(machine, user, app=app)
        self.spent = []  # the codes of the app that were typed
        self._answers = {question: list(given) for question, given in answers.items()}

    def answer(self, question, screen, found):
        """The answer to `question`, with `screen` as the visible text; `found` is the prompt's match."""
        self.read(screen)
        given = self._answers.get(question)
        if not given:
            return getattr(self, f"_{question}")(found)
        answer = given.pop(0)
        return answer(self) if callable(answer) else answer

    def read(self, screen):
        """Notes the key and the recovery codes on the screen."""
        lines = COLOUR.sub("", screen).splitlines()
        if key := find_key(lines):
            assert self.secret in (None, key), "the same dialogue shows another key"
            self.learn(key)
        if codes := find_recovery_codes(screen):
            assert self.recovery in ([], codes), "the same dialogue shows other recovery codes"
            self.recovery = codes
            for code in codes:
                keep_secret(self._machine, code)

    def _ticket(self, _found):
        raise AssertionError("a ticket is asked for")

    def _first(self, _found):
        self.spent.append(self.code())
        return self.spent[-1]

    def _only(self, _found):
        return self._first(_found)

    def _next(self, _found):
        """On a stopped clock the code of the next step is already accepted."""
        self.spent.append(self.code(+1))
        return self.spent[-1]

    def _proof(self, found):
        group = self.recovery[int(found[1]) - 1][-4:]
        if re.search("[0-9]", group) and re.search("[A-Z]", group):  # otherwise it may be an ordinary word or number
            self._machine.said.add(group)
        return group

    def _end(self, _found):
        return ""


def find_key(lines):
    """The secret, in groups of four on one line; none if it is not there."""
    found = [re.search(r"^Key: ((?:[A-Z2-7]{4} ?){8})\s*$", line) for line in lines]
    return next((key[1].replace(" ", "") for key in found if key), None)


def find_recovery_codes(screen):
    """The numbered recovery codes, in the order of their numbers."""
    codes = {int(number): code for number, code in re.findall(rf"(\d+)\. ({LONG_CODE})", screen)}
    assert list(sorted(codes)) == list(range(1, len(codes) + 1)), f"they are not numbered from 1 on: {sorted(codes)}"
    return [codes[number] for number in sorted(codes)]


def keep_secret(machine, long_code):
    """Notes a secret, in any spelling, that must not be found anywhere."""
    for spelling in (long_code, long_code.replace("-", ""), long_code.replace("-", " ")):
        machine.said |= {spelling, spelling.lower()}


def password_of(user):
    return f"{user}'s password"
