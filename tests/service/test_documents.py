import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import cv2
import docx
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from docx.document import Document
from docx.oxml.ns import qn

from service.documents.build_templates import BUILDERS, build
from service.documents.checkpoint_mark import CheckpointMark
from service.documents.evidence_sheet import (
    Device,
    EvidenceSheetFacts,
    Interval,
    KeyMoment,
    Quality,
    QualityReview,
    Still,
    render_evidence_sheet,
)
from service.documents.officer import Officer
from service.documents.penalty_draft import Party, PenaltyDraftFacts, render_penalty_draft
from service.documents.template import (
    PictureUnreadable,
    Template,
    TemplateBroken,
    TemplateUnsafe,
)
from service.documents.wording import BLANK, UNCONFIRMED
from service.law import Topic, load_catalogue
from service.ledger.checkpoint import Checkpoint
from service.ledger.keys import LogKey, grouped
from service.ledger.merkle import EMPTY
from service.ledger.note import Note, sign
from vision.candidate import Kind
from vision.frame import SECOND, Instant, later

AT = Instant(int(datetime(2026, 11, 21, 18, 13, 7, tzinfo=UTC).timestamp()) * SECOND)
SHA = "e8af074932d4ed7e232278e3055cefcdea3edf178874a3694ae292649fb464dd"
OFFICERS = (Officer("张三", "津0001"), Officer("李四", "津0002"))
CATALOGUE = load_catalogue()
TODAY = date(2026, 11, 22)
PROVISIONS = {each.id: each for each in CATALOGUE.provisions(Kind.DUMPING, TODAY)}


def picture(width: int, height: int) -> bytes:
    ok, data = cv2.imencode(".jpg", np.full((height, width, 3), 90, np.uint8))
    assert ok
    return data.tobytes()


def opened(data: bytes) -> Document:
    return docx.Document(io.BytesIO(data))


def text_of(data: bytes) -> str:
    """Everything that can be read in the file, headers included, one block a line."""
    document = opened(data)
    blocks = [each.text for each in document.sections[0].header.paragraphs]
    blocks += [each.text for each in document.paragraphs]
    for table in document.tables:
        blocks += [cell.text for line in table.rows for cell in line.cells]
    return "\n".join(blocks)


def template(*lines: str) -> Template:
    document = docx.Document()
    for line in lines:
        document.add_paragraph(line)
    out = io.BytesIO()
    document.save(out)
    return Template("试验", out.getvalue())


SHEET = EvidenceSheetFacts(
    authority="寨上街道办事处",
    exhibit_no="ZJ-1",
    case_no="立字〔2026〕第12号",
    cause="随意倾倒生活垃圾",
    exhibit_name="3号点位录像",
    device=Device("cam-03", "DS-2", "东风路口", "线索设备", "网站公示", "法审〔2026〕3号"),
    original_medium="服务器",
    method="流复制，未重新编码",
    extracted_at=later(AT, 3600),
    extracted_where="指挥平台",
    makers=OFFICERS,
    recorded_from=AT,
    recorded_to=later(AT, 95),
    clock_offset_s=1.2,
    clock_doubt_s=0.5,
    duration_s=95.4,
    size_px=(1920, 1080),
    codec="H.264",
    fps=25.0,
    file_name="cam-03.mp4",
    size_bytes=12345678,
    sha256=SHA,
    excerpts=(Interval(AT, later(AT, 95), "取自 seg-1"),),
    gaps=(),
    purpose="证明倾倒行为",
    moments=(KeyMoment("放下两袋垃圾", later(AT, 20), later(AT, 41), 20, 41),),
    transcript="未使用声音",
    stills=(Still(picture(64, 36), "放下后", later(AT, 41), SHA), Still(picture(36, 64))),
    review=QualityReview(
        Quality(True, "校验值一致"),
        Quality(True),
        Quality(False, "有缺口"),
        Quality(),
        "符合",
        OFFICERS,
        later(AT, 7200),
    ),
    party_statement="经当事人观看确认属实",
)

