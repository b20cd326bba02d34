"""user.py TWOSTEP ROOT TIME   enrolls the user games below ROOT, and prints the logins of games from TIME on, for guest.c."""

import json
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit


def main(twostep, root, begin):
    begin = int(begin)
    enrolled = subprocess.run([twostep, "--root", root, "enroll", "--user", "games", "--json"], check=True, capture_output=True, text=True)
    enrolled = json.loads(enrolled.stdout)
    secret = parse_qs(urlsplit(enrolled["uri"]).query)["secret"][0]
    for number, kind in enumerate(["code", "wrong", "wrong", "code", "recovery", "code"]):
        when = begin + 60 * number
        codes = {"wrong": "000000", "recovery": enrolled["recovery_codes"][0], "code": code_of(secret, when)}
        print("powercut games", codes[kind], when)


def code_of(secret, when):
    return subprocess.run(["oathtool", "--totp", "-b", secret, f"--now=@{when}"], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main(*sys.argv[1:])
