"""The service on Python's own SQLite, in TRUNCATE mode: what a machine without the wheel runs."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SAME_TESTS = ("alarms", "database", "jobs", "registrar")
"""What touches every table in the ways that differ between libraries."""

WITHOUT_THE_WHEEL = """
import sys
sys.modules["pysqlite3"] = None  # Python's own way of saying: there is none.
import pytest
from service.database import journal_mode, sqlite_library
assert sqlite_library().__name__ == "sqlite3"
sys.exit(pytest.main(sys.argv[1:]))
"""


def test_the_same_tests_pass_on_pythons_own_sqlite() -> None:
    files = [str(HERE / f"test_{name}.py") for name in SAME_TESTS]
    options = ["-q", "-p", "no:cacheprovider", "-k", "not postgresql and not sqlite-truncate"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_WHEEL, *options, *files],
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
