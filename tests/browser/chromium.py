"""A page in headless Chromium, over the Chrome DevTools Protocol by pipes (--remote-debugging-pipe): each message is JSON and ends with a
zero."""

import json
import os
import subprocess
import time
from contextlib import contextmanager

PATIENT = 60  # seconds


@contextmanager
def a_page(folder):
    """An empty page. `folder` is for the browser's profile."""
    (ours_in, theirs_out), (theirs_in, ours_out) = os.pipe(), os.pipe()

    def place_pipes():
        """The browser reads 3 and writes 4."""
        reads, writes = os.dup(theirs_in), os.dup(theirs_out)  # so that neither is 3 or 4 and gets overwritten
        os.dup2(reads, 3)
        os.dup2(writes, 4)

    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    browser = subprocess.Popen(  # pylint: disable=subprocess-popen-preexec-fn,consider-using-with
        [*command, f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank"],
        preexec_fn=place_pipes,
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Page(ours_in, ours_out)
    finally:
        browser.kill()
        browser.wait()


class Page:
    def __init__(self, reads, writes):
        self._reads, self._writes, self._rest, self._number = reads, writes, b"", 0
        self.events = []
        self._session = {}
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **parameters):
        """The answer to one request. What happens meanwhile is added to `events`."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, **self._session}
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, address):
        self.events.clear()
        self.ask("Page.navigate", url=address)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._next()

    def value(self, script):
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def happened(self, *methods):
        return [event["params"] for event in self.events if event["method"] in methods]

    def _next(self):
        until = time.monotonic() + PATIENT
        while b"\0" not in self._rest:
            assert time.monotonic() < until, "the browser says nothing"
            more = os.read(self._reads, 1 << 16)
            assert more, "the browser has ended"
            self._rest += more
        message, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(message)
        if "method" in message:
            self.events.append(message)
        return message
