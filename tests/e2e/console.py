"""console.py PROGRAM ARGUMENT...   runs a program on a terminal of its own and shows it on this one, until that is closed.

The login of util-linux hangs up its terminal and opens it again (vhangup(2)). tmux would take that for the end of the program, and its
shell would end; here it is the end only if the program has ended.
"""

import fcntl
import os
import pty
import select
import sys
import termios
import time
import tty

SIZE = bytes(8)  # struct winsize, ioctl_tty(2)


def start(command):
    """The process, and the side of its terminal that the screen holds."""
    size = fcntl.ioctl(sys.stdin, termios.TIOCGWINSZ, SIZE)
    process, terminal = pty.fork()
    if process == 0:
        fcntl.ioctl(sys.stdin, termios.TIOCSWINSZ, size)
        os.execvp(command[0], command)
    return process, terminal


def shown(terminal):
    """What the program has written; nothing while nobody has its terminal open."""
    try:
        return os.read(terminal, 4096)
    except OSError:  # EIO: it is hung up
        time.sleep(0.01)
        return b""


def main():
    process, terminal = start(sys.argv[1:])
    tty.setraw(sys.stdin)
    running = True
    while True:
        ready, _, _ = select.select([sys.stdin, terminal] if running else [sys.stdin], [], [], 0.1)
        if terminal in ready:
            text = shown(terminal)
            os.write(sys.stdout.fileno(), text)
            running = bool(text) or os.waitpid(process, os.WNOHANG) == (0, 0)
        if sys.stdin in ready:
            typed = os.read(sys.stdin.fileno(), 4096)
            if not typed:
                return
            if running:
                os.write(terminal, typed)


if __name__ == "__main__":
    main()
