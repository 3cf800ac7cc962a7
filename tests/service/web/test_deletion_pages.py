"""The pages of deletions: asked for by one, approved by another, and nothing is shown meanwhile."""

import re

import pytest
from sqlmodel import select

from service.deletion import RECYCLE_S
from service.evidence.log import Action
from service.recycle import Recycler
from service.roles import Role
from service.scrub import Scrubber
from service.tables import Case, Deletion, Hold, User
from tests.service.web.office import Office

WHY = {"why": "误采集", "reason": "误采集"}


@pytest.fixture
def confirmed(office: Office) -> Office:
    office.confirm("event1")
    return office


def deletion(office: Office) -> Deletion:
    with office.database.read() as session:
        return session.exec(select(Deletion)).one()


def post(office: Office, who: str, path: str, **form: str) -> int:
    with office.browser(who) as browser:
        return browser.post(path, data={**WHY, **form}).status_code


def recycled(office: Office) -> Deletion:
    assert post(office, "officer", "/deletions", subject="event:event1") == 303
    assert (
        post(office, "director", f"/deletions/{deletion(office).batch}", decision="approve") == 303
    )
    return deletion(office)


def test_the_way_of_a_deletion_through_the_pages(confirmed: Office) -> None:
    """Ask, see it waiting, approve by another, recover; each page says where it stands."""
    office = confirmed
    with office.browser("officer") as browser:
        page = browser.get("/kept/event/event1").text
        assert 'value="event:event1"' in page and "行政处罚法第三十六条" in page
        browser.post("/deletions", data={"subject": "event:event1", **WHY})
        listed = browser.get("/deletions").text
        assert "误采集" in listed and 'value="approve"' not in listed
        assert "本人申请" in listed
    row = deletion(office)
    with office.browser("director") as browser:
        assert 'value="approve"' in browser.get("/deletions").text
        browser.post(f"/deletions/{row.batch}", data={"decision": "approve"})
        assert row.id in browser.get("/deletions?tab=recycled").text
    with office.browser("officer") as browser:
        assert browser.post(f"/deletions/{row.id}/recover", data=WHY).status_code == 303
        assert "已恢复" in browser.get("/kept/event/event1").text
        address = f"/media/{office.sha256('event1', 'clip')}?event=event1"
        assert browser.get(address).status_code == 200


def test_nothing_of_it_is_shown_while_it_can_be_recovered(confirmed: Office) -> None:
    """Not by its own address, not as a copy, not to be kept, not in lists; and nobody is logged as
    having seen it."""
    office = confirmed
    clip, still = office.sha256("event1", "clip"), office.sha256("event1", "onset")
    recycled(office)
    with office.browser("officer") as browser:
        for sha256 in (clip, still):
            answer = browser.get(f"/media/{sha256}?event=event1")
            assert (answer.status_code, clip in answer.text) == (410, False)
            form = {"event": "event1", "reason": "办案"}
            assert browser.post(f"/media/{sha256}", data=form).status_code == 410
        assert browser.post("/events/event1/copy").status_code == 410
        assert browser.get(f"/copies/{'0' * 64}/media?of=event1").status_code in {404, 410}
        page, listed = browser.get("/events/event1").text, browser.get("/decided").text
        assert clip not in page and still not in page and still not in listed
        assert "回收期" in page and "回收期" in listed
        assert browser.post("/cases", data={"event_id": "event1", "title": "x"}).status_code == 410
    assert office.log(Action.VIEWED) == [] == office.log(Action.DOWNLOADED)


def test_what_is_destroyed_shows_its_record(confirmed: Office) -> None:
    """已销毁, by whom, by which rule, and the digests."""
    office = confirmed
    clip = office.sha256("event1", "clip")
    recycled(office)
    office.clock.sleep(RECYCLE_S)
    settings = office.app.state.web.settings
    Recycler(office.database, office.store, office.clock, settings).step()
    with office.browser("supervisor") as browser:
        page = browser.get("/kept/event/event1").text
        assert clip in page and "李队员" in page and "误采集" in page
        # The stills of the onset and after are the same picture.
        assert len(re.findall("<td>已销毁</td>", page)) == 4
        assert "已销毁" in browser.get("/events/event1").text
        assert "event1" in browser.get("/deletions?tab=destroyed").text
        assert browser.get(f"/media/{clip}?event=event1").status_code == 410


def test_an_upload_in_the_recycle_state_is_not_handed_out(office: Office) -> None:
    upload = office.add_upload()
    assert post(office, "officer", "/deletions", subject=f"upload:{upload}") == 303
    post(office, "director", f"/deletions/{deletion(office).batch}", decision="approve")
    with office.browser("officer") as browser:
        for path in (f"/uploads/{upload}/original", f"/uploads/{upload}/copies"):
            assert browser.get(path).status_code == 410
        form = {"reason": "办案"}
        assert browser.post(f"/uploads/{upload}/original", data=form).status_code == 410
        assert "回收期" in browser.get(f"/uploads/{upload}").text
        assert "回收期" in browser.get("/uploads").text


