#!/usr/bin/python3
"""page.py   checks the table of docs/HOSTS.md: each row has a version and what was seen, or says "not run". packaging/lint runs it."""

import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/HOSTS.md"
COLUMNS = ("program", "runs as", "echo", "plain", "forward_pass", "enroll", "write")
SEEN = re.compile(r" \d[\w.]*, Debian (12, October 2026|13|13, October 2026)$")
VERDICT = re.compile(r"(works|refused: `[a-z-]+`|refused|never|not used|not run)\b")


def rows(text):
    """The rows of the first table, as dicts by COLUMNS."""
    table = re.search(r"^\| program .*\n\|[-| ]+\n((?:\|.*\n)+)", text, re.M)
    found = []
    for line in table[1].splitlines() if table else []:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        found.append(dict(zip(COLUMNS, cells, strict=False)) if len(cells) == len(COLUMNS) else {"program": line})
    return found


def fault(row):
    """What is wrong with a row, or nothing."""
    if row.keys() != set(COLUMNS) or not all(row.values()):
        return "not all cells are filled"
    if row["program"].endswith(", not run"):
        others = {row[column] for column in ("runs as", "echo", "plain", "forward_pass", "enroll")}
        return None if others == {"not run"} else "it was not run, and the row says what was seen"
    if not SEEN.search(row["program"]):
        return "no version, or no release of Debian"
    if not all(VERDICT.match(row[column]) for column in ("plain", "forward_pass")):
        return "'plain line' and 'forward_pass' begin with a verdict"
    return None


def faults(text):
    found = rows(text)
    wrong = [f"{row['program']}: {fault(row)}" for row in found if fault(row)]
    names = [row["program"].lower() for row in found]
    unsorted = ["the rows are not in the order of the alphabet"] if names != sorted(names) else []
    return wrong + unsorted if found else ["there is no table"]


if __name__ == "__main__":
    wrong = faults(PAGE.read_text())
    for line in wrong:
        print(f"error: docs/HOSTS.md: {line}")
    sys.exit(1 if wrong else 0)
