"""Which language a person reads: Chinese, unless the cookie says English."""

from typing import Protocol

from starlette.requests import Request

from service.texts import Language, say

COOKIE = "liuhen_language"


class Words(Protocol):
    """Says a sentence of the catalogue in one language."""

    def __call__(self, key: str, **facts: object) -> str:
        """The sentence for `key`, its blanks filled with `facts`."""
        ...


def language_of(request: Request) -> Language:
    """The language of a request."""
    return "en" if request.cookies.get(COOKIE) == "en" else "zh"


def words_in(language: Language) -> Words:
    """The catalogue in one language."""

    def words(key: str, **facts: object) -> str:
        return say(key, language, **facts)

    return words
