"""The nouns of the glossary are the nouns of the code."""

import ast
import re

from sqlmodel import SQLModel

import service.tables
from tests.docs.pages import PACKAGES, ROOT, page, quoted, table


def rows() -> list[list[str]]:
    return table(page("docs/glossary.md"), "中文")


def classes() -> set[str]:
    """Public classes of the four packages."""
    found: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found |= {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    return {name for name in found if not name.startswith("_")}


def test_rows_are_whole() -> None:
    assert len(rows()) > 60
    for row in rows():
        assert len(row) == 4, row
        assert row[0], row
        assert row[1], row
        assert row[3], row


def test_classes_exist() -> None:
    named = {name for row in rows() for name in quoted(row[2]) if name[0].isupper()}
    assert len(named) > 60
    assert sorted(named - classes()) == []


def test_every_table_is_in_the_glossary() -> None:
    told: dict[str, str] = {}
    for row in rows():
        told |= {table: cls for cls, table in re.findall(r"`(\w+)` \(table `(\w+)`\)", row[2])}
    models = vars(service.tables).values()
    known = {
        str(model.__tablename__): model.__name__
        for model in models
        if isinstance(model, type) and issubclass(model, SQLModel) and model is not SQLModel
    }
    assert told == known


def test_terms_that_the_code_refers_to_are_there() -> None:
    terms = {row[0] for row in rows()}
    named: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            named |= set(re.findall(r"\(glossary: (\w+)\)", path.read_text(encoding="utf-8")))
    assert sorted(named - terms) == []
