#!/usr/bin/python3
"""tests/tables.py PAGE...   checks what pages of docs/ say about other programs: each row of a table with a column `version` has a
version and what was seen with it, or says `not run` and claims nothing. A page without such a table is an error, too."""

import re
import sys
from pathlib import Path

NOT_RUN = "not run"
NOTHING = {"", "–"}


def rows_of(page):
    """The rows of the tables with a column `version`, each as a dict by column, with the number of its line."""
    rows, heads = [], None
    for number, line in enumerate(Path(page).read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("|"):
            heads = None
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if heads is None:
            heads = cells
        elif "version" in heads and not all(set(cell) <= set(":-") for cell in cells):
            rows.append({"line": number, "cells": len(cells), "columns": len(heads), **dict(zip(heads, cells))})
    return rows


def faults_of(page):
    rows = rows_of(page)
    faults = [] if rows else [f"{page}: no table with a column 'version'"]
    for row in rows:
        if fault := fault_of(row):
            faults.append(f"{page}:{row['line']}: {fault}")
    return faults


def fault_of(row):
    """What is wrong with a row; none if it is right."""
    if row["cells"] != row["columns"]:
        return f"{row['cells']} cells below {row['columns']} headings"
    if "seen" not in row:
        return "no column 'seen'"
    version, seen = row["version"], row["seen"]
    if version == NOT_RUN:
        return None if seen in NOTHING else f"'{NOT_RUN}', and yet something was seen"
    if not re.search(r"\d", version):
        return f"neither a version nor '{NOT_RUN}'"
    return "nothing was seen" if seen in NOTHING else None


if __name__ == "__main__":
    found = [fault for page in sys.argv[1:] for fault in faults_of(page)]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(bool(found) or len(sys.argv) < 2)
