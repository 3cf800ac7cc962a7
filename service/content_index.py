"""The content index of recorder files (内容索引): people, vehicles and bags by time.

It is there to find a place in hours of footage and proves nothing; whoever looks sees the original.
"""

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from ingest.clock import Clock
from service.jobs import add_job
from service.tables import ContentIndex
from vision.appearance import Content, Group

JOB = "index"
"""Kind of the job."""


def ask_index(session: Session, clock: Clock, sha256: str) -> None:
    """Queue the index of a recorder file; once for the same bytes."""
    add_job(
        session,
        clock,
        id=f"{JOB}-{sha256}",
        kind=JOB,
        payload={"sha256": sha256},
        not_before=clock.now(),
    )


def index_of(session: Session, sha256: str) -> Content | None:
    """What a recorder file shows; None while nobody has looked."""
    row = session.get(ContentIndex, sha256)
    if row is None:
        return None
    return Content.from_json({"appearances": row.appearances, "looks": row.looks})


def forget_index(session: Session, sha256: str) -> None:
    """Of a file that is destroyed, what it showed goes as well."""
    row = session.get(ContentIndex, sha256)
    if row is not None:
        session.delete(row)


def showing(group: Group) -> SelectOfScalar[str]:
    """The SHA-256 of the files that show one group."""
    column = {
        Group.PERSON: ContentIndex.person,
        Group.VEHICLE: ContentIndex.vehicle,
        Group.BAG: ContentIndex.bag,
    }[group]
    return select(ContentIndex.sha256).where(col(column).is_(True))
