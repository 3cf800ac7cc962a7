"""当场行政处罚决定书（草稿）: the fields of 行政处罚法 52②, for two officers to check and sign.

It is always a draft: no program decides. Law comes only from the catalogue entries that an officer
chose, and says beside each whether the 法制员 has confirmed it.
"""

from dataclasses import dataclass, fields
from decimal import Decimal

from service.documents.officer import Officer, officers
from service.documents.template import Template
from service.documents.wording import BLANK, UNCONFIRMED, day, moment
from service.law import Paragraph, Provision
from service.money import rmb_capitals
from vision.frame import Instant

TEMPLATE = "penalty_draft"


@dataclass(frozen=True, slots=True)
class Party:
    """Whom the decision is for: a citizen, or a unit with its representative."""

    name: str | None = None
    id_no: str | None = None
    representative: str | None = None
    address: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PenaltyDraftFacts:
    """What the draft says. None prints as a blank.

    Attributes:
        conduct: what the party did, in the officer's words.
        violated: the provisions that forbid it, as chosen.
        basis: the provisions that set the penalty, as chosen.
        warning: whether a 警告 is given.
        fine_yuan: the fine; 0 for none, None while nobody has said.
        correction: what the party was ordered to put right (行政处罚法 28).
        told: how the officers showed their cards and told the party its rights (行政处罚法 44, 52).
        heard: what the party then said and how it was weighed (行政处罚法 45).
        payment: how to pay, from the catalogue; the officer chooses which.
        late_payment: what follows late payment, from the catalogue.
        remedy: how to appeal, from the catalogue.
        receipt: that the party took it, or refused to sign and why (行政处罚法 52①).
    """

    authority: str | None = None
    document_no: str | None = None
    party: Party = Party()
    act_at: Instant | None = None
    place: str | None = None
    conduct: str | None = None
    evidence: tuple[str, ...] = ()
    violated: tuple[Provision, ...] = ()
    basis: tuple[Provision, ...] = ()
    warning: bool = False
    fine_yuan: Decimal | int | None = None
    correction: str | None = None
    told: str | None = None
    heard: str | None = None
    payment: Paragraph | None = None
    bank: str | None = None
    late_payment: Paragraph | None = None
    remedy: Paragraph | None = None
    review_body: str | None = None
    court: str | None = None
    officers: tuple[Officer, ...] = ()
    receipt: str | None = None
    decided_at: Instant | None = None


def render_penalty_draft(facts: PenaltyDraftFacts, template: Template | None = None) -> bytes:
    """The draft as a .docx file, in the built-in template unless another is given.

    Raises:
        DocumentError: the template cannot be used.
        ValueError: the fine is no sum of money.
    """
    return (template or Template.built_in(TEMPLATE)).render(_words(facts))


def _words(facts: PenaltyDraftFacts) -> dict[str, object]:
    """Every name that the template may use."""
    plain = {field.name: getattr(facts, field.name) for field in fields(facts)}
    return plain | {
        "act_at": facts.act_at and moment(facts.act_at),
        "evidence": "、".join(facts.evidence),
        "violated": [_provision(each) for each in facts.violated] or [BLANK],
        "basis": [_provision(each) for each in facts.basis] or [BLANK],
        "penalty": _penalty(facts.warning, facts.fine_yuan),
        "payment": _paragraph(facts.payment, facts),
        "late_payment": _paragraph(facts.late_payment, facts),
        "remedy": _paragraph(facts.remedy, facts),
        "officers": officers(facts.officers),
        "decided_on": facts.decided_at and day(facts.decided_at),
    }


def _provision(chosen: Provision) -> str:
    name = f"《{chosen.act}》{chosen.article or BLANK}"
    words = "，".join(part for part in (chosen.text, chosen.penalty_text) if part)
    return f"{name}：{words}。" + _notice(chosen.confirmed_by)


def _paragraph(chosen: Paragraph | None, facts: PenaltyDraftFacts) -> str | None:
    if chosen is None:
        return None
    text = chosen.text
    for place, known in (
        ("〔行政复议机关〕", facts.review_body),
        ("〔人民法院〕", facts.court),
        ("〔收款银行〕", facts.bank),
    ):
        text = text.replace(place, known or f"{place[1:-1]}{BLANK}")
    return f"{text}（依据：{chosen.basis}）" + _notice(chosen.confirmed_by)


def _notice(confirmed_by: str | None) -> str:
    return "" if confirmed_by else UNCONFIRMED


def _penalty(warning: bool, fine_yuan: Decimal | int | None) -> str:
    """The kinds of penalty that an officer chose; a blank for what nobody has said, 0 is none."""
    kinds = ["警告"] if warning else []
    if fine_yuan is None:
        kinds.append(BLANK)
    elif fine_yuan:
        kinds.append(f"罚款人民币（大写）{rmb_capitals(fine_yuan)}（￥{fine_yuan:,.2f}）")
    return "；".join(kinds)
