"""The end of a case (结案): from then on the time counts for which its file is kept."""

from enum import StrEnum

from sqlmodel import Session

from ingest.clock import Clock
from service.cases import case_for
from service.database import lock_log
from service.errors import InputError
from service.evidence.log import Action, append
from service.roles import Permission, require_officer
from service.subject import Subject, SubjectKind
from service.tables import Case, User
from service.tombstone import refuse_deleted


class Procedure(StrEnum):
    """How a case was handled; the catalogue has the words, `procedure.<key>`."""

    ORDINARY = "ordinary"
    """普通程序."""
    SUMMARY = "summary"
    """简易程序."""


def close_case(
    session: Session, clock: Clock, case_id: str, *, officer: User, procedure: Procedure
) -> Case:
    """End a case today.

    Raises:
        InputError: no such case or another unit's, it has ended, or no officer with a valid 执法证.
    """
    case = _locked(session, clock, case_id, officer)
    if case.closed_us is not None:
        raise InputError("case_closed", case=case_id)
    case.closed_us, case.closed_by = clock.now(), officer.id
    case.procedure = procedure.value
    session.add(case)
    append(
        session,
        clock,
        actor=officer.id,
        action=Action.CASE_CLOSED,
        subject=case_id,
        body={"procedure": procedure.value},
    )
    return case


def reopen_case(session: Session, clock: Clock, case_id: str, *, officer: User, why: str) -> Case:
    """Take the end of a case back: a mistake, or the case goes on.

    Raises:
        InputError: no such case or another unit's, it has not ended or is deleted, no reason, or no
            officer with a valid 执法证.
    """
    case = _locked(session, clock, case_id, officer)
    if case.closed_us is None:
        raise InputError("case_open", case=case_id)
    if not why.strip():
        raise InputError("why_missing")
    case.closed_us = case.closed_by = case.procedure = None
    session.add(case)
    append(
        session,
        clock,
        actor=officer.id,
        action=Action.CASE_REOPENED,
        subject=case_id,
        body={"why": why.strip()},
    )
    return case


def _locked(session: Session, clock: Clock, case_id: str, officer: User) -> Case:
    """The case, with no deletion of it decided meanwhile."""
    require_officer(officer, Permission.CASE_EDIT, clock.now())
    lock_log(session)
    refuse_deleted(session, Subject(SubjectKind.CASE, case_id))
    return case_for(session, case_id, officer)
