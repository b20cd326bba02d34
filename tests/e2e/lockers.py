"""The real screen lockers, on an X server without a screen, each typed at as a user would.

A locker runs as the user who owns the screen, and so does the PAM module in it. Both lockers here can report their actions. The
tests read these reports to see that a locker asks, refuses and unlocks; they do not look at pictures.
"""

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from hosts import become, processes
from machine import PATIENT


class Display:
    """An X server of `user`."""

    def __init__(self, user):
        self.user = user
        reader, writer = os.pipe()
        command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "640x480x24", "-nolisten", "tcp", "-noreset"]
        self._server = subprocess.Popen(
            ["setpriv", *become(user), *command], pass_fds=[writer], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(writer)
        with os.fdopen(reader) as told:
            self.name = f":{told.readline().strip()}"
        assert self.name != ":", "the X server did not start"

    def start(self, *command, **options):
        return subprocess.Popen(self._command(command), stdin=subprocess.DEVNULL, start_new_session=True, **options)

    def run(self, *command):
        done = subprocess.run(self._command(command), capture_output=True, text=True, timeout=PATIENT, check=False)
        return done.stdout + done.stderr

    def press(self, key):
        self.run("xdotool", "key", key)

    def type(self, text):
        """Types a line."""
        self.run("xdotool", "type", "--delay", "5", text)
        self.press("Return")

    def stop(self):
        self._server.terminate()
        self._server.wait(timeout=PATIENT)

    def _command(self, command):
        return ["setpriv", *become(self.user), "env", f"DISPLAY={self.name}", "XAUTHORITY=/dev/null", *command]


class Locker:
    service = ""

    def __init__(self, display):
        self.display = display
        self._said = Path(f"/run/{self.service}.log")
        self._read = 0  # how much of that was looked at
        self._process = None

    def __enter__(self):
        with self._said.open("wb") as said:
            self._process = self.display.start(*self.command, stdout=said, stderr=subprocess.STDOUT)
        self.lock()
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        while left := list(self._session()):  # what it has started, and may have started meanwhile
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def _session(self):
        for pid in map(int, processes()):
            with suppress(ProcessLookupError):
                if os.getsid(pid) == self._process.pid:
                    yield pid

    def lock(self):
        raise NotImplementedError

    def wait_for(self, pattern):
        """The next matching report."""
        def found():
            return re.compile(pattern, re.DOTALL).search(self._said.read_text(errors="replace"), self._read)

        self._until(found, f"it does not say {pattern!r}")
        match = found()
        self._read = match.end()
        return match

    def _until(self, condition, otherwise):
        deadline = time.monotonic() + PATIENT
        while not condition():
            assert time.monotonic() < deadline, f"{otherwise}: {self._said.read_text(errors='replace')[-3000:]}"
            time.sleep(0.02)


class I3lock(Locker):
    """Asks one question without words: the typed text answers every question of PAM."""

    service = "i3lock"
    command = ["i3lock", "--nofork", "--debug"]

    def lock(self):
        """It is locked once what is typed reaches nobody else."""
        def is_typed_at():
            self.display.press("x")
            return "current password = x" in self._said.read_text(errors="replace")

        self._until(is_typed_at, "it does not take the keyboard")
        self.display.press("Escape")

    def type(self, text):
        """Types, and returns once that was judged: whether it is still there and locked."""
        self.display.type(text)
        verdict = self.wait_for("successfully authenticated|Authentication failure")[0]
        if verdict == "Authentication failure":
            assert self._process.poll() is None, f"it has ended with {self._process.returncode}"
            return True
        assert self._process.wait(timeout=PATIENT) == 0
        return False


class XScreenSaver(Locker):
    """Shows what PAM asks and says, one question after the other."""

    service = "xscreensaver"
    command = ["xscreensaver", "--no-splash", "--verbose"]

    def __enter__(self):
        settings = Path(f"/home/{self.display.user}/.xscreensaver")
        settings.write_text("mode: blank\nlock: True\ntimeout: 1:00:00\nfade: False\nunfade: False\n")
        return super().__enter__()

    def lock(self):
        self._until(lambda: "locking" in self.display.run("xscreensaver-command", "-lock"), "it cannot be told to lock")
        self._until(lambda: self.is_locked, "it does not lock")

    @property
    def is_locked(self):
        """What it shows the world."""
        assert self._process.poll() is None, f"it has ended with {self._process.returncode}"
        return "screen locked" in self.display.run("xscreensaver-command", "-time")

    def asked(self):
        """The next question, as it was sent: whether the answer is shown, and the text."""
        return self._message("ECHO_OFF|ECHO_ON")

    def told(self):
        """The next text that is not a question. It stays until Return is pressed."""
        _, text = self._message("ERROR_MSG|TEXT_INFO")
        self.display.press("Return")
        return text

    def _message(self, styles):
        match = self.wait_for(rf'pam_conversation \(({styles})="(.*?)"\) \.\.\.')
        return match[1], match[2]

    def wake(self):
        """Wakes the locker, so that it asks. Unlike a letter, this key leaves nothing in the field."""
        def is_heard(sign):
            def is_heard():
                self.display.press("Shift_L")
                return sign in self._said.read_text(errors="replace")[self._read :]

            return is_heard

        self._until(is_heard("pam_conversation"), "it does not wake up")
        question = self.asked()
        self._until(is_heard("RawKeyPress"), "it does not hear the keys")  # what comes before its window is there is lost
        return question

    def type(self, text):
        self.display.type(text)

    def ends(self):
        """Returns, after everything was judged, whether it is still locked."""
        said = self.wait_for(r"authentication (succeeded|failed)|xscreensaver-auth exited and was unauthorized")[1]
        if said == "succeeded":
            self._until(lambda: not self.is_locked, "it does not unlock")
        return self.is_locked