DRAFT = PenaltyDraftFacts(
    authority="寨上街道办事处",
    document_no="当罚字〔2026〕第8号",
    party=Party("王五", "1201", None, "某小区", "138"),
    act_at=AT,
    place="东风路口",
    conduct="倾倒垃圾两袋",
    evidence=("ZJ-1号录像", "现场笔录"),
    violated=(PROVISIONS["eec-506-2"],),
    basis=(PROVISIONS["eec-1169-3"],),
    fine_yuan=200,
    correction="立即清理",
    told="口头告知",
    heard="无异议",
    payment=CATALOGUE.paragraph_on(Topic.PAYMENT_AT_BANK, TODAY),
    bank="某银行",
    late_payment=CATALOGUE.paragraph_on(Topic.LATE_PAYMENT, TODAY),
    remedy=CATALOGUE.paragraph_on(Topic.REMEDY_ON_THE_SPOT, TODAY),
    review_body="滨海新区人民政府",
    officers=OFFICERS,
    receipt="当场签收",
    decided_at=later(AT, 7200),
)


@pytest.mark.parametrize(
    "expected",
    [
        "草稿　未经法制审核",
        "寨上街道办事处",
        "证据编号：ZJ-1",
        "立字〔2026〕第12号",
        "cam-03",
        "线索设备",
        "法审〔2026〕3号",
        "2026年11月22日 02时13分07秒 至 02时14分42秒",
        "设备时钟比本系统服务器时钟快 1.2 秒（网络延迟计入；不确定度 0.5 秒）",
        "1分35.4秒",
        "1920×1080 像素",
        "25 帧/秒",
        "12,345,678 字节",
        SHA,
        "是，截取区间：2026年11月22日 02时13分07秒 至 02时14分42秒（取自 seg-1）",
        "\n无\n",
        "张三（执法证号 津0001）、李四（执法证号 津0002）",
        "00:00:20–00:00:41",
        "放下两袋垃圾",
        "有缺口",
        "经当事人观看确认属实",
        "截图（共 2 幅",
        "截图1　放下后　2026年11月22日 02时13分48秒",
    ],
)
def test_sheet_states_the_fact(expected: str) -> None:
    assert expected in text_of(render_evidence_sheet(SHEET))


def test_sheet_holds_its_stills_within_the_page() -> None:
    shapes = opened(render_evidence_sheet(SHEET)).inline_shapes
    sizes = [(round(shape.width.mm), round(shape.height.mm)) for shape in shapes]
    assert sizes == [(130, 73), (48, 85)]


def test_sheet_bears_the_mark_of_the_log() -> None:
    """The fingerprint and the signed checkpoint are on paper, where nobody changes them later."""
    key = LogKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    text = Checkpoint("liuhen/0", 42, EMPTY).to_text()
    note = Note(text, (sign(text, "liuhen/0", key.private),)).to_text()
    mark = CheckpointMark(note, key.fingerprint)
    sheet = render_evidence_sheet(replace(SHEET, checkpoint=mark))
    assert grouped(key.fingerprint) in text_of(sheet)
    assert f"共 42 条　根 {EMPTY.hex()}" in text_of(sheet)
    code, *_ = opened(sheet).inline_shapes
    assert round(code.width.mm) == 35
    printed = cv2.imdecode(np.frombuffer(mark.code.png, np.uint8), cv2.IMREAD_COLOR)
    assert printed is not None
    read, _, _ = cv2.QRCodeDetector().detectAndDecode(printed)
    assert read == note


def test_sheet_answers_the_four_questions_apart() -> None:
    review = opened(render_evidence_sheet(SHEET)).tables[2]
    answers = [tuple(cell.text for cell in line.cells) for line in review.rows[1:5]]
    assert answers == [
        ("真实", "是", "校验值一致"),
        ("清晰", "是", BLANK),
        ("完整", "否", "有缺口"),
        ("准确", BLANK, BLANK),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"excerpts": ()}, "否，为完整原始文件"),
        ({"gaps": (Interval(AT, later(AT, 3)),)}, "02时13分07秒 至 02时13分10秒"),
        ({"clock_offset_s": -2.7}, "慢 2.7 秒（网络延迟计入；不确定度 0.5 秒）。说明：〔待填〕"),
        ({"clock_doubt_s": None}, f"（网络延迟计入；不确定度 {BLANK}）"),
        ({"clock_offset_s": -2.7, "clock_note": "已校正"}, "说明：已校正"),
        ({"makers": OFFICERS[:1]}, f"张三（执法证号 津0001）、{BLANK}（执法证号 {BLANK}）"),
        ({"moments": ()}, f"\n{BLANK}\n{BLANK}\n{BLANK}"),
        ({"recorded_to": None}, f"02时13分07秒 至 {BLANK}"),
        ({"file_name": "  "}, f"文件名\n{BLANK}"),
    ],
)
def test_sheet_says_what_is_not_known(changes: dict[str, object], expected: str) -> None:
    facts = replace(SHEET, **changes)  # type: ignore[arg-type]
    assert expected in text_of(render_evidence_sheet(facts))


