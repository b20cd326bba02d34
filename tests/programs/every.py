"""The programs of the matrix."""

from servers import Dovecot, Proftpd, Saslauthd, Squid, Vsftpd, Xrdp
from terminals import Doas, Su, Sudo, SudoRs

ASKING = [Su, Sudo, SudoRs, Doas]  # they show a second question
MUTE = [Vsftpd, Proftpd, Dovecot, Xrdp, Squid]  # they answer it themselves
ALL = [*ASKING, *MUTE, Saslauthd]
# A second question ends saslauthd, so no test here puts one to it.
PROBED = [*ASKING, *MUTE]
