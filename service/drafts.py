"""The documents of a case, drafted from its rows and kept in the store."""

from enum import StrEnum

from sqlmodel import Session

from ingest.clock import Clock
from service.evidence.store import Store
from service.tables import Document, User


class DocumentKind(StrEnum):
    """The documents that Liuhen drafts (the catalogue has the words, `document.<kind>`)."""

    EVIDENCE_SHEET = "evidence_sheet"
    """视听资料证据说明单 (最高法行诉证据规定 12)."""
    PENALTY_DRAFT = "penalty_draft"
    """当场处罚决定书草稿 (行政处罚法 52)."""


def make_document(
    session: Session,
    store: Store,
    clock: Clock,
    case_id: str,
    *,
    kind: DocumentKind,
    officer: User,
) -> Document:
    """Render a document of a case from what is known now and keep it.

    Raises:
        InputError: no such case, or not an officer.
    """
    raise NotImplementedError
