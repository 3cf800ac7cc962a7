"""Documents of a case: made on demand, handed out as files."""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import FileResponse, RedirectResponse

from ingest.files import Sha256
from service.drafts import DocumentKind, Office, make_documents
from service.errors import InputError
from service.evidence.log import Action, append
from service.tables import Document
from service.web.deps import Parts, Viewer
from service.web.kept import alarmed, kept_file

router = APIRouter()

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@router.post("/cases/{case_id}/documents")
def make(case_id: str, web: Parts, user: Viewer, kind: Annotated[DocumentKind, Form()]) -> Response:
    """Draft the documents of a kind from what the case says now."""
    office = Office(web.store, web.clock, web.law, web.settings.authority)
    with alarmed(web), web.database.write() as session:
        make_documents(session, office, case_id, kind=kind, officer=user)
    return RedirectResponse(f"/cases/{case_id}#documents", 303)


@router.get("/documents/{document_id}/file")
def download(document_id: str, web: Parts, user: Viewer) -> FileResponse:
    """The document as a file under its Chinese name (RFC 6266, RFC 8187)."""
    with web.database.read() as session:
        document = session.get(Document, document_id)
    if document is None:
        raise InputError("not_found")
    path = kept_file(web, Sha256(document.sha256))
    with web.database.write() as session:
        append(
            session,
            web.clock,
            actor=user.id,
            action=Action.DOWNLOADED,
            subject=document.id,
            body={"case": document.case_id, "sha256": document.sha256},
        )
    return FileResponse(path, media_type=_DOCX, filename=document.file_name)