def test_approved_sheet_is_no_draft() -> None:
    facts = replace(SHEET, approved_by="法审〔2026〕9号")
    assert "草稿" not in text_of(render_evidence_sheet(facts))


@pytest.mark.parametrize(
    "expected",
    [
        "当场行政处罚决定书（草稿）",
        "草稿　未经法制审核　不得送达",
        "当罚字〔2026〕第8号",
        "王五",
        "2026年11月22日 02时13分07秒在东风路口，实施了下列违法行为：倾倒垃圾两袋",
        "ZJ-1号录像、现场笔录",
        "《中华人民共和国生态环境法典》第五百零六条第二款：禁止随意倾倒",
        "《中华人民共和国生态环境法典》第一千一百六十九条第三款：个人擅自倾倒",
        "处一百元以上一千元以下的罚款。" + UNCONFIRMED,
        "罚款人民币（大写）贰佰元整（￥200.00）",
        "立即清理",
        "口头告知",
        "无异议",
        "十五日内，到某银行或者通过电子支付系统",
        "六十日内，先向滨海新区人民政府申请行政复议",
        f"依法向人民法院{BLANK}提起行政诉讼",
        "张三（执法证号 津0001）、李四（执法证号 津0002）",
        "当场签收",
        "报所属行政机关备案",
        "\n2026年11月22日\n",
    ],
)
def test_draft_states_the_fact(expected: str) -> None:
    assert expected in text_of(render_penalty_draft(DRAFT))


def test_confirmed_law_needs_no_notice() -> None:
    def confirmed(name: str) -> dict[str, object]:
        chosen = getattr(DRAFT, name)
        if isinstance(chosen, tuple):
            return {name: tuple(replace(each, confirmed_by="赵六") for each in chosen)}
        return {name: replace(chosen, confirmed_by="赵六")}

    law = ("violated", "basis", "payment", "late_payment", "remedy")
    changes = {key: value for name in law for key, value in confirmed(name).items()}
    facts = replace(DRAFT, **changes)  # type: ignore[arg-type]
    assert UNCONFIRMED not in text_of(render_penalty_draft(facts))


def test_provision_without_a_known_article_has_a_blank() -> None:
    facts = replace(DRAFT, basis=(PROVISIONS["mc139-dumping"],))
    assert f"《城市建筑垃圾管理规定》{BLANK}：" in text_of(render_penalty_draft(facts))


@pytest.mark.parametrize(
    ("warning", "fine", "expected"),
    [
        (True, 0, "给予当事人：警告。"),
        (True, 50, "警告；罚款人民币（大写）伍拾元整（￥50.00）"),
        (True, None, f"给予当事人：警告；{BLANK}。"),
        (False, None, f"给予当事人：{BLANK}。"),
        (False, Decimal("100.5"), "壹佰元伍角整（￥100.50）"),
        (False, 0, f"给予当事人：{BLANK}"),
    ],
)
def test_kinds_of_penalty(warning: bool, fine: Decimal | int | None, expected: str) -> None:
    facts = replace(DRAFT, warning=warning, fine_yuan=fine)
    assert expected in text_of(render_penalty_draft(facts))


@pytest.mark.parametrize(
    "render",
    [
        lambda: render_evidence_sheet(EvidenceSheetFacts()),
        lambda: render_penalty_draft(PenaltyDraftFacts()),
    ],
    ids=["sheet", "draft"],
)
def test_nothing_known_prints_blanks_and_no_traces(render: Callable[[], bytes]) -> None:
    text = text_of(render())
    assert text.count(BLANK) >= 15
    for trace in ("None", "{{", "}}", "{%", "Undefined", "()"):
        assert trace not in text


