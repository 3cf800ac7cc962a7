"""HTML from templates: the frame around every page, with its menu, its counts and its alarms."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import func
from sqlmodel import Session, select

from ingest.clock import Clock
from service.duty import MAX_REASON, Duty
from service.quarantine import waiting_count
from service.roles import PERMISSIONS, Permission, Role, may, may_decide
from service.status import readiness
from service.tables import Alarm, Camera, Case, Review, User
from service.texts import Language
from service.times import beijing
from service.web.assets import Assets
from service.web.language import Words, language_of, words_in
from vision.frame import SECOND, Instant


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each noun there are, for the menu."""

    pending: int
    decided: int
    cases: int
    cameras: int
    waiting: int


def full(at: Instant) -> str:
    """`2026-05-28 20:26:40+08:00`: for facts."""
    return beijing(at).isoformat(sep=" ", timespec="seconds")


def offset(at: Instant) -> str:
    """Where in a file: `1:02:07` or `02:07` from its first picture."""
    minutes, seconds = divmod(at // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def short(at: Instant) -> str:
    """`05-28 20:26:40`: for lists."""
    return f"{beijing(at):%m-%d %H:%M:%S}"


def home_of(user: User) -> str:
    """Where a person's work begins: the queue, or the cameras for whoever may not see footage."""
    return "/" if may(user, Permission.SEE_FOOTAGE) else "/cameras"


def _permissions(user: User | None) -> frozenset[str]:
    """What a page offers to a person; what is asked of a route is judged there again."""
    return frozenset() if user is None else frozenset(PERMISSIONS[Role(user.role)])


def alarm_words(alarm: Alarm, words: Words) -> str:
    """The sentence for an alarm; its cause is itself a key of the catalogue."""
    facts = dict(alarm.facts)
    if "cause" in facts:
        facts["cause"] = words(f"cause.{facts['cause']}")
    return words(f"alarm.{alarm.key}", subject=alarm.subject, **facts)


def _count(session: Session, table: type[Review | Case | Camera]) -> int:
    return session.exec(select(func.count()).select_from(table)).one()


class Page:
    """One answer to one request."""

    def __init__(
        self, templates: Environment, clock: Clock, request: Request, duty: Duty | None
    ) -> None:
        self._templates = templates
        self._clock = clock
        self._request = request
        self._duty = duty
        self.language: Language = language_of(request)
        self.words = words_in(self.language)

    def bare(
        self, template: str, facts: Mapping[str, object], *, status: int = 200
    ) -> HTMLResponse:
        """A page that needs nothing from the database: the login, an error."""
        user = self._duty.user if self._duty else None
        html = self._templates.get_template(template).render(
            t=self.words,
            language=self.language,
            path=self._request.scope["path"],
            user=user,
            duty=self._duty,
            home=home_of(user) if user else "/",
            **facts,
        )
        return HTMLResponse(html, status)

    def framed(
        self, session: Session, template: str, facts: Mapping[str, object], *, status: int = 200
    ) -> HTMLResponse:
        """A page inside the frame."""
        user = self._duty.user if self._duty else None
        now = readiness(session)
        frame = {
            "counts": Counts(
                pending=now.pending_events,
                decided=_count(session, Review),
                cases=_count(session, Case),
                cameras=_count(session, Camera),
                waiting=waiting_count(session),
            ),
            "alarms": [alarm_words(alarm, self.words) for alarm in now.alarms],
            "may": _permissions(user),
            "most_reason": MAX_REASON,
            "decides": user is not None and may_decide(user, self._clock.now()),
        }
        return self.bare(template, {**frame, **facts}, status=status)


class Pages:
    """The templates of one application."""

    def __init__(self, assets: Assets, clock: Clock) -> None:
        self._clock = clock
        self._templates = Environment(
            loader=PackageLoader("service.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["asset"] = assets.url
        self._templates.filters |= {"full": full, "short": short, "offset": offset}

    def page(self, request: Request, duty: Duty | None = None) -> Page:
        """The page that answers `request`."""
        return Page(self._templates, self._clock, request, duty)
