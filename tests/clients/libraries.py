"""Libraries for SSH, as a program uses them: `libraries.py LIBRARY USER PASSWORD [alone]`. With `alone` the program knows the password
and nothing else. Otherwise it prints each question of the server as a line of JSON, and reads a line with the answer. At the end it
prints what a command prints in the session, or the error."""

import json
import os
import socket
import sys

HOST, PORT = "127.0.0.1", 22
COMMAND = "echo IN-AS-$(id -un)"


def ask(prompt, echo):
    print(json.dumps({"prompt": prompt, "echo": bool(echo)}), flush=True)
    return sys.stdin.readline().rstrip("\n")


def with_paramiko(user, password, alone):
    import paramiko

    if alone:
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(HOST, username=user, password=password, look_for_keys=False, allow_agent=False)
        transport = client.get_transport()
    else:
        transport = paramiko.Transport((HOST, PORT))
        transport.start_client()
        transport.auth_interactive(user, lambda _title, _text, questions: [ask(*question) for question in questions])
    channel = transport.open_session()
    channel.exec_command(COMMAND)
    print(channel.makefile().read().decode())


def with_asyncssh(user, password, alone):
    import asyncio

    import asyncssh

    class Asks(asyncssh.SSHClient):
        def kbdint_auth_requested(self):
            return ""

        def kbdint_challenge_received(self, _name, _text, _language, questions):
            return [ask(*question) for question in questions]

    async def log_in():
        settings = {"password": password} if alone else {"client_factory": Asks}
        settings.update(username=user, known_hosts=None, client_keys=None, agent_path=None, config=None)
        async with asyncssh.connect(HOST, PORT, **settings) as connection:
            print((await connection.run(COMMAND)).stdout)

    asyncio.run(log_in())


def with_libssh(user, password, alone):
    from ssh import options
    from ssh.session import Session

    session = Session()
    session.options_set(options.HOST, HOST)
    session.options_set(options.USER, user)
    session.connect()
    if alone:
        session.userauth_password(user, password)
    else:
        while session.userauth_kbdint(user, "") == 3:  # SSH_AUTH_INFO: it has questions
            for number in range(session.userauth_kbdint_getnprompts()):
                echo = bytes(2)  # libssh writes into it
                prompt = session.userauth_kbdint_getprompt(number, echo)
                prompt = prompt.decode() if isinstance(prompt, bytes) else prompt
                session.userauth_kbdint_setanswer(number, ask(prompt, echo[0]).encode())
    channel = session.channel_new()
    channel.open_session()
    channel.request_exec(COMMAND)
    print(channel.read()[1].decode())


def with_libssh2(user, password, alone):
    from ssh2.session import Session

    connection = socket.create_connection((HOST, PORT))
    session = Session()
    session.handshake(connection)
    if alone:
        session.userauth_keyboardinteractive(user, password)
    else:

        def answer(_name, _text, prompts):
            return [ask(prompt.decode() if isinstance(prompt, bytes) else str(prompt), False) for prompt in prompts]

        session.userauth_keyboardinteractive_callback(user, answer)
    channel = session.open_session()
    channel.execute(COMMAND)
    print(channel.read()[1].decode())


name, user_name, its_password, *rest = sys.argv[1:]
try:
    globals()[f"with_{name}"](user_name, its_password, bool(rest))
    status = 0
except Exception as error:  # noqa: BLE001 # whatever it is, it is what the user of the library sees
    print(f"{type(error).__name__}: {error}")
    status = 1
sys.stdout.flush()
os._exit(status)  # threads of a library may still wait
