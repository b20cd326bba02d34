"""cron runs a user's jobs. It asks nothing, and uses only the account and session phases of PAM."""

import subprocess
from pathlib import Path

from program import Daemon


class Cron(Daemon):
    name = service = package = "cron"
    answers = plain = forward_pass = "never asks"
    calls = {"account", "setcred", "session"}

    def command(self):
        Path("/run/crond.reboot").unlink(missing_ok=True)
        return ["cron", "-f"]

    def is_ready(self):
        return Path("/run/crond.pid").exists()

    def run_job(self, user):
        """Returns when a job of the user has run. It is one that runs when cron starts."""
        self.stop()
        ran = Path("/home", user, "ran")
        ran.unlink(missing_ok=True)
        subprocess.run(["crontab", "-u", user, "-"], input=f"@reboot touch {ran}\n", text=True, check=True)
        self.start()
        self.until(ran.exists)
