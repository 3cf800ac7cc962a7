"""The pages of the documentation and what tests read out of them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("vision", "models", "ingest", "service")
READMES = ("README.md", "README.zh-CN.md")


def page(name: str) -> str:
    """The text of a page of the checkout; the installed wheel has none."""
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("the documentation is checked in the checkout")
    return (ROOT / name).read_text(encoding="utf-8")


def every_page() -> list[Path]:
    """All pages, none where there is no checkout."""
    top = [path for path in ROOT.glob("*.md") if (ROOT / "pyproject.toml").is_file()]
    return sorted([*top, *(ROOT / "docs").rglob("*.md")])


def headings(text: str) -> list[str]:
    """The marks (`#`, `##`, ...) of the headings in order."""
    return re.findall(r"^(#+) ", text, re.MULTILINE)


def table(text: str, first: str) -> list[list[str]]:
    """The rows of all tables whose first column is headed `first`, without their heads."""
    rows: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == first:
            inside = True
        elif inside and not set(cells[0]) <= {"-"}:
            rows.append(cells)
    return rows


def quoted(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`\n]+)`", text)
