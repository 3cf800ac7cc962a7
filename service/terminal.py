"""The terminal: sentences of commands as they are, with nothing in them that acts or vanishes."""

import unicodedata

from rich.console import Console
from rich.text import Text

_ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's controls, formats (they turn writing round), halves of characters and separators."""


def terminal(*, stderr: bool = False) -> Console:
    """Where commands write: square brackets and colons of names mean nothing to it."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)


def plain(text: str) -> str:
    """The text in one line, whatever would act on a terminal written as an escape (`\\x1b`)."""
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in _ACTING
        else letter
        for letter in text
    )


def cell(*lines: str) -> Text:
    """The content of a table's cell, line below line."""
    return Text("\n".join(plain(line) for line in lines), overflow="fold")
