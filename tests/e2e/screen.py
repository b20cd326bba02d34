"""A real 80x24 terminal (tmux) and a camera for it: the screen as text, and as a picture for zbarimg."""

import re
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from machine import PATIENT

CONSOLE = Path(__file__).with_name("console.py")
COLUMNS, ROWS = 80, 24
CELL = 8  # pixels: a cell is CELL wide and 2 * CELL high
DARK_TERMINAL = ((204, 204, 204), (0, 0, 0))  # what no escape sequence colours: text, background
LIGHT_TERMINAL = ((0, 0, 0), (255, 255, 255))
BASIC = [(0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229)]
BRIGHT = [(127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255), (255,) * 3]
SGR = re.compile(r"\x1b\[([0-9;:]*)m|(.)", re.S)


class Screen:
    def __init__(self, *command, columns=COLUMNS, rows=ROWS, status="off"):
        self._tmux = ["tmux", "-L", "camera", "-f", "/dev/null"]
        size = ["-x", str(columns), "-y", str(rows)]
        # It stays: tmux may lose the last words of a program that ends.
        stay = [sys.executable, CONSOLE, *command]
        self._answered = None  # the screen on which the last answer was typed
        self._run("new-session", "-d", *size, *stay, ";", "set-option", "-g", "status", status)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._run("kill-server")

    def wait_for(self, text):
        deadline = time.monotonic() + PATIENT
        while text not in self.text():
            assert time.monotonic() < deadline, f"{text!r} did not appear on\n{self.text()}"
            time.sleep(0.02)

    def wait_for_prompt(self, pattern):
        """Waits until `pattern` is the last text on the screen, with nothing typed after it. Returns the lines. The prompt that was
        answered last is not taken for a new one."""
        deadline = time.monotonic() + PATIENT
        at_the_end = re.compile(f"(?:{pattern.rstrip()})$")
        while self.history() == self._answered or not at_the_end.search((text := self.text()).rstrip()):
            assert time.monotonic() < deadline, f"{pattern!r} is not the last word of\n{self.text()}"
            time.sleep(0.02)
        return text.rstrip().split("\n")

    def type(self, text):
        self._answered = self.history()
        self._run("send-keys", "-l", text)
        self._run("send-keys", "Enter")

    def text(self):
        return self._run("capture-pane", "-p")

    def history(self):
        """The screen, and before it the lines that have scrolled off."""
        return self._run("capture-pane", "-p", "-S", "-")

    def in_colour(self):
        """The screen with the escape sequences that colour it."""
        return self._run("capture-pane", "-e", "-p")

    def clear(self):
        """Has a shell clear the screen."""
        self._run("send-keys", "C-l")

    def photograph(self, path, terminal=DARK_TERMINAL):
        """Draws the screen into a PNG file, as a terminal with these two default colours would."""
        rows = pixels(self.in_colour(), terminal)
        write_png(path, [row for row in rows for _ in range(CELL)])

    def _run(self, *command):
        return subprocess.run([*self._tmux, *command], check=True, capture_output=True, text=True, timeout=PATIENT).stdout


def pixels(screen, terminal):
    """Two rows of pixels for each line of text: the upper and the lower halves of its cells, each CELL wide."""
    rows = []
    upper, lower = [], []
    text, background, reverse = *terminal, False  # they outlast the end of a line
    for sgr, glyph in SGR.findall(screen):
        ink, paper = (background, text) if reverse else (text, background)
        if glyph == "\n":
            rest = [terminal[1]] * (COLUMNS * CELL - len(upper))
            rows += [upper + rest, lower + rest]
            upper, lower = [], []
        elif glyph:
            upper += [ink if glyph in "▀█" else paper] * CELL
            lower += [ink if glyph in "▄█" else paper] * CELL
        else:
            text, background, reverse = colours(sgr, terminal, text, background, reverse)
    return rows


def colours(sgr, terminal, text, background, reverse):
    """The colours after one SGR sequence (ECMA-48, and the 256 and true colours of xterm)."""
    numbers = [int(number or 0) for number in re.split("[;:]", sgr)]
    while numbers:
        number = numbers.pop(0)
        if number == 0:
            text, background, reverse = *terminal, False
        elif number in (7, 27):
            reverse = number == 7
        elif number in (38, 48):
            colour, numbers = extended(numbers)
            text, background = (colour, background) if number == 38 else (text, colour)
        elif number == 39:
            text = terminal[0]
        elif number == 49:
            background = terminal[1]
        elif 30 <= number <= 37 or 90 <= number <= 97:
            text = (BASIC if number < 40 else BRIGHT)[number % 10]
        elif 40 <= number <= 47 or 100 <= number <= 107:
            background = (BASIC if number < 50 else BRIGHT)[number % 10]
    return text, background, reverse


def extended(numbers):
    if numbers[0] == 2:
        return tuple(numbers[1:4]), numbers[4:]
    index = numbers[1]
    if index < 16:
        return (BASIC + BRIGHT)[index], numbers[2:]
    if index >= 232:
        return (8 + 10 * (index - 232),) * 3, numbers[2:]
    cube = [0, 95, 135, 175, 215, 255]
    index -= 16
    return (cube[index // 36], cube[index // 6 % 6], cube[index % 6]), numbers[2:]


def write_png(path, rows):
    """PNG (ISO 15948): eight bits a channel, RGB, no filter."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)
    data = b"".join(b"\0" + bytes(channel for pixel in row for channel in pixel) for row in rows)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


def decode(path):
    """What an independent reader (zbar) finds in the picture, or nothing."""
    command = ["zbarimg", "--quiet", "--raw", "--set", "*.enable=0", "--set", "qrcode.enable=1", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENT, check=False).stdout.strip()


def check_uri(uri, user, secret, issuer="sandbox", **others):
    """Checks what apps read from the picture; defaults are left out, because they would only make it larger."""
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == f"/{issuer}:{user}"
    assert parse_qs(parts.query) == {key: [value] for key, value in {"secret": secret, "issuer": issuer, **others}.items()}
