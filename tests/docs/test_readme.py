"""Both READMEs say what the program does: commands, settings, headings."""

import re

import pytest
import typer
from typer.main import get_command

from service.cli import app
from service.settings import Settings
from tests.docs.pages import READMES, headings, page, table

COMMAND_HEADS = {"README.md": "command", "README.zh-CN.md": "命令"}
SETTING_HEADS = {"README.md": "field", "README.zh-CN.md": "项"}
NOTHING = {"README.md": "empty", "README.zh-CN.md": "空"}
REQUIRED = {"README.md": "required", "README.zh-CN.md": "必填"}


def commands() -> dict[str, str]:
    """Every command with its help, as the program knows them."""
    found: dict[str, str] = {}

    def walk(command: object, name: str) -> None:
        below = getattr(command, "commands", {})
        for word, each in below.items():
            walk(each, f"{name} {word}")
        if not below:
            found[name] = " ".join(str(getattr(command, "help", "")).split())

    walk(get_command(app), "liuhen")
    return found


def test_the_walk_finds_commands() -> None:
    assert isinstance(app, typer.Typer)
    assert {"liuhen demo", "liuhen camera add"} <= set(commands())


@pytest.mark.parametrize("name", READMES)
def test_commands_are_the_programs(name: str) -> None:
    language = READMES.index(name)
    told = {row[0].strip("`"): row[1] for row in table(page(name), COMMAND_HEADS[name])}
    known = {
        command: re.split(r"\s*/ ", help_, maxsplit=1)[1 - language].rstrip(".")
        for command, help_ in commands().items()
    }
    assert told == known


@pytest.mark.parametrize("name", READMES)
def test_settings_are_the_programs(name: str) -> None:
    told = {row[0].strip("`"): row[2] for row in table(page(name), SETTING_HEADS[name])}
    known: dict[str, str] = {}
    for field, info in Settings.model_fields.items():
        if info.is_required():
            known[field] = REQUIRED[name]
        elif info.default in {"", ()}:
            known[field] = NOTHING[name]
        else:
            known[field] = f"`{info.default}`"
    assert told == known


@pytest.mark.parametrize("name", READMES)
def test_settings_say_unit_and_meaning(name: str) -> None:
    for row in table(page(name), SETTING_HEADS[name]):
        assert len(row) == 4, row
        assert all(row), row


def test_both_readmes_have_the_same_headings() -> None:
    english, chinese = (headings(page(name)) for name in READMES)
    assert len(english) > 8
    assert english == chinese


def test_both_readmes_begin_with_the_two_commands() -> None:
    for name in READMES:
        text = page(name)
        assert -1 < text.index("make demo") < text.index("make test") < text.index("liuhen ")
