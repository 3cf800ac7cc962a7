"""What the player of a page shows: the original where browsers play it, else its review copy."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlmodel import Session

from ingest.files import Sha256
from ingest.playback import playable, read_coding
from service.derived import Standing, Wish, standing, wish_for_clip
from service.tables import Derived, Item
from service.web.deps import Web
from service.web.page import Page


@lru_cache(maxsize=4096)
def _plays(path: Path) -> bool:
    """Objects never change: the index of one, 64 MiB at most, is read once and not per range."""
    return playable(read_coding(path))


def plays(web: Web, sha256: Sha256) -> bool:
    """Whether browsers play an object; one that is gone is told where it is asked for."""
    try:
        return _plays(web.store.path(sha256))
    except KeyError:
        return True


def copy_address(copy_id: str, subject: str) -> str:
    """Where a copy's bytes are, as part of an event or an acquisition."""
    return f"/copies/{copy_id}/media?of={subject}"


def standing_words(page: Page, now: Standing, name: str) -> str:
    """How a copy stands, as a sentence."""
    if now.refusal is not None:
        code, facts = now.refusal
        return page.words(f"error.{code}", **{**facts, "name": name})
    percent = round(100 * now.done_s / now.total_s) if now.total_s else 0
    return page.words(f"copy.{now.state}", percent=min(percent, 99))


@dataclass(frozen=True, slots=True)
class Player:
    """The player of an event's clip.

    Attributes:
        playable: whether browsers play the original.
        copy: the review copy, when there is one that is needed.
        words: how the copy stands.
    """

    wish: Wish
    playable: bool
    copy: Derived | None
    standing: Standing
    words: str

    @property
    def original(self) -> str:
        """Where the bytes of the original are."""
        return f"/media/{self.wish.parent}?event={self.wish.subject}"

    @property
    def copied(self) -> str:
        """Where the copy is, once it is made."""
        return copy_address(self.wish.id, self.wish.subject)

    @property
    def address(self) -> str:
        """What is played."""
        return self.copied if self.copy else self.original


def clip_player(web: Web, session: Session, page: Page, clip: Item) -> Player:
    """The player of a clip."""
    wish = wish_for_clip(clip, "")
    now = standing(session, wish.id)
    return Player(
        wish=wish,
        playable=plays(web, wish.parent),
        copy=session.get(Derived, wish.id),
        standing=now,
        words=standing_words(page, now, wish.name),
    )
