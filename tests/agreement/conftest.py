"""The modules of other suites that this one uses."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "stacks"), str(TESTS / "e2e")]