@pytest.mark.parametrize(
    "hostile",
    [
        "<b>粗</b> & \"引号\" 'x'",
        "</w:t></w:r></w:p>",
        "表情😀𠮷",
        "{{ 7 * 7 }} {% raw %} {_{ x }_} {_% y %_}",
        "很长" * 5000,
        "第一行\n第二行",
        "制表\t符",
    ],
    ids=["markup", "word", "emoji", "jinja", "long", "lines", "tab"],
)
def test_text_stays_literal(hostile: str) -> None:
    facts = replace(SHEET, purpose=hostile, stills=())
    assert hostile in text_of(render_evidence_sheet(facts))


@pytest.mark.parametrize("control", ["\x00", "\x07", "\x0b", "\x0c", "\ufffe", "\ud800"])
def test_characters_that_no_document_holds_are_shown_as_lost(control: str) -> None:
    facts = replace(SHEET, purpose=f"前{control}后", stills=())
    assert "前\ufffd后" in text_of(render_evidence_sheet(facts))


@pytest.mark.parametrize(
    "expression",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ device.__class__.__init__.__globals__ }}",
        "{{ cause.format.__globals__ }}",
        "{{ '{0.__class__.__mro__}'.format(cause) }}",
        "{{ self.__init__ }}",
    ],
)
def test_unsafe_template_is_refused(expression: str) -> None:
    with pytest.raises(TemplateUnsafe, match="template_unsafe"):
        render_evidence_sheet(SHEET, template(expression))


@pytest.mark.parametrize(
    "expression",
    [
        "{{ misspelt }}",
        "{{ device.misspelt }}",
        "{{ cause",
        "{% for x in moments %}",
        "{{ 1 / 0 }}",
        "{{ cause | no_such_filter }}",
        "{% include 'other' %}",
        "{% for x in range(999999999) %}{% endfor %}",
    ],
)
def test_broken_template_is_refused(expression: str) -> None:
    with pytest.raises(TemplateBroken, match=r"template_broken.*试验"):
        render_evidence_sheet(SHEET, template(expression))


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x03\x04 cut off"])
def test_file_that_is_no_template(data: bytes) -> None:
    with pytest.raises(TemplateBroken):
        render_evidence_sheet(SHEET, Template("坏", data))


@pytest.mark.parametrize("data", [b"", b"no picture", picture(8, 8)[:12], b"\xff\xd8\xff\xe0"])
def test_still_that_is_no_picture(data: bytes) -> None:
    with pytest.raises(PictureUnreadable):
        render_evidence_sheet(replace(SHEET, stills=(Still(data),)))


def test_a_brigades_own_template_is_used() -> None:
    own = template("{{ cause }}／{{ device.site }}／{{ transcript }}")
    assert len(own.sha256) == 64
    text = text_of(render_evidence_sheet(replace(SHEET, transcript=None), own))
    assert f"随意倾倒生活垃圾／东风路口／{BLANK}" in text


@pytest.mark.parametrize("name", BUILDERS)
def test_committed_template_is_what_the_script_builds(name: str) -> None:
    def parts(data: bytes) -> dict[str, bytes]:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {each: archive.read(each) for each in archive.namelist()}

    assert parts(Template.built_in(name).data) == parts(build(name))


@pytest.mark.parametrize(
    "render",
    [lambda: render_evidence_sheet(SHEET), lambda: render_penalty_draft(DRAFT)],
    ids=["sheet", "draft"],
)
def test_page_follows_the_standard(render: Callable[[], bytes]) -> None:
    document = opened(render())
    section = document.sections[0]
    lengths = (
        section.page_width,
        section.page_height,
        section.top_margin,
        section.bottom_margin,
        section.left_margin,
        section.right_margin,
    )
    assert [round(each.mm) for each in lengths if each] == [210, 297, 37, 35, 28, 26]
    assert "PAGE" in section.footer._element.xml
    fonts = document.styles["文书正文"].element.rPr.rFonts
    assert fonts.get(qn("w:eastAsia")) == "仿宋_GB2312"
    for table in document.tables:
        widths = [int(column.get(qn("w:w"))) for column in table._tbl.tblGrid.gridCol_lst]
        assert round(sum(widths) / 1440 * 25.4) == 156
        assert min(widths) > 0
