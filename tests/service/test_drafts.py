"""Drafts: what was found and decided, in the words of a document, with blanks for what is not."""

import io
from datetime import UTC, datetime

import docx
import pytest

from ingest.files import Sha256
from service.cases import PartyFacts, add_exhibit, documents_of, open_case, set_party
from service.documents.wording import BLANK
from service.drafts import DocumentKind, Office, make_documents
from service.errors import InputError
from service.evidence.log import Action
from service.evidence.verify import verify
from service.law import load_catalogue
from service.people import Role
from service.tables import Document, Item, User
from tests.service.installation import PLACE, Installation
from vision.candidate import Kind
from vision.frame import SECOND, Instant, later

NIGHT = Instant(round(datetime(2026, 11, 21, 18, 14, 7, tzinfo=UTC).timestamp()) * SECOND)
"""In Beijing it is the next day, 02:14:07; the sighting's onset lies a minute before."""
ONSET = "2026年11月22日 02时13分07秒"
LAW = load_catalogue()


@pytest.fixture
def case(embedded: Installation) -> tuple[Installation, str]:
    """A case with two exhibits."""
    embedded.clock.wall = NIGHT
    embedded.add_person("officer")
    embedded.add_camera()
    with embedded.database.read() as session:
        officer = session.get_one(User, "officer")
    for event_id in ("one", "two"):
        embedded.add_event(event_id)
        embedded.confirm(event_id, officer)
    with embedded.database.write() as session:
        title = "涉嫌随意倾倒垃圾"
        opened = open_case(session, embedded.clock, "one", officer=officer, title=title)
        add_exhibit(session, embedded.clock, opened.id, "two", officer=officer)
    return embedded, opened.id


def make(
    made: Installation, case_id: str, kind: DocumentKind, *, by: str = "officer"
) -> list[Document]:
    office = Office(made.store, made.clock, LAW, "某某街道办事处")
    with made.database.write() as session:
        officer = session.get_one(User, by)
        return make_documents(session, office, case_id, kind=kind, officer=officer)


def learn(made: Installation, case_id: str, facts: PartyFacts) -> None:
    with made.database.write() as session:
        officer = session.get_one(User, "officer")
        set_party(session, made.clock, case_id, facts, officer=officer)


def text_of(made: Installation, document: Document) -> str:
    """Everything that a reader sees, header included."""
    data = made.store.path(Sha256(document.sha256)).read_bytes()
    opened = docx.Document(io.BytesIO(data))
    cells = [cell.text for table in opened.tables for row in table.rows for cell in row.cells]
    body = [paragraph.text for paragraph in opened.paragraphs]
    header = [paragraph.text for paragraph in opened.sections[0].header.paragraphs]
    return "\n".join([*header, *body, *cells])


def test_a_sheet_for_each_exhibit_and_one_draft(case: tuple[Installation, str]) -> None:
    made, case_id = case
    sheets = make(made, case_id, DocumentKind.EVIDENCE_SHEET)
    drafts = make(made, case_id, DocumentKind.PENALTY_DRAFT)
    assert (len(sheets), len(drafts)) == (2, 1)
    assert len({sheet.sha256 for sheet in sheets}) == 2
    assert all(each.file_name.endswith(".docx") for each in sheets + drafts)
    with made.database.read() as session:
        assert {each.id for each in documents_of(session, case_id)} == {
            each.id for each in sheets + drafts
        }
    entries = made.log(Action.DOCUMENT_MADE)
    assert {entry.subject for entry in entries} == {each.id for each in sheets + drafts}
    assert verify(made.database, made.store).holds


def test_a_sheet_holds_what_the_rules_ask(case: tuple[Installation, str]) -> None:
    made, case_id = case
    clips = {item.event_id: item for item in made.rows(Item) if item.role == "clip"}
    for sheet, event_id in zip(
        make(made, case_id, DocumentKind.EVIDENCE_SHEET), ("one", "two"), strict=True
    ):
        told = text_of(made, sheet)
        assert clips[event_id].sha256 in told
        assert PLACE in told
        assert "某某街道办事处" in told
        assert "officer（姓名）" in told and "津A-0001" in told
        assert "2026年11月22日" in told and "02时13分" in told, "Beijing time"
        assert BLANK in told


def test_a_draft_says_what_is_known_and_leaves_blanks(case: tuple[Installation, str]) -> None:
    made, case_id = case
    (empty,) = make(made, case_id, DocumentKind.PENALTY_DRAFT)
    provision = LAW.provisions(Kind.DUMPING, datetime(2026, 11, 22, tzinfo=UTC).date())[0]
    learn(made, case_id, PartyFacts("王某", provision_id=provision.id, fine_yuan=50))
    (filled,) = make(made, case_id, DocumentKind.PENALTY_DRAFT)
    before, after = text_of(made, empty), text_of(made, filled)
    for told in (before, after):
        assert "2026年11月22日" in told and PLACE in told
    assert "王某" in after and "王某" not in before
    assert before.count(BLANK) > after.count(BLANK) > 0
    assert provision.article in after


@pytest.mark.parametrize("kind", DocumentKind)
def test_no_score_of_a_model_is_in_a_document(
    case: tuple[Installation, str], kind: DocumentKind
) -> None:
    made, case_id = case
    for document in make(made, case_id, kind):
        told = text_of(made, document)
        # The sighting's score is 0.87654.
        marks = ("0.87", "0.88", "87%", "88%", "87.6", "置信", "score", "None", "{{", "模型")
        assert not [mark for mark in marks if mark in told]


def test_a_second_rendering_stands_beside_the_first(case: tuple[Installation, str]) -> None:
    made, case_id = case
    (first,) = make(made, case_id, DocumentKind.PENALTY_DRAFT)
    made.clock.sleep(60)
    learn(made, case_id, PartyFacts("王某"))
    (second,) = make(made, case_id, DocumentKind.PENALTY_DRAFT)
    assert first.sha256 != second.sha256
    with made.database.read() as session:
        assert [each.id for each in documents_of(session, case_id)] == [second.id, first.id]


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
@pytest.mark.parametrize("kind", DocumentKind)
def test_only_officers_draft(
    case: tuple[Installation, str], kind: DocumentKind, role: Role
) -> None:
    made, case_id = case
    made.add_person("other", role)
    with pytest.raises(InputError, match="not_an_officer"):
        make(made, case_id, kind, by="other")
    assert made.count(Document) == 0


@pytest.mark.parametrize("kind", DocumentKind)
def test_a_case_that_does_not_exist_has_no_documents(
    case: tuple[Installation, str], kind: DocumentKind
) -> None:
    with pytest.raises(InputError, match="no_case"):
        make(case[0], "none", kind)


def test_a_provision_that_the_catalogue_lacks_is_refused(case: tuple[Installation, str]) -> None:
    made, case_id = case
    learn(made, case_id, PartyFacts(provision_id="none"))
    with pytest.raises(InputError, match="no_provision"):
        make(made, case_id, DocumentKind.PENALTY_DRAFT)
    assert made.count(Document) == 0


def test_the_onset_is_told_to_the_second(case: tuple[Installation, str]) -> None:
    made, case_id = case
    told = [text_of(made, sheet) for sheet in make(made, case_id, DocumentKind.EVIDENCE_SHEET)]
    assert all(ONSET in text for text in told)
    assert all(str(later(NIGHT, -60)) not in text for text in told)
