"""One module is tried in one run: `--module NAME`. The report says how each case ended, for docs/COMPARISON.md."""

import json
import os

import pytest

from machine import Machine
from modules import ALL

assert os.environ.get("SANDBOX_LOG"), "these cases change the machine: start them by tests/compare/run"


def pytest_addoption(parser):
    parser.addoption("--module", default="twostep", choices=sorted(ALL))
    parser.addoption("--report-to", type=int, help="the descriptor for how each case ended, as JSON")


@pytest.fixture(scope="session")
def whole_run(request):
    machine = Machine(ALL[request.config.getoption("--module")]())
    machine.prepare()
    return machine


@pytest.fixture
def machine(whole_run):
    whole_run.reset()
    yield whole_run
    whole_run.check()


ENDED = {}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    row = ENDED.setdefault(item.nodeid, {"title": title(item), "group": group(item), "outcome": "passed", "why": ""})
    row["why"] = dict(item.user_properties).get("note", row["why"])
    if report.skipped:
        row["outcome"], row["why"] = "skipped", report.longrepr[2].removeprefix("Skipped: ")
    elif report.failed and row["outcome"] != "failed":
        row["outcome"], row["why"] = "failed", str(call.excinfo.value).split("\n")[0][:160]


def title(item):
    """What the table calls a case: its docstring, and the name of the row if it has several."""
    text = (item.function.__doc__ or item.name).strip().rstrip(".")
    return f"{text.rstrip(':')}: {item.callspec.id}" if hasattr(item, "callspec") else text


def group(item):
    return item.module.__doc__.split(".")[0]


def pytest_sessionfinish(session):
    if descriptor := session.config.getoption("--report-to"):
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(ENDED, file, indent=1)
