"""Before rows name objects (认领): the objects are there, and are there to stay."""

from collections.abc import Iterable

from sqlmodel import Session, select

from ingest.files import Sha256
from service.database import lock_log
from service.errors import WorldError
from service.evidence.store import Store
from service.tables import Tombstone
from service.tombstone import is_going


def claim(session: Session, store: Store, objects: Iterable[Sha256]) -> None:
    """Make sure that objects which rows of this transaction will name are there to stay.

    The same bytes may have been destroyed between their being kept and this transaction, where an
    older row of them went. Whoever is refused keeps them again.

    Raises:
        WorldError: one is being destroyed or was.
    """
    # Who destroys decides under the same lock: before this, or after our rows vouch for them.
    lock_log(session)
    for sha256 in objects:
        known = session.exec(select(Tombstone.id).where(Tombstone.sha256 == sha256)).first()
        if known is not None and (is_going(session, sha256) or not _has(store, sha256)):
            raise WorldError("object_going", sha256=sha256)


def _has(store: Store, sha256: Sha256) -> bool:
    try:
        store.path(sha256)
    except KeyError:
        return False
    return True
