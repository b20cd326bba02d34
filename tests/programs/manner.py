"""manner.py SERVICE USER PASSWORD MANNER: a program that logs in by PAM, and answers prompts with echo in one of the manners that real
programs have. Prints what was shown with echo, and whether the user got in."""

import ctypes
import json
import sys

from pam import CONV_ERR, SUCCESS, Pam, Response

ECHO_OFF, ECHO_ON = 1, 2
TYPED = "314159"  # what the user answers a question that is shown


class Stubborn(Pam):
    def __init__(self, service, user, password, manner):
        self.asked = 0
        self.answer = {"nothing": None, "user": user, "password": password, "shown": TYPED, "error": CONV_ERR}[manner]
        self.password = password
        super().__init__(service, user)

    def _converse(self, count, messages, responses, _data):
        array = self.libc.calloc(count, ctypes.sizeof(Response))
        replies = ctypes.cast(array, ctypes.POINTER(Response))
        for number in range(count):
            style = messages[number].contents.style
            answer = self.answer if style == ECHO_ON else self.password if style == ECHO_OFF else None
            self.asked += style == ECHO_ON
            if answer == CONV_ERR:
                return CONV_ERR
            if answer is not None:
                replies[number].text = self.libc.strdup(answer.encode())
        responses[0] = array
        return SUCCESS


if __name__ == "__main__":
    login = Stubborn(*sys.argv[1:])
    granted = login.authenticate() == SUCCESS and login.account() == SUCCESS
    print(json.dumps({"asked": login.asked, "granted": granted}))
    login.end()