def test_nobody_approves_their_own_on_the_page(office: Office) -> None:
    office.confirm("event1")
    assert post(office, "leader", "/deletions", subject="event:event1") == 303
    batch = deletion(office).batch
    assert post(office, "leader", f"/deletions/{batch}", decision="approve") == 403
    assert post(office, "leader", f"/deletions/{batch}", decision="refuse") == 303


@pytest.mark.parametrize(
    "subject", ["camera:gate-1", "event", "", ":", "event:none", "case:" + "9" * 999]
)
def test_a_made_up_subject_is_refused(office: Office, subject: str) -> None:
    assert post(office, "officer", "/deletions", subject=subject) in {400, 404}
    with office.browser("officer") as browser:
        assert browser.get("/kept/camera/gate-1").status_code == 404


def test_holds_and_the_end_of_a_case_are_on_its_page(office: Office) -> None:
    office.confirm("event1")
    case_id = office.open_case("event1")
    with office.browser("officer") as browser:
        assert "不得销毁" in browser.get("/kept/event/event1").text
        browser.post(f"/cases/{case_id}/end", data={"procedure": "summary"})
        page = browser.get(f"/kept/case/{case_id}").text
        assert "简易程序" in page and "依据未核实" in page
        browser.post(f"/kept/case/{case_id}/hold", data=WHY)
        page = browser.get(f"/kept/case/{case_id}").text
        assert "不得销毁" in page
        (hold,) = re.findall(r"/holds/([0-9a-f]+)/release", page)
        assert browser.post(f"/holds/{hold}/release", data=WHY).status_code == 303
        assert browser.post(f"/cases/{case_id}", data={"name": "张三"}).status_code == 409
        browser.post(f"/cases/{case_id}/reopen", data=WHY)
        assert browser.post(f"/cases/{case_id}", data={"name": "张三"}).status_code == 303


def test_the_scrub_shows_its_progress(office: Office) -> None:
    """On the page and as metrics, while a round goes on and when it is over."""
    settings = office.app.state.web.settings.model_copy(update={"scrub_bytes_per_s": 1})
    work = Scrubber(office.database, office.store, office.clock, settings)
    with office.browser("officer") as browser:
        assert "liuhen_scrub" not in browser.get("/metrics").text
        assert "尚未完成过一轮" in browser.get("/deletions").text
        work.step(1.0)
        assert "liuhen_scrub_objects_total 4.0" in browser.get("/metrics").text
        assert "本轮已核对 0 / 4 个文件" in browser.get("/deletions").text
        work.step(1e9)
        metrics = browser.get("/metrics").text
        assert "liuhen_scrub_objects 4.0" in metrics
        assert "liuhen_scrub_finished_timestamp_seconds 1.78e+09" in metrics
        assert "上一轮核对 4 个文件" in browser.get("/deletions").text


def test_another_units_case_is_neither_listed_nor_settled(confirmed: Office) -> None:
    """Row 16, a foreign object: a leader next door reads no title, agrees to nothing, takes nothing
    back and lets nothing go; whoever sees every unit does."""
    office = confirmed
    case = office.open_case("event1", "涉嫌偷倒某某")
    hold_path = f"/kept/case/{case}/hold"
    with office.database.write() as session:
        session.get_one(User, "neighbour").role = Role.LEADER.value
        row = session.get_one(Case, case)
        row.closed_us, row.closed_by, row.procedure = office.clock.now(), "officer", "summary"
    assert post(office, "officer", "/deletions", subject=f"case:{case}") == 303
    asked = deletion(office)

    def refused(path: str, **form: str) -> None:
        with office.browser("neighbour") as browser:
            answer = browser.post(path, data={**WHY, **form})
            assert (answer.status_code, "涉嫌偷倒某某" in answer.text) == (403, False)

    for decision in ("approve", "refuse"):
        refused(f"/deletions/{asked.batch}", decision=decision)
    assert deletion(office).state == "asked"
    for who, sees in (("neighbour", False), ("leader", True), ("director", True)):
        with office.browser(who) as browser:
            assert ("涉嫌偷倒某某" in browser.get("/deletions").text) == sees
    assert post(office, "leader", f"/deletions/{asked.batch}", decision="approve") == 303
    refused(f"/deletions/{asked.id}/recover")
    assert post(office, "officer", f"/deletions/{asked.id}/recover") == 303
    assert post(office, "officer", hold_path) == 303
    with office.database.read() as session:
        hold = session.exec(select(Hold)).one().id
    refused(f"/holds/{hold}/release")
    assert post(office, "director", f"/holds/{hold}/release") == 303
