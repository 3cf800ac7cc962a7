"""A file of the store that a row says must be there."""

from pathlib import Path

from ingest.files import Sha256
from service.alarms import Trouble, raise_alarm
from service.errors import EvidenceError
from service.web.deps import Web


def kept_file(web: Web, sha256: Sha256) -> Path:
    """Where the object is.

    Raises:
        EvidenceError: it is gone; the alarm is raised, so every page says so from now on.
    """
    try:
        return web.store.path(sha256)
    except KeyError as error:
        with web.database.write() as session:
            raise_alarm(session, web.clock, Trouble.EVIDENCE_BROKEN, sha256)
        raise EvidenceError("object_missing", sha256=sha256) from error
