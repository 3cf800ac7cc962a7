"""The web application: its parts put together, outermost layer last."""

from fastapi import FastAPI

from ingest.clock import Clock
from service.database import Database
from service.evidence.store import Store
from service.law import load_catalogue
from service.settings import Settings
from service.web import (
    routes_account,
    routes_api,
    routes_camera,
    routes_case,
    routes_copy,
    routes_deletion,
    routes_document,
    routes_event,
    routes_export,
    routes_health,
    routes_log,
    routes_login,
    routes_media,
    routes_people,
    routes_static,
    routes_transfer,
    routes_upload,
)
from service.web.assets import Assets
from service.web.body import BodyLimit
from service.web.deps import Web
from service.web.failures import UnexpectedFailures, answer_failures
from service.web.gate import LoginGate, OriginCheck
from service.web.headers import SecurityHeaders
from service.web.page import Pages


def create_app(settings: Settings, database: Database, store: Store, clock: Clock) -> FastAPI:
    """The pages of an installation; the caller closes `database` after the last request.

    Raises:
        LawInvalid: the law catalogue is broken.
    """
    assets = Assets()
    pages = Pages(assets, clock)
    # FastAPI's own documentation pages load scripts from elsewhere: dead offline.
    app = FastAPI(title="留痕 Liuhen", docs_url=None, redoc_url=None)
    app.state.web = Web(settings, database, store, clock, load_catalogue(), assets, pages)
    for routes in (
        routes_account,
        routes_api,
        routes_camera,
        routes_case,
        routes_copy,
        routes_deletion,
        routes_document,
        routes_event,
        routes_export,
        routes_health,
        routes_log,
        routes_login,
        routes_media,
        routes_people,
        routes_static,
        routes_transfer,
        routes_upload,
    ):
        app.include_router(routes.router)
    answer_failures(app, pages)
    app.add_middleware(BodyLimit)
    app.add_middleware(LoginGate, settings=settings, database=database, clock=clock)
    app.add_middleware(OriginCheck, pages=pages)
    app.add_middleware(UnexpectedFailures, pages=pages)
    app.add_middleware(SecurityHeaders)
    return app
