"""The report's web page in a real browser, and its metrics in Prometheus' own checker."""

import subprocess
from pathlib import Path

import pytest

from chromium import a_page

PASSWD = Path("/etc/passwd")
TROUBLE = ("<script>document.title='ran'</script>", "<img src=x onerror=document.title='ran'>", "a'\"&b", "=cmd")
PEOPLE = [f"person{number}" for number in range(1000)]
VISIBLE = "[...document.querySelectorAll('#people tbody tr')].filter((row) => row.offsetHeight > 0).map((row) => row.cells[0].textContent)"


def report(*arguments):
    return subprocess.run(["twostep", "report", *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module", name="address")
def page_of_many(tmp_path_factory):
    entries = (f"{name}:x:{9000 + number}:100::/nonexistent:/bin/sh\n" for number, name in enumerate([*TROUBLE, *PEOPLE]))
    with PASSWD.open("a", encoding="utf-8") as passwd:
        passwd.writelines(entries)
    Path("/etc/twostep/policy.toml").write_text('version = 1\nmode = "mandatory"\n', encoding="utf-8")
    file = tmp_path_factory.mktemp("report") / "report.html"
    report("--html", "--output", str(file))
    return f"file://{file}"


@pytest.fixture(name="page")
def page_in_browser(address, tmp_path):
    with a_page(tmp_path) as page:
        page.open(address)
        yield page


def test_page_loads_nothing_and_reports_no_error(page, address):
    assert {request["request"]["url"] for request in page.happened("Network.requestWillBeSent")} == {address}
    assert not page.happened("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
    assert page.value("document.title").startswith("Second step on ")


def test_page_shows_names_as_text(page):
    seen = page.value(VISIBLE)
    assert set(TROUBLE) <= set(seen) and set(PEOPLE) <= set(seen)
    assert page.value("document.querySelectorAll('#people img, #people script').length") == 0


def test_search_box_filters_people(page):
    page.value("document.querySelector('input').focus()")
    for typed, expected in [("person99", {"person99", *(f"person99{n}" for n in range(10))}), (" 9993", {"person989"})]:
        page.value("document.querySelector('input').value = ''")
        page.ask("Input.insertText", text=typed)
        seen = set(page.value(VISIBLE))
        assert seen == expected, (typed, seen)


def test_page_is_light_and_dark(page):
    colours = []
    for scheme in ("light", "dark"):
        page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        colours.append(page.value("getComputedStyle(document.body).color"))
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]


def test_browser_runs_no_other_script(page):
    """Were a name not escaped, the page's own policy would still stop it."""
    page.value("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title = 1\">')")
    page.value("document.body.append(Object.assign(document.createElement('script'), {text: 'document.title = 2'}))")
    page.value("fetch('file:///etc/passwd').catch(() => {})")
    assert page.value("document.title").startswith("Second step on ")
    assert page.happened("Log.entryAdded"), "the browser reports what it stopped"


def test_promtool_accepts_metrics():
    checked = subprocess.run(["promtool", "check", "metrics"], input=report("--prometheus"), capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
