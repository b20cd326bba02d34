"""SSH clients on a terminal, as Hosts of tests/e2e: a user types the password and the code."""

import os
import re
import subprocess
from pathlib import Path

import hosts
from person import password_of

PROOF = "IN-AS-{user}"  # in a file of each user, for programs that copy files
SERVER = {**hosts.Ssh.server, "Subsystem": "sftp internal-sftp"}
BATCH = "-oBatchMode=yes"


class TerminalClient(hosts.Ssh):
    row = ""  # the client's row in docs/CLIENTS.md
    server = SERVER
    knows_password = False  # whether it gives the password by itself, in `alone`
    before = []  # what sets the environment of a login on a terminal

    def prepare(self):
        super().prepare()
        for user in ("alice", "bob"):
            home = Path("/home", user)
            (home / "proof").write_text(PROOF.format(user=user) + "\n")
            subprocess.run(["rm", "-rf", home / "repository", "/tmp/copy"], check=True)

    def program(self, user):
        """The command line of a login on a terminal."""
        return [*self.before, "ssh", *self.options(), f"{user}@127.0.0.1", hosts.SAY_IN]

    def alone(self, user):
        """The command line of a login that knows the password at most, without a terminal."""
        return ["ssh", BATCH, *self.options(), f"{user}@127.0.0.1", hosts.SAY_IN]

    def version(self):
        return re.match(r"OpenSSH_([\w.]+)", output_of("ssh", "-V"))[1]

    def command(self, user):
        program, *arguments = self.program(user)
        return program, arguments

    def shell(self):
        """The ssh that other programs start."""
        return " ".join(["ssh", *self.options()])

    def log_in(self, user, *codes):
        """What a user with these codes sees, and whether they get in."""
        return self.attempt(user, *codes)


class OpenSsh(TerminalClient):
    row = "OpenSSH"


class OpenSshInC(TerminalClient):
    row = "OpenSSH with `LANG=C`"
    before = ["env", "LC_ALL=C"]


class Shared(TerminalClient):
    """The first command opens a connection that later ones use."""

    row = "OpenSSH with `ControlMaster`"
    client = {**hosts.Ssh.client, "ControlPath": "/run/shared-connection", "ControlMaster": "auto", "ControlPersist": "no"}


class Scp(TerminalClient):
    row = "scp"

    def program(self, user):
        return self.copied(f"scp {' '.join(self.options())} {user}@127.0.0.1:proof /tmp/copy", "/tmp/copy")

    def alone(self, user):
        return ["scp", "-B", *self.options(), f"{user}@127.0.0.1:proof", "/tmp/copy"]

    @staticmethod
    def copied(command, copy):
        """Copies, and shows the copy."""
        return ["bash", "-c", f"{command} && cat {copy}"]


class Sftp(Scp):
    row = "sftp"

    def program(self, user):
        return self.copied(f"echo 'get proof /tmp/copy' | sftp {' '.join(self.options())} {user}@127.0.0.1", "/tmp/copy")

    def alone(self, user):
        return ["bash", "-c", f"echo 'get proof /tmp/copy' | sftp {' '.join(self.options())} -b - {user}@127.0.0.1"]


class Rsync(Scp):
    row = "rsync"

    def version(self):
        return output_of("rsync", "--version").split()[2]

    def program(self, user):
        return self.copied(f"rsync -e '{self.shell()}' {user}@127.0.0.1:proof /tmp/copy", "/tmp/copy")

    def alone(self, user):
        return ["rsync", "-e", f"{self.shell()} {BATCH}", f"{user}@127.0.0.1:proof", "/tmp/copy"]


class Git(Scp):
    row = "git"

    def version(self):
        return output_of("git", "--version").split()[2]

    def prepare(self):
        super().prepare()
        for user in ("alice", "bob"):
            commit = "git init -q repository && cd repository && cp ../proof . && git add proof && git commit -qm proof"
            identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
            steps = commit.replace("git commit", f"git {' '.join(identity)} commit")
            subprocess.run(["setpriv", *hosts.become(user), "bash", "-c", f"cd ~ && {steps}"], check=True)

    def program(self, user):
        clone = f"GIT_SSH_COMMAND='{self.shell()}' git clone {user}@127.0.0.1:repository /tmp/copy"
        return self.copied(clone, "/tmp/copy/proof")

    def alone(self, user):
        command = f"GIT_SSH_COMMAND={self.shell()} {BATCH}"
        return ["env", command, "git", "clone", f"{user}@127.0.0.1:repository", "/tmp/copy"]


class Plink(TerminalClient):
    row = "PuTTY's plink"
    knows_password = True

    def version(self):
        return output_of("plink", "-V").split()[2].removesuffix(",")

    def options(self):
        prints = output_of("ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub").split()
        return ["-ssh", "-hostkey", prints[1]]

    def program(self, user):
        return ["plink", *self.options(), f"{user}@127.0.0.1", hosts.SAY_IN]

    def alone(self, user):
        return ["plink", *self.options(), "-batch", "-pw", password_of(user), f"{user}@127.0.0.1", hosts.SAY_IN]

    def more_answers(self, _user):
        return {"Press Return to begin session": ""}


class Dbclient(TerminalClient):
    row = "dropbear's dbclient"
    knows_password = True

    def version(self):
        return output_of("dbclient", "-V").split()[1].removeprefix("v")

    def program(self, user):
        return ["dbclient", "-y", "-y", f"{user}@127.0.0.1", hosts.SAY_IN]

    def alone(self, user):
        return ["env", f"DROPBEAR_PASSWORD={password_of(user)}", *self.program(user)]


class Sshpass(TerminalClient):
    row = "sshpass"
    knows_password = True

    def version(self):
        return output_of("sshpass", "-V").split()[1]

    def program(self, user):
        return self.alone(user)

    def alone(self, user):
        return ["sshpass", "-p", password_of(user), "ssh", *self.options(), f"{user}@127.0.0.1", hosts.SAY_IN]


class Lftp(TerminalClient):
    row = "lftp"
    knows_password = True

    def version(self):
        return output_of("lftp", "--version").split("Version")[1].split()[0]

    def program(self, user):
        return self.alone(user)

    def alone(self, user):
        account = f"{user},{password_of(user)}"
        connect = f"set sftp:connect-program 'ssh -a -x {' '.join(self.options())}'; set net:max-retries 1; cat proof; bye"
        return ["lftp", "-u", account, "-e", connect, "sftp://127.0.0.1"]


class Ansible(TerminalClient):
    row = "ansible-core"
    knows_password = True

    def version(self):
        return output_of("ansible", "--version").split("[core ")[1].split("]")[0]

    def program(self, user):
        return self.alone(user)

    def alone(self, user):
        known = [f"ansible_user={user}", f"ansible_password={password_of(user)!r}", "ansible_host_key_checking=false"]
        settings = [word for pair in known for word in ("-e", pair)]
        return ["ansible", "all", "-i", "127.0.0.1,", "-m", "raw", "-a", "cat proof", *settings]


TYPED = [OpenSsh, OpenSshInC, Shared, Scp, Sftp, Rsync, Git, Plink, Dbclient]  # a user types the code
PASSWORD_ONLY = [Sshpass, Lftp, Ansible]  # these know a password, and ask nobody


def output_of(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env={**os.environ})
    return done.stdout
