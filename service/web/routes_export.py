"""Evidence bundles: hashed, logged and sealed before the first byte leaves."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form
from fastapi.responses import StreamingResponse

from service.bundle.export import Desk, Export, export
from service.bundle.order import order
from service.roles import Permission
from service.subject import Subject, SubjectKind
from service.tables import User
from service.web.deps import OnDuty, Parts, Web, permitted
from service.web.kept import alarmed

router = APIRouter()


def streamed(web: Web, made: Export) -> Iterator[bytes]:
    """A bundle's bytes.

    Raises:
        FootageAltered, EvidenceError: a file changed since it was measured; the alarm is raised.
    """
    with alarmed(web):
        yield from made.stream()


@router.post("/cases/{case_id}/export")
def export_case(
    case_id: str,
    web: Parts,
    _user: Annotated[User, permitted(Permission.EXPORT)],
    duty: OnDuty,
    reason: Annotated[str, Form()] = "",
) -> StreamingResponse:
    """The case as one zip file; its length is not known before, so a torn one has no end."""
    with web.database.read() as session:
        wanted = order(session, duty, Subject(SubjectKind.CASE, case_id), reason)
    with alarmed(web):
        made = export(Desk(web.database, web.store, web.clock, web.settings), wanted)
    name = quote(f"{made.name}.zip")
    return StreamingResponse(
        streamed(web, made),
        media_type="application/zip",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )
