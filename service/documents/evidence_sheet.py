"""视听资料（电子数据）证据说明单: what a recording is, where it comes from and what it shows.

Fields after 最高法行诉证据规定 (法释〔2002〕21号) 12 and 19 and 法发〔2016〕22号 14.
The sheet states facts; it holds no score of any model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from service.documents.checkpoint_mark import CheckpointMark, mark_words
from service.documents.officer import Officer, officers
from service.documents.template import Template
from service.documents.wording import (
    BLANK,
    duration,
    moment,
    moment_or_blank,
    position,
    span,
    yes_no,
)
from service.texts import say
from vision.frame import Instant

TEMPLATE = "evidence_sheet"

CLOCK_LIMIT_S = 2.0
"""A larger clock offset must be explained in the sheet (the brigade's evidence checklist)."""


@dataclass(frozen=True, slots=True)
class Device:
    """The camera or recorder, and the file that art. 41 of 行政处罚法 wants of it.

    Attributes:
        legal_status: e.g. 线索设备 or 执法设备.
        published: where and when its location was published.
        review_no: number of the 法制审核 and 技术审核.
    """

    no: str | None = None
    model: str | None = None
    site: str | None = None
    legal_status: str | None = None
    published: str | None = None
    review_no: str | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time with what there is to say about it: an excerpt or a gap."""

    start: Instant
    end: Instant
    note: str | None = None


@dataclass(frozen=True, slots=True)
class KeyMoment:
    """What is seen when; `from_s` and `to_s` are seconds from the start of the file."""

    text: str | None = None
    start: Instant | None = None
    end: Instant | None = None
    from_s: float | None = None
    to_s: float | None = None


@dataclass(frozen=True, slots=True)
class Still:
    """A picture taken from the recording: JPEG or PNG bytes, and when it was."""

    picture: bytes
    caption: str | None = None
    at: Instant | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """One answer of the review of 行政处罚法 41②, with its reason."""

    met: bool | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class QualityReview:
    """真实、清晰、完整、准确, each answered; who answered and when."""

    true: Quality = Quality()
    clear: Quality = Quality()
    complete: Quality = Quality()
    accurate: Quality = Quality()
    conclusion: str | None = None
    reviewers: tuple[Officer, ...] = ()
    at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSheetFacts:
    """What the sheet says. None prints as a blank; an empty tuple says "there are none".

    Attributes:
        clock_offset_s: the device's clock minus this system's server clock when its pictures
            arrived, so with the delay of the network in it; positive is fast.
        clock_doubt_s: how well the offset is known.
        excerpts: empty when the file is the whole recording, else what was taken from it.
        gaps: stretches without pictures within the recording.
        checkpoint: how the log stood when the sheet was made.
        approved_by: number or name of the 法制审核; without it the sheet is headed 草稿.
    """

    authority: str | None = None
    exhibit_no: str | None = None
    case_no: str | None = None
    cause: str | None = None
    exhibit_name: str | None = None
    device: Device = Device()
    original_medium: str | None = None
    method: str | None = None
    extracted_at: Instant | None = None
    extracted_where: str | None = None
    makers: tuple[Officer, ...] = ()
    recorded_from: Instant | None = None
    recorded_to: Instant | None = None
    clock_offset_s: float | None = None
    clock_doubt_s: float | None = None
    clock_note: str | None = None
    duration_s: float | None = None
    size_px: tuple[int, int] | None = None
    codec: str | None = None
    fps: float | None = None
    file_name: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    excerpts: tuple[Interval, ...] | None = None
    gaps: tuple[Interval, ...] | None = None
    purpose: str | None = None
    moments: tuple[KeyMoment, ...] = ()
    transcript: str | None = None
    stills: tuple[Still, ...] = ()
    review: QualityReview = QualityReview()
    party_statement: str | None = None
    approved_by: str | None = None
    checkpoint: CheckpointMark | None = None


def render_evidence_sheet(facts: EvidenceSheetFacts, template: Template | None = None) -> bytes:
    """The sheet as a .docx file, in the built-in template unless another is given.

    Raises:
        DocumentError: the template or a still cannot be used.
    """
    return (template or Template.built_in(TEMPLATE)).render(_words(facts))


def _words(facts: EvidenceSheetFacts) -> dict[str, object]:
    """Every name that the template may use."""
    plain = {field.name: getattr(facts, field.name) for field in fields(facts)}
    return plain | {
        "extracted_at": facts.extracted_at and moment(facts.extracted_at),
        "makers": officers(facts.makers),
        "recorded": span(facts.recorded_from, facts.recorded_to),
        "clock": _clock(facts),
        "duration": None if facts.duration_s is None else duration(facts.duration_s),
        "resolution": facts.size_px and f"{facts.size_px[0]}×{facts.size_px[1]} 像素",
        "fps": facts.fps and f"{facts.fps:.2f}".rstrip("0").rstrip(".") + " 帧/秒",
        "size_bytes": None if facts.size_bytes is None else f"{facts.size_bytes:,} 字节",
        "edited": _edited(facts.excerpts),
        "gaps": _gaps(facts.gaps),
        "moments": [_key_moment(each) for each in facts.moments or (KeyMoment(),)],
        "stills": [_still(number, each) for number, each in enumerate(facts.stills, 1)],
        "qualities": _qualities(facts.review),
        "checkpoint": mark_words(facts.checkpoint),
        "reviewers": officers(facts.review.reviewers),
        "reviewed_at": facts.review.at and moment(facts.review.at),
    }


def _clock(facts: EvidenceSheetFacts) -> str | None:
    if facts.clock_offset_s is None:
        return facts.clock_note
    size = f"{abs(facts.clock_offset_s):.1f} 秒"
    way = "paper.clock_fast" if facts.clock_offset_s > 0 else "paper.clock_slow"
    doubt = BLANK if facts.clock_doubt_s is None else f"{facts.clock_doubt_s:.1f} 秒"
    text = say(way, size=size, doubt=doubt)
    if facts.clock_note or abs(facts.clock_offset_s) > CLOCK_LIMIT_S:
        text += f"。说明：{facts.clock_note or BLANK}"
    return text


def _edited(excerpts: Sequence[Interval] | None) -> str | None:
    if excerpts is None:
        return None
    if not excerpts:
        return "否，为完整原始文件"
    return "是，截取区间：" + "；".join(_interval(each) for each in excerpts)


def _gaps(gaps: Sequence[Interval] | None) -> str | None:
    if gaps is None:
        return None
    return "；".join(_interval(each) for each in gaps) if gaps else "无"


def _interval(stretch: Interval) -> str:
    note = f"（{stretch.note}）" if stretch.note else ""
    return f"{span(stretch.start, stretch.end)}{note}"


def _key_moment(key: KeyMoment) -> dict[str, str | None]:
    inside = BLANK if key.from_s is None else position(key.from_s)
    if key.to_s is not None:
        inside += f"–{position(key.to_s)}"
    return {"position": inside, "time": span(key.start, key.end or key.start), "text": key.text}


def _still(number: int, still: Still) -> dict[str, object]:
    caption = f"截图{number}　{still.caption or BLANK}　{moment_or_blank(still.at)}"
    return {"picture": still.picture, "caption": caption, "sha256": still.sha256}


def _qualities(review: QualityReview) -> list[dict[str, str | None]]:
    answers = (
        ("真实", review.true),
        ("清晰", review.clear),
        ("完整", review.complete),
        ("准确", review.accurate),
    )
    return [
        {"name": name, "met": yes_no(quality.met), "reason": quality.reason}
        for name, quality in answers
    ]
