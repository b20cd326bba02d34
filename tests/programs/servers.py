"""Servers that check a password for a client of another kind: files, mail, SASL, a proxy, a remote desktop."""

import ftplib
import imaplib
import subprocess
from pathlib import Path

from machine import PATIENT, terminal_of
from program import Daemon, Program, fresh_folder, listens

PORT = 2100


class Ftp(Daemon):
    calls = {"account", "setcred", "session"}

    def is_ready(self):
        return listens(PORT)

    def log_in(self, user, password, code=None):
        with ftplib.FTP() as client:
            client.connect("127.0.0.1", PORT, timeout=PATIENT)
            try:
                client.login(user, password)
            except ftplib.error_perm as error:
                assert str(error).startswith("530 "), error
                return False
            return client.sendcmd("NOOP").startswith("200")


class Vsftpd(Ftp):
    name = service = package = "vsftpd"
    answers = "error"
    calls = {"account", "setcred"}
    plain = "deny conversation"

    def configure(self):
        fresh_folder("/run/vsftpd/empty")
        Path("/run/vsftpd.conf").write_text(
            f"listen=YES\nlisten_address=127.0.0.1\nlisten_port={PORT}\nbackground=NO\nanonymous_enable=NO\nlocal_enable=YES\n"
            "pam_service_name=vsftpd\nsecure_chroot_dir=/run/vsftpd/empty\n"
        )

    def command(self):
        return ["vsftpd", "/run/vsftpd.conf"]


class Proftpd(Ftp):
    name = service = "proftpd"
    package = "proftpd-core"
    answers = "user-name"
    plain = "deny not-a-code"

    def configure(self):
        Path("/run/proftpd.conf").write_text(
            f"ServerType standalone\nServerName sandbox\nDefaultAddress 127.0.0.1\nSocketBindTight on\nPort {PORT}\nUseIPv6 off\n"
            "AuthPAM on\nAuthPAMConfig proftpd\nAuthOrder mod_auth_pam.c* mod_auth_unix.c\nUser proftpd\nGroup nogroup\n"
            "WtmpLog off\nPidFile /run/proftpd.pid\nScoreboardFile /run/proftpd.scoreboard\n"
        )

    def command(self):
        return ["proftpd", "--nodaemon", "--config", "/run/proftpd.conf"]


class Dovecot(Daemon):
    name = service = "dovecot"
    package = "dovecot-imapd"
    answers = "user-name"
    calls = {"account"}
    plain = "deny not-a-code"
    settings = """dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = /run/dovecot
protocols = imap
listen = 127.0.0.1
ssl = no
auth_allow_cleartext = yes
auth_failure_delay = 0
log_path = /dev/stderr
mail_driver = maildir
mail_path = ~/Maildir
passdb pam {
}
userdb passwd {
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
"""

    def configure(self):
        fresh_folder("/run/dovecot")
        Path("/run/dovecot.conf").write_text(self.settings)

    def command(self):
        return ["dovecot", "-F", "-c", "/run/dovecot.conf"]

    def is_ready(self):
        return listens(143)

    def log_in(self, user, password, code=None):
        client = imaplib.IMAP4("127.0.0.1", 143, timeout=PATIENT)
        try:
            client.login(user, password)
        except imaplib.IMAP4.error as error:
            assert "AUTHENTICATIONFAILED" in str(error), error
            return False
        else:
            return client.noop()[0] == "OK"
        finally:
            client.shutdown()


class Saslauthd(Daemon):
    """It serves the mail programs, which name the service."""

    name, service, package = "saslauthd", "imap", "sasl2-bin"
    answers = plain = "never"
    calls = {"account"}
    folder = "/run/saslauthd"

    def configure(self):
        fresh_folder(self.folder)

    def command(self):
        return ["saslauthd", "-a", "pam", "-n", "1", "-d", "-m", self.folder]

    def is_ready(self):
        return Path(self.folder, "mux").exists()

    def log_in(self, user, password, code=None):
        command = ["testsaslauthd", "-f", f"{self.folder}/mux", "-u", user, "-p", password, "-s", self.service]
        said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENT, check=False).stdout
        assert said.startswith(("0: OK", "0: NO")), said
        return said.startswith("0: OK")


class Xrdp(Daemon):
    """The session manager of xrdp, asked by its own command."""

    name, service, package = "xrdp-sesman", "xrdp-sesman", "xrdp"
    answers = "error"
    calls = {"account", "setcred", "session"}
    plain = "deny conversation"

    def configure(self):
        Path("/run/sesman.ini").write_text(
            "[Globals]\nEnableUserWindowManager=0\nUserWindowManager=startwm.sh\nDefaultWindowManager=/bin/true\n"
            "[Security]\nAllowRootLogin=0\nMaxLoginRetry=4\n[Sessions]\nX11DisplayOffset=10\nMaxSessions=50\n"
            "[Logging]\nLogFile=/run/sesman.log\nLogLevel=INFO\nEnableSyslog=0\n"
            "[Xorg]\nparam=/usr/bin/Xvfb\n[Xvnc]\nparam=/usr/bin/Xvfb\n"
        )

    def command(self):
        return ["xrdp-sesman", "--nodaemon", "--config", "/run/sesman.ini"]

    def is_ready(self):
        return any(Path("/run/xrdp").rglob("sesman.socket"))

    def log_in(self, user, password, code=None):
        """After a refusal xrdp-sesrun asks for a password again, up to five times in all. The user hangs up there."""
        terminal = terminal_of("xrdp-sesrun", ["-c", "/run/sesman.ini", user])
        terminal.expect("Password: ")
        terminal.sendline(password)
        refused = terminal.expect(["display", "Login failed"]) == 1
        terminal.close(force=True)
        return not refused


class Squid(Program):
    """The helper that checks a password for squid, which is root only if it is set-user-ID."""

    name = service = package = "squid"
    answers = "error"
    calls = {"account"}
    plain = "deny conversation"
    become = ()

    def log_in(self, user, password, code=None):
        command = [*self.become, "/usr/lib/squid/basic_pam_auth", "-n", self.service]
        line = f"{user} {password.replace(' ', '%20')}\n"
        done = subprocess.run(command, input=line, capture_output=True, text=True, timeout=PATIENT, check=True)
        assert done.stdout.split()[0] in ("OK", "ERR"), done
        return done.stdout.startswith("OK")
