"""Documents of a case: made on demand, handed out as files."""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import FileResponse, RedirectResponse

from ingest.files import Sha256
from service.cases import case_for
from service.drafts import DocumentKind, Office, make_documents
from service.errors import InputError
from service.roles import Permission
from service.subject import Subject, SubjectKind
from service.tables import Document, User
from service.tombstone import refuse_deleted
from service.web.deps import OnDuty, Parts, permitted
from service.web.kept import alarmed, kept_file
from service.web.views import log_download

router = APIRouter()

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@router.post("/cases/{case_id}/documents")
def make(
    case_id: str,
    web: Parts,
    user: Annotated[User, permitted(Permission.DOCUMENT_MAKE)],
    kind: Annotated[DocumentKind, Form()],
) -> Response:
    """Draft the documents of a kind from what the case says now."""
    office = Office(web.store, web.clock, web.law, web.settings.authority)
    with alarmed(web), web.database.write() as session:
        make_documents(session, office, case_id, kind=kind, officer=user)
    return RedirectResponse(f"/cases/{case_id}#documents", 303)


@router.post("/documents/{document_id}/file")
def download(
    document_id: str,
    web: Parts,
    user: Annotated[User, permitted(Permission.DOWNLOAD)],
    duty: OnDuty,
    reason: Annotated[str, Form()] = "",
) -> FileResponse:
    """The document as a file under its Chinese name (RFC 6266, RFC 8187); the log says why."""
    with web.database.read() as session:
        document = session.get(Document, document_id)
        if document is None:
            raise InputError("not_found")
        case_for(session, document.case_id, user)
        refuse_deleted(session, Subject(SubjectKind.CASE, document.case_id))
    path = kept_file(web, Sha256(document.sha256))
    with web.database.write() as session:
        log_download(session, web.clock, duty, document.id, document.sha256, reason)
    return FileResponse(path, media_type=_DOCX, filename=document.file_name)
