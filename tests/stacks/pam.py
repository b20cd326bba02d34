"""The application's side of libpam, by ctypes: starts a service, answers its prompts, keeps what it says."""

import ctypes

SUCCESS, NEW_AUTHTOK_REQD, CONV_ERR = 0, 12, 19
USER_PROMPTS = (1, 2)  # PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON
TTY, RHOST, FAIL_DELAY = 3, 4, 10  # items
SILENT = 0x8000  # a flag


class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


CONVERSE = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(Message)), ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p
)
DELAY = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("function", CONVERSE), ("data", ctypes.c_void_p)]


class Pam:
    """One transaction. `said` lists all messages; prompts get the `answers` in turn, then the conversation fails. An answer may be
    a function: what it does happens at the prompt, and what it returns is typed. If `answers` is one, it is called with the
    text of each prompt, and None fails the conversation."""

    def __init__(self, service, user="root", folder=None, answers=(), tty=None, rhost=None):
        self.pam = ctypes.CDLL("libpam.so.0")
        self.libc = ctypes.CDLL(None)
        self.libc.calloc.restype = self.libc.strdup.restype = ctypes.c_void_p
        self.said = []
        self.answers = answers if callable(answers) else list(answers)
        self.conversation = Conversation(CONVERSE(self._converse), None)
        self.no_delay = DELAY(lambda *_: None)
        self.handle = ctypes.c_void_p()
        started = self.pam.pam_start_confdir(
            service.encode(),
            user.encode(),
            ctypes.byref(self.conversation),
            str(folder).encode() if folder else None,
            ctypes.byref(self.handle),
        )
        assert started == SUCCESS
        self.pam.pam_set_item(self.handle, FAIL_DELAY, self.no_delay)
        for item, value in ((TTY, tty), (RHOST, rhost)):
            if value is not None:
                self.pam.pam_set_item(self.handle, item, ctypes.c_char_p(value.encode()))

    def _converse(self, count, messages, responses, _data):
        array = self.libc.calloc(count, ctypes.sizeof(Response))
        replies = ctypes.cast(array, ctypes.POINTER(Response))
        for i in range(count):
            self.said.append(messages[i].contents.text.decode())
            if messages[i].contents.style in USER_PROMPTS:
                answer = self._answer(self.said[-1])
                if answer is None:
                    return CONV_ERR
                replies[i].text = self.libc.strdup(answer.encode())
        responses[0] = array
        return SUCCESS

    def _answer(self, prompt):
        if callable(self.answers):
            return self.answers(prompt)
        if not self.answers:
            return None
        answer = self.answers.pop(0)
        return answer() if callable(answer) else answer

    def authenticate(self, flags=0):
        return self.pam.pam_authenticate(self.handle, flags)

    def setcred(self):
        return self.pam.pam_setcred(self.handle, 2)

    def account(self):
        return self.pam.pam_acct_mgmt(self.handle, 0)

    def end(self):
        self.pam.pam_end(self.handle, 0)
