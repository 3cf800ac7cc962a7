"""One frozen settings object: read once at start, passed down, never looked up.

Cameras, zones and thresholds are rows with history, not settings: a penalty must be traceable
to the threshold of its day.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.errors import InputError
from service.sources import Source
from service.witness_site import WitnessSite

_PREFIX = "LIUHEN_"
_NOT_SETTINGS = frozenset(
    {"HOME", "NEW_PASSWORD", "CHROMIUM", "IMAGES", "INSTALLED", "MEDIA", "PICTURES", "WEIGHTS"}
)
"""Variables with our prefix that commands and tests read; most `CAMERA_*` hold passwords."""

SHIPPED_MODEL = "liuhen-street"
"""The model card whose weights ship with the program."""
NO_MODEL = "none"
"""Stands for a model where there shall be none: then no event says who brought the thing."""


class Settings(BaseModel):
    """Where things are and how long they take; every field can be set as `LIUHEN_<FIELD>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    """Folder of everything that Liuhen keeps."""
    database_url: str = ""
    """SQLAlchemy address; empty means SQLite in `home`. PostgreSQL: `postgresql+psycopg://...`."""
    sqlite_journal: Literal["auto", "wal", "truncate"] = "auto"
    """`auto` takes WAL where the SQLite library is safe in it, else TRUNCATE (ADR 0003)."""
    host: str = "127.0.0.1"
    """Address on which the pages are served."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8470
    """TCP port of the pages."""
    model: str = SHIPPED_MODEL
    """Name of a model card, or a path to weights; `none` runs without a detector."""
    weights: tuple[Path, ...] = ()
    """Folders in which weights are looked for, after the ones that ship."""
    segment_s: Annotated[float, Field(ge=2, le=600)] = 60.0
    """Seconds of video in a segment file."""
    packet_age_s: Annotated[float, Field(ge=1, le=120)] = 10.0
    """A camera without a packet for so many seconds is taken as silent and reconnected."""
    pre_roll_s: Annotated[float, Field(ge=0, le=120)] = 15.0
    """Seconds of a clip before the thing appears: the approach belongs to the act."""
    post_roll_s: Annotated[float, Field(ge=0, le=120)] = 10.0
    """Seconds of a clip after the actor left, or after the alarm when nobody was seen to leave."""
    secrets_file: str = ""
    """File with the cameras' passwords; empty: `secrets.toml` in `home`, if it is there."""
    camera_ca_file: str = ""
    """PEM file that vouches for the cameras of `rtsps://`; empty: their names are not verified."""
    ring_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Days after which recording that nobody needs is destroyed; never fewer than the law asks
    (公共安全视频图像信息系统管理条例 17: keep 30 days, then delete what has served its purpose)."""
    ring_bytes: Annotated[int, Field(ge=0)] = 0
    """Bytes that all recording may take; the oldest beyond it is destroyed, once the law lets it
    go. 0 sets no limit."""
    review_keep_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """Days for which an undecided event or a failed look-back keeps its recording: as long as a
    case may take (行政处罚法 60)."""
    confirmed_keep_days: Annotated[int, Field(ge=1, le=36500)] = 730
    """Days for which a confirmed event that is in no case keeps its recording: two years, after
    which an act is no longer penalised (行政处罚法 36)."""
    upload_keep_days: Annotated[int, Field(ge=1, le=36500)] = 180
    """Days after which a recorder file that is in no case is proposed for deletion; never fewer
    than the rules of `retention.toml` ask."""
    rejected_keep_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Days after its rejection after which clip and pictures of an event are destroyed; never fewer
    than the rules of `retention.toml` ask."""
    access_log_days: Annotated[int, Field(ge=1, le=36500)] = 1096
    """Days after which the log forgets details of who looked at what; never fewer than the rules
    of `retention.toml` ask (网络安全法 23: six months)."""
    scrub_bytes_per_s: Annotated[int, Field(ge=1 << 16)] = 16 << 20
    """Bytes of the store that are hashed again in a second, at most: 14 days read 18 TiB."""
    reserve_bytes: Annotated[int, Field(ge=0)] = 512 << 20
    """Free bytes below which uploads are refused and recording gives way whatever its age."""
    floor_bytes: Annotated[int, Field(ge=0)] = 128 << 20
    """Recording stops when less is free: the database and the log need room to say so."""
    upload_max_bytes: Annotated[int, Field(ge=1)] = 16 << 30
    """Largest file that is taken over the network: the hour of a camcorder and more."""
    upload_quota_bytes: Annotated[int, Field(ge=1)] = 64 << 30
    """Bytes that unfinished uploads of one person or docking station may promise together."""
    upload_days: Annotated[float, Field(gt=0, le=90)] = 7.0
    """Days after its last part after which an unfinished upload is forgotten."""
    sources: tuple[Source, ...] = ()
    """Watch folders of docking stations, an array of tables."""
    authority: str = ""
    """机关名称, the body that penalises, as documents print it (行政处罚法 24)."""
    session_hours: Annotated[float, Field(gt=0, le=24)] = 8.0
    """Hours after which an officer logs in again: one duty."""
    idle_minutes: Annotated[float, Field(ge=1, le=1440)] = 30.0
    """Minutes without a request after which a browser is logged out (NIST SP 800-63B 4.2.3)."""
    tls_cert_file: str = ""
    """PEM file with the certificate of the pages and its chain; empty: they are plain HTTP."""
    tls_key_file: str = ""
    """PEM file with the certificate's key, readable by its owner only."""
    behind_proxy: bool = False
    """Whether a proxy on this machine ends TLS and says who asks (X-Forwarded-For, -Proto)."""

    signer: Literal["child", "apart"] = "child"
    """Who signs the log: a child of the service, or a process of another user (`liuhen signer`)."""
    tsa_url: str = ""
    """Address of a time-stamp authority (RFC 3161), http or https; empty: no time-stamps."""
    tsa_ca_file: str = ""
    """PEM file with the certificates that vouch for the time-stamp authority."""
    witnesses: tuple[WitnessSite, ...] = ()
    """Witnesses on other machines that co-sign checkpoints, an array of tables."""
    anchor_hours: Annotated[float, Field(ge=0.1, le=168)] = 1.0
    """Hours between two checkpoints that are shown outside."""
    anchor_late_hours: Annotated[float, Field(ge=1, le=8760)] = 24.0
    """Hours without an answer from a configured anchor after which an alarm says so."""

    @property
    def tsa_ca(self) -> Path | None:
        """Certificates that vouch for the time-stamp authority."""
        return self.home / self.tsa_ca_file if self.tsa_ca_file else None

    @property
    def segments(self) -> Path:
        """Ring of recorded segments."""
        return self.home / "segments"

    @property
    def quarantine(self) -> Path:
        """Files of the ring that nothing acknowledged, moved out of it by `liuhen fsck --mend`."""
        return self.home / "quarantine" / "segments"

    @property
    def spool(self) -> Path:
        """Facts that camera processes leave for the registrar."""
        return self.home / "spool"

    @property
    def memories(self) -> Path:
        """What each camera's watch has learnt, so that a restart goes on from there."""
        return self.home / "watch"

    @property
    def secrets(self) -> Path:
        """File with the cameras' passwords; it need not be there."""
        return self.home / (self.secrets_file or "secrets.toml")

    @property
    def tls_cert(self) -> Path | None:
        """The certificate of the pages; None: they are plain HTTP."""
        return self.home / self.tls_cert_file if self.tls_cert_file else None

    @property
    def tls_key(self) -> Path | None:
        """The key of the certificate."""
        return self.home / self.tls_key_file if self.tls_key_file else None

    @property
    def camera_ca(self) -> Path | None:
        """Certificates that vouch for cameras; None: whoever answers is taken for the camera."""
        return self.home / self.camera_ca_file if self.camera_ca_file else None

    @property
    def keys(self) -> Path:
        """The key that signs the log, and what was signed last; the signer's alone."""
        return self.home / "keys"

    @property
    def run(self) -> Path:
        """Where the signer listens."""
        return self.home / "run"

    @property
    def parts(self) -> Path:
        """Uploads while they arrive."""
        return self.home / "parts"

    @property
    def objects(self) -> Path:
        """Store of originals, clips and documents."""
        return self.home / "objects"


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError("settings_file", path=str(path), detail=str(error)) from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in environment.items():
        field = name.removeprefix(_PREFIX)
        if name == field or field in _NOT_SETTINGS:
            continue
        if field.startswith("CAMERA_") and field.lower() not in Settings.model_fields:
            continue
        found[field.lower()] = value
    if folders := environment.get("LIUHEN_WEIGHTS"):
        found["weights"] = folders.split(os.pathsep)
    return found


def load(home: Path, environment: Mapping[str, str]) -> Settings:
    """Settings of `home/liuhen.toml`, overridden by `LIUHEN_*` variables.

    Raises:
        InputError: a key is unknown or a value out of range; the message names both.
    """
    values = _from_file(home / "liuhen.toml") | _from_environment(environment)
    if "home" in values:
        raise InputError("settings_value", key="home", detail="LIUHEN_HOME")
    try:
        return Settings(home=home.absolute(), **values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError("settings_value", key=key, detail=first["msg"]) from error
