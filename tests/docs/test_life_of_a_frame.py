"""The journey names files and functions that are there, each function beside its file."""

import ast
import re
from functools import cache

from tests.docs.pages import PACKAGES, ROOT, page, quoted

_FILE = re.compile(rf"(?:{'|'.join(PACKAGES)})/[\w/]+\.py")
_FUNCTION = re.compile(r"(?:(\w+)\.)?(\w+)\(\)")


@cache
def functions(path: str) -> frozenset[str]:
    """`name` and `Class.name` of everything that can be called in a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{m.name}" for m in node.body if isinstance(m, ast.FunctionDef)}
    return frozenset(found)


def steps() -> list[str]:
    """The numbered steps, whole."""
    return re.split(r"^\d+\. ", page("docs/life-of-a-frame.md"), flags=re.MULTILINE)[1:]


def test_steps_are_numbered_through() -> None:
    numbers = re.findall(r"^(\d+)\. ", page("docs/life-of-a-frame.md"), re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(1, len(steps()) + 1))
    assert len(numbers) > 20


def test_files_exist() -> None:
    named = {path for step in steps() for path in quoted(step) if _FILE.fullmatch(path)}
    assert len(named) > 30
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []


def test_functions_are_in_a_file_of_their_step() -> None:
    missing: list[str] = []
    count = 0
    for number, step in enumerate(steps(), start=1):
        names = quoted(step)
        known = {f for path in names if _FILE.fullmatch(path) for f in functions(path)}
        for name in names:
            if _FUNCTION.fullmatch(name):
                count += 1
                if name.removesuffix("()") not in known:
                    missing.append(f"{number}: {name}")
    assert count > 60
    assert missing == []
