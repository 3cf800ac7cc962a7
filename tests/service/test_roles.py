"""Roles: one table, read as the law reads it."""

from datetime import datetime

import pytest

from service.errors import InputError
from service.roles import (
    PERMISSIONS,
    Permission,
    Role,
    is_officer,
    may_decide,
    require,
    require_officer,
    shares_unit,
)
from service.tables import User
from service.times import BEIJING, instant

LAST_DAY = instant(datetime(2026, 12, 31, 23, 59, 59, tzinfo=BEIJING))
NEXT_DAY = instant(datetime(2027, 1, 1, tzinfo=BEIJING))


def person(role: Role, **facts: str | None) -> User:
    badge = {"badge_no": "津A-0001", "badge_until": "2026-12-31", "unit": "一中队"}
    return User(
        id="x", name="甲", role=role.value, password_hash="-", created_us=0, **{**badge, **facts}
    )


def holders(permission: Permission) -> set[Role]:
    return {role for role, granted in PERMISSIONS.items() if permission in granted}


RULES = {
    # What the roles of the handbook's law.md section 5 come to.
    Permission.SEE_FOOTAGE: set(Role) - {Role.ADMIN},
    Permission.CASE_SEE: set(Role) - {Role.ADMIN, Role.OPERATOR},
    Permission.DECIDE: {Role.OFFICER, Role.LEADER},
    Permission.CASE_EDIT: {Role.OFFICER, Role.LEADER},
    Permission.EXPORT: {Role.OFFICER, Role.LEADER, Role.DIRECTOR},
    Permission.LOG_READ: {Role.SUPERVISOR},
    Permission.ACCOUNT_MANAGE: {Role.ADMIN},
    Permission.DELETE_APPROVE: {Role.LEADER, Role.DIRECTOR},
}


@pytest.mark.parametrize("permission", RULES, ids=str)
def test_a_permission_is_held_by_these_roles(permission: Permission) -> None:
    assert holders(permission) == RULES[permission]


def test_every_role_stands_in_the_table_and_every_permission_is_held() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert set().union(*PERMISSIONS.values()) == set(Permission)


def test_who_supervises_changes_nothing() -> None:
    reads = {
        Permission.SEE_FOOTAGE,
        Permission.CASE_SEE,
        Permission.DOWNLOAD,
        Permission.EVERY_UNIT,
        Permission.LOG_READ,
    }
    assert PERMISSIONS[Role.SUPERVISOR] == reads


@pytest.mark.parametrize("role", Role)
def test_a_role_gives_its_permissions_and_no_others(role: Role) -> None:
    for permission in Permission:
        if permission in PERMISSIONS[role]:
            require(person(role), permission)
        else:
            with pytest.raises(InputError, match="no_access"):
                require(person(role), permission)


BADGES = {
    # 行政处罚法 42: with a valid 执法证 only. Facts, moment, refusal.
    "valid": ({}, LAST_DAY, None),
    "out of date": ({}, NEXT_DAY, "badge_expired"),
    "no day on file": ({"badge_until": None}, LAST_DAY, "badge_expired"),
    "no badge": ({"badge_no": None}, LAST_DAY, "not_an_officer"),
    "an empty badge": ({"badge_no": ""}, LAST_DAY, "not_an_officer"),
}


@pytest.mark.parametrize("case", BADGES)
def test_a_legal_act_takes_a_valid_badge(case: str) -> None:
    facts, at, refusal = BADGES[case]
    officer = person(Role.OFFICER, **facts)
    assert may_decide(officer, at) == (refusal is None)
    if refusal is None:
        require_officer(officer, Permission.DECIDE, at)
    else:
        with pytest.raises(InputError) as caught:
            require_officer(officer, Permission.DECIDE, at)
        assert caught.value.code == refusal


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.OFFICER, Role.LEADER}))
def test_a_badge_alone_decides_nothing(role: Role) -> None:
    someone = person(role)
    assert not is_officer(someone)
    assert not may_decide(someone, LAST_DAY)
    with pytest.raises(InputError, match="not_an_officer"):
        require_officer(someone, Permission.CASE_EDIT, LAST_DAY)


def test_whose_badge_ran_out_may_still_have_recorded() -> None:
    assert is_officer(person(Role.OFFICER, badge_until="2020-01-01"))


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN, Role.OPERATOR}))
def test_cases_are_of_a_unit(role: Role) -> None:
    """Reviewer, director and supervisor see all; others those of their own unit."""
    someone = person(role)
    assert shares_unit(someone, person(Role.OFFICER))
    sees_all = role in {Role.REVIEWER, Role.DIRECTOR, Role.SUPERVISOR}
    assert shares_unit(someone, person(Role.OFFICER, unit="二中队")) == sees_all
    assert shares_unit(someone, person(Role.OFFICER, unit=None)) == sees_all
    nowhere = person(role, unit=None)
    assert shares_unit(nowhere, person(Role.OFFICER, unit=None)), "a brigade without units is one"
