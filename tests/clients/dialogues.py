"""SSH clients that a program drives: libraries, and OpenSSH with an askpass program. Questions come as lines of JSON."""

import json
import os
import platform
import re
import subprocess
from pathlib import Path

import hosts
from hosts import Outcome, all_ended
from machine import PATIENT, REPOSITORY
from person import QUESTIONS, password_of
from terminals import SERVER, TerminalClient

HERE = Path(__file__).resolve().parent
RELEASE = platform.freedesktop_os_release()["VERSION_CODENAME"]
LIBRARIES = Path(REPOSITORY, "target/clients")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(LIBRARIES / RELEASE), "NODE_PATH": str(LIBRARIES / "node/node_modules")}


class Dialogue(TerminalClient):
    server = SERVER
    library = ""

    def program(self, user):
        return ["/usr/bin/python3", str(HERE / "libraries.py"), self.library, user, password_of(user)]

    def alone(self, user):
        return [*self.program(user), "alone"]

    def environment(self):
        return ENVIRONMENT

    def version(self):
        packages = f"import importlib.metadata as packages; print(packages.version({self.package!r}))"
        run = subprocess.run(["/usr/bin/python3", "-c", packages], env=ENVIRONMENT, capture_output=True, text=True, check=True)
        return run.stdout.strip()

    def log_in(self, user, *codes):
        codes = list(codes)
        return self.converse(user, lambda prompt: codes.pop(0) if hosts.CODE in prompt and codes else None)

    def enroll(self, newcomer):
        def answer(prompt):
            for question, pattern in QUESTIONS.items():
                if found := re.search(pattern + "$", prompt):
                    return newcomer.answer(question, prompt, found)
            return None

        return self.converse(newcomer.user, answer)

    def converse(self, user, answer):
        """Answers the password and what `answer` has an answer for; at another question it ends the program."""
        outcome = Outcome()
        with all_ended(), Piped(self.program(user), self.environment()) as client:
            for line in client.lines():
                question = question_of(line)
                outcome.text += question or line
                if question is None:
                    outcome.granted |= f"IN-AS-{user}" in line
                    continue
                given = password_of(user) if re.search(self.password_prompt + "$", question) else answer(question)
                if given is None:
                    break
                outcome.asked.append(question)
                client.say(given)
        return outcome


class Piped:
    """A program on pipes, which is killed at the end."""

    def __init__(self, command, environment):
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait(PATIENT)

    def lines(self):
        yield from self._process.stdout

    def say(self, answer):
        self._process.stdin.write(answer + "\n")
        self._process.stdin.flush()


def question_of(line):
    """The question in a line of JSON; none in other lines."""
    try:
        return json.loads(line)["prompt"]
    except (ValueError, TypeError, KeyError):
        return None


class AskPass(Dialogue):
    row = "OpenSSH with `SSH_ASKPASS`"

    def version(self):
        return TerminalClient.version(self)

    def program(self, user):
        return TerminalClient.program(self, user)

    def alone(self, user):
        return TerminalClient.alone(self, user)

    def environment(self):
        return {**os.environ, "SSH_ASKPASS": str(HERE / "askpass.py"), "SSH_ASKPASS_REQUIRE": "force"}


class Paramiko(Dialogue):
    row = "paramiko"
    knows_password = True
    library = package = "paramiko"


class AsyncSsh(Dialogue):
    row = "asyncssh"
    knows_password = True
    library = package = "asyncssh"


class LibSsh(Dialogue):
    row = "libssh"
    library, package = "libssh", "ssh-python"


class LibSsh2(Dialogue):
    row = "libssh2"
    knows_password = True
    library, package = "libssh2", "ssh2-python"


class NodeSsh2(Dialogue):
    row = "ssh2 of npm"

    def version(self):
        return json.loads((LIBRARIES / "node/node_modules/ssh2/package.json").read_text())["version"]

    def program(self, user):
        return ["node", str(HERE / "ssh2.js"), user, password_of(user)]


DRIVEN = [AskPass, Paramiko, AsyncSsh, LibSsh, LibSsh2, NodeSsh2]
