"""A file of the store that a row says must be there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.errors import FootageAltered
from ingest.files import Sha256
from service.alarms import Trouble, raise_alarm
from service.errors import EvidenceError
from service.review import check_items, items_of
from service.web.deps import Web


@contextmanager
def alarmed(web: Web) -> Iterator[None]:
    """Pass on that an object is gone or altered, with the alarm: every page says so from now on.

    Outside of any transaction of the block: what the failure undoes is not the alarm.
    """
    try:
        yield
    except (EvidenceError, FootageAltered) as error:
        subject = str(error.facts.get("sha256", error.facts.get("path", "")))
        with web.database.write() as session:
            raise_alarm(session, web.clock, Trouble.EVIDENCE_BROKEN, subject)
        raise


def kept_file(web: Web, sha256: Sha256) -> Path:
    """Where the object is.

    Raises:
        EvidenceError: it is gone; the alarm is raised.
    """
    with alarmed(web):
        try:
            return web.store.path(sha256)
        except KeyError as error:
            raise EvidenceError("object_missing", sha256=sha256) from error


def check_event(web: Web, event_id: str) -> None:
    """Hash every piece of an event again; an unknown event has none.

    Raises:
        EvidenceError, FootageAltered: one is gone or is not what was kept; the alarm is raised.
    """
    with web.database.read() as session:
        items = items_of(session, event_id)
    with alarmed(web):
        check_items(web.store, items.values())
