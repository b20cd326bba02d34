"""An xterm of 80 by 24 on an X server of its own (Xvfb), and a camera for it: ImageMagick takes the pixels of the whole window."""

import os
import re
import shlex
import signal
import subprocess
import time

from machine import PATIENT

DISPLAY = ":9"
ON_DISPLAY = {**os.environ, "DISPLAY": DISPLAY}
DARK, LIGHT = ("white", "black"), ("black", "white")  # text, background


class Xterm:
    """Shows a program whose answers come from `type`. script(1) is between: it notes what the program prints."""

    def __init__(self, folder, program, colours, size=11):
        self._folder, self._log, self._read = folder, folder / "log", 0
        os.mkfifo(folder / "answers")
        text, background = colours
        script = ["#!/bin/sh", f"echo $$ >{folder}/pid", "exec " + shlex.join(program), ""]
        (folder / "program").write_text("\n".join(script), encoding="utf-8")
        (folder / "program").chmod(0o755)
        looks = ["-fa", "DejaVu Sans Mono", "-fs", str(size), "-fg", text, "-bg", background, "-geometry", "80x24+0+0", "+sb", "-u8"]
        show = f"exec script --quiet --flush --command {folder}/program {self._log} <{folder}/answers"
        self._server = subprocess.Popen(["Xvfb", DISPLAY, "-screen", "0", "1600x1000x24"], stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(f"/tmp/.X11-unix/X{DISPLAY[1:]}"))
        self._window = subprocess.Popen(["xterm", *looks, "-e", "sh", "-c", show], env=ON_DISPLAY)
        self._answers = open(folder / "answers", "w", encoding="utf-8")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._answers.close()
        os.kill(int((self._folder / "pid").read_text(encoding="utf-8")), signal.SIGKILL)  # script(1) would wait for it
        for process in (self._window, self._server):
            process.terminate()
            process.wait(PATIENT)

    def wait_for_prompt(self, pattern):
        """Waits for a prompt after the last answer. Returns the text before it."""
        wait_for(lambda: re.search(pattern + "$", self._unread().rstrip("\n")))
        return self._unread()

    def type(self, answer):
        self._read = self._log.stat().st_size
        self._answers.write(answer + "\n")
        self._answers.flush()

    def photograph(self, path):
        """Takes pictures until two are the same: then all is drawn."""
        last = None
        deadline = time.monotonic() + PATIENT
        while True:
            subprocess.run(["import", "-silent", "-window", "root", f"png:{path}"], check=True, env=ON_DISPLAY)
            picture = path.read_bytes()
            if picture == last:
                return
            assert time.monotonic() < deadline, "the window does not come to rest"
            last = picture
            time.sleep(0.5)

    def _unread(self):
        if not self._log.exists():
            return ""
        with self._log.open("rb") as log:
            log.seek(self._read)
            return log.read().decode(errors="replace").replace("\r", "")


def wait_for(holds):
    deadline = time.monotonic() + PATIENT
    while not holds():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)
