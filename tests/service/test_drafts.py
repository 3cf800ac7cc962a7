"""Drafts: what was found and decided, in the words of a document, with blanks for what is not."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import BinaryIO

import docx
import pytest

from ingest.errors import FootageAltered
from ingest.files import Sha256
from service.cases import PartyFacts, add_exhibit, documents_of, open_case, set_party
from service.documents.wording import BLANK
from service.drafts import DocumentKind, Office, make_documents
from service.errors import EvidenceError, InputError
from service.evidence.log import Action
from service.evidence.store import FolderStore
from service.evidence.verify import verify
from service.law import load_catalogue
from service.roles import Role
from service.tables import Camera, Document, Item, User
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


def test_a_sheet_tells_what_the_clocks_did(embedded: Installation) -> None:
    """What a lawyer asks: how sure the offset is, whether the clock was set, and of sound."""
    embedded.add_person("officer")
    embedded.add_camera()
    manifest = {
        "camera_clock_doubt_ms": 300,
        "clock_steps": [{"at_us": 1, "step_us": -3_000_000}, {"at_us": 2, "step_us": 500_000}],
        "server_clock": {"synchronised": False, "error_us": 16_000_000},
        "audio": {"recorded": "pcm_alaw", "in_clip": False},
    }
    embedded.add_event("one", manifest=manifest)
    with embedded.database.read() as session:
        officer = session.get_one(User, "officer")
    embedded.confirm("one", officer)
    with embedded.database.write() as session:
        opened = open_case(session, embedded.clock, "one", officer=officer, title="涉嫌倾倒")
    (sheet,) = make(embedded, opened.id, DocumentKind.EVIDENCE_SHEET)
    told = text_of(embedded, sheet)
    for words in (
        "不确定度 0.3 秒",
        "被调整 2 次（-3.0、+0.5 秒）",
        "未与时间源同步",
        "录有声音（pcm_alaw），本片段只含画面",
    ):
        assert words in told, words


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
    assert f"给予当事人：{BLANK}。" in before, "the program chooses no kind of penalty"
    assert "罚款人民币（大写）伍拾元整" in after


@pytest.mark.parametrize("status", ["lead_only", "enforcement"])
def test_a_draft_says_of_a_lead_that_it_is_one(case: tuple[Installation, str], status: str) -> None:
    made, case_id = case
    with made.database.write() as session:
        session.get_one(Camera, "gate-1").status = status
    (draft,) = make(made, case_id, DocumentKind.PENALTY_DRAFT)
    told = text_of(made, draft)
    assert ("不得单独作为证据" in told) == (status == "lead_only")
    assert "视听资料（证据1" in told and "视听资料（证据2" in told


ROLES = ("clip", "manifest", "before", "onset", "after")


@pytest.mark.parametrize("kind", DocumentKind)
@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_drafted_on_altered_or_lost_bytes(
    case: tuple[Installation, str], kind: DocumentKind, role: str
) -> None:
    made, case_id = case
    (item,) = (each for each in made.rows(Item) if (each.event_id, each.role) == ("two", role))
    path = made.store.path(Sha256(item.sha256))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(FootageAltered):
        make(made, case_id, kind)
    path.unlink()
    with pytest.raises(EvidenceError, match="object_missing"):
        make(made, case_id, kind)
    assert made.count(Document) == len(made.log(Action.DOCUMENT_MADE)) == 0


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


class Lying(FolderStore):
    """A disk that reads a picture rightly when it is checked and wrongly the next time."""

    def open(self, sha256: Sha256) -> BinaryIO:
        with super().open(sha256) as stream:
            return io.BytesIO(stream.read() + b"?")


def test_what_is_printed_is_what_was_checked(case: tuple[Installation, str]) -> None:
    made, case_id = case
    lying = replace(made, store=Lying(made.settings.objects))
    with pytest.raises(FootageAltered):
        make(lying, case_id, DocumentKind.EVIDENCE_SHEET)
    assert made.count(Document) == 0


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
    for words in ("物品被放下（系统标注，待核）", "携带人离开（系统标注，待核）"):
        assert all(words in text for text in told), "the machine's reading is marked as such"
    assert all("比本系统服务器时钟快 0.1 秒" in text for text in told)
    assert not [text for text in told if "标准时间" in text]
    assert all(str(later(NIGHT, -60)) not in text for text in told)
