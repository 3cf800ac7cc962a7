from datetime import date

import pytest

from service.law import (
    LawInvalid,
    Mark,
    Paragraph,
    Provision,
    Rank,
    Role,
    Topic,
    load_catalogue,
    parse_catalogue,
)
from vision.candidate import Kind

CATALOGUE = load_catalogue()
ENTRY = """
[[provision]]
id = "one"
kinds = ["dumping"]
role = "penalty"
act = "某法"
article = "第一条"
text = "某行为"
rank = "法律"
source = "somewhere"
mark = "V"
"""


def ids(kind: Kind, on: date) -> set[str]:
    return {each.id for each in CATALOGUE.provisions(kind, on)}


@pytest.mark.parametrize(
    ("on", "there", "gone"),
    [
        (date(2020, 8, 31), set(), {"swl-111-1-1", "eec-1169-3", "tj-household-waste"}),
        (date(2020, 9, 1), {"swl-111-1-1", "swl-49-2"}, {"eec-1169-3"}),
        (date(2026, 8, 14), {"swl-111-1-1", "tj-household-waste"}, {"eec-1169-3"}),
        (date(2026, 8, 15), {"eec-1169-3", "eec-506-2"}, {"swl-111-1-1", "swl-49-2"}),
        (date(2026, 11, 22), {"eec-1169-3", "mc157-42", "sc101-34-4"}, {"swl-111-1-1"}),
    ],
    # Sets have no order, and every worker must come to the same names.
    ids=lambda each: str(each) if isinstance(each, date) else ",".join(sorted(each)),
)
def test_the_day_of_the_act_picks_the_law(on: date, there: set[str], gone: set[str]) -> None:
    found = ids(Kind.DUMPING, on)
    assert there <= found
    assert not gone & found


def test_amounts_before_and_after_the_code() -> None:
    old = {each.id: each for each in CATALOGUE.provisions(Kind.DUMPING, date(2026, 8, 14))}
    new = {each.id: each for each in CATALOGUE.provisions(Kind.DUMPING, date(2026, 8, 15))}
    assert "一百元以上五百元以下" in str(old["swl-111-1-1"].penalty_text)
    assert "一百元以上一千元以下" in str(new["eec-1169-3"].penalty_text)
    assert new["eec-1169-3"].article == "第一千一百六十九条第三款"


def test_stalls_and_dumping_are_apart() -> None:
    today = date(2026, 11, 22)
    assert not ids(Kind.STALL, today) & ids(Kind.DUMPING, today)
    assert {"roads-42", "sc101-36-2", "unlicensed-3-1"} <= ids(Kind.STALL, today)


def test_highest_rank_comes_first() -> None:
    ranks = [each.rank for each in CATALOGUE.provisions(Kind.DUMPING, date(2026, 11, 22))]
    assert ranks == sorted(ranks, key=list(Rank).index)


def test_every_entry_says_where_it_was_read_and_none_is_confirmed_yet() -> None:
    entries: list[Provision | Paragraph] = [*CATALOGUE.provision, *CATALOGUE.paragraph]
    for entry in entries:
        assert entry.source
        assert entry.mark in Mark
        assert entry.confirmed_by is None


def test_only_penalties_have_amounts() -> None:
    for each in CATALOGUE.provision:
        assert (each.penalty_text is not None) == (each.role is Role.PENALTY), each.id


def test_appeal_against_a_fine_on_the_spot_goes_to_review_first() -> None:
    paragraph = CATALOGUE.paragraph_on(Topic.REMEDY_ON_THE_SPOT, date(2026, 11, 22))
    assert "先向〔行政复议机关〕申请行政复议" in paragraph.text
    assert "第二十三条" in paragraph.basis
    other = CATALOGUE.paragraph_on(Topic.REMEDY_GENERAL, date(2026, 11, 22))
    assert "六个月" in other.text


def test_no_paragraph_before_its_law() -> None:
    with pytest.raises(LawInvalid, match="remedy-on-the-spot"):
        CATALOGUE.paragraph_on(Topic.REMEDY_ON_THE_SPOT, date(2023, 12, 31))


def test_confirmation_is_kept() -> None:
    text = ENTRY + 'confirmed_by = "赵六 2026-11-20"'
    assert parse_catalogue(text).provision[0].confirmed_by == "赵六 2026-11-20"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (ENTRY.replace('mark = "V"', 'mark = "U"'), "provision.0.mark"),
        (ENTRY.replace('mark = "V"', ""), "provision.0.mark"),
        (ENTRY.replace('rank = "法律"', 'rank = "传闻"'), "provision.0.rank"),
        (ENTRY.replace('kinds = ["dumping"]', 'kinds = ["parking"]'), "provision.0.kinds"),
        (ENTRY + "valid_form = 2026-08-15", "valid_form"),
        (ENTRY + 'valid_from = "someday"', "valid_from"),
        (ENTRY + ENTRY, "id is repeated"),
        ("provision = []", "provision"),
        ("[[provision", "array declaration"),
    ],
)
def test_bad_catalogue_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(LawInvalid) as refused:
        parse_catalogue(text)
    assert named in str(refused.value)
    assert refused.value.code == "law_catalogue"
