"""What several suites of these tests share."""

import shutil
import tempfile
from pathlib import Path

import pytest

from test_doctor import TWOSTEP


@pytest.fixture
def outside():
    """A folder that all users may enter, with the command in it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    shutil.copy(TWOSTEP, folder / "twostep")
    yield folder
    shutil.rmtree(folder)
