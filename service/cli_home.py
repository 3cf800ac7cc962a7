"""The options that commands share."""

import os
from pathlib import Path
from typing import Annotated

import typer

from service.settings import Settings, load

Home = Annotated[
    Path,
    typer.Option(
        envvar="LIUHEN_HOME",
        help="数据目录 / folder of everything that Liuhen keeps",
        file_okay=False,
    ),
]

AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]


def settings_of(home: Path) -> Settings:
    """The settings of an installation, from its file and the environment.

    Raises:
        InputError: a setting is wrong.
    """
    return load(home, os.environ)
