"""Every sentence for people, Simplified Chinese first, English second, from one catalogue."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["zh", "en"]


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Sentences by key, each with `zh` and `en`; blanks in braces."""
    found: dict[str, dict[str, str]] = {}
    for file in (files("service") / "data" / "texts").iterdir():
        for section, entries in tomllib.loads(file.read_text(encoding="utf-8")).items():
            found |= {f"{section}.{key}": words for key, words in entries.items()}
    return found


def say(key: str, language: Language = "zh", /, **facts: object) -> str:
    """The sentence for `key` with its blanks filled.

    Raises:
        KeyError: the catalogue has no such sentence, or `facts` lacks one of its blanks; both
            are bugs.
    """
    return catalogue()[key][language].format_map(facts)


def say_both(key: str, /, **facts: object) -> str:
    """The sentence in Chinese and in English, for a terminal."""
    return f"{say(key, 'zh', **facts)} / {say(key, 'en', **facts)}"
