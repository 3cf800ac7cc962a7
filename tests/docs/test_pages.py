"""Links resolve, decisions are indexed, and what pages list is what the code has."""

import re

from service.evidence.log import Action
from tests.docs.pages import ROOT, every_page, page, quoted, table

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def test_internal_links_resolve() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in every_page()
        for target in _LINK.findall(path.read_text(encoding="utf-8"))
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []


def test_every_decision_is_indexed_under_its_title() -> None:
    index = page("docs/adr/README.md")
    files = sorted(path.name for path in (ROOT / "docs/adr").glob("[0-9]*.md"))
    assert re.findall(r"\[\d{4}\]\(([^)]+)\)", index) == files
    titles = dict(re.findall(r"\[(\d{4})\]\([^)]+\) \| (.+) \|", index))
    assert titles == {
        name[:4]: page(f"docs/adr/{name}").splitlines()[0].removeprefix(f"# {name[:4]}: ")
        for name in files
    }


def test_decisions_have_their_parts() -> None:
    page("docs/adr/README.md")
    for path in (ROOT / "docs/adr").glob("[0-9]*.md"):
        parts = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert parts == ["Context", "Drivers", "Options", "Outcome", "Consequences"], path.name


def test_decisions_that_the_code_refers_to_exist() -> None:
    page("docs/adr/README.md")
    known = {path.name[:4] for path in (ROOT / "docs/adr").glob("[0-9]*.md")}
    sources = [*ROOT.glob("*.toml"), *(ROOT / "service").rglob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    assert sorted(set(re.findall(r"ADR (\d{4})", text)) - known) == []


def test_every_act_of_the_log_is_told() -> None:
    rows = table(page("docs/design/evidence.md"), "action")
    told = {name for row in rows for name in quoted(row[0])}
    assert told == {action.value for action in Action}


def test_pages_of_design_are_reached_from_the_readme() -> None:
    text = page("README.md")
    missing = [
        path.name
        for path in (ROOT / "docs").rglob("*.md")
        if path.parent.name != "adr" and f"({path.relative_to(ROOT).as_posix()})" not in text
    ]
    assert missing == []
