"""The look-back job: from a candidate to an event with its evidence, or to a recorded dismissal."""

import logging
from contextlib import suppress
from dataclasses import replace

from ingest.clock import Clock, SystemClock
from ingest.decode import frames
from ingest.errors import DiskFull, FootageAltered, IngestError, NoFootage
from ingest.segments import Gop, Segments, nearest
from service.alarms import Trouble, raise_alarm
from service.claim import claim
from service.clearing import ClearingWorker
from service.clips import clip_range, make_pieces
from service.database import Database
from service.detector import note_model, open_configured_detector
from service.errors import WorldError
from service.events import add_event, teller_of, twin_of
from service.evidence.log import MACHINE, Action, append
from service.evidence.store import FolderStore, Store
from service.heartbeat import beat
from service.jobs import complete_job, fail_job, lease_job, postpone_job
from service.process import begun
from service.settings import Settings
from service.tables import Job
from vision.candidate import Candidate
from vision.detect import Detector
from vision.dismissal import Dismissal
from vision.dumping import attribute
from vision.frame import SECOND, Instant, seconds_between
from vision.lookback import LOOKBACK_FPS, lull, spans
from vision.sighting import Sighting

PAUSE_S = 0.5
"""Between two looks at an empty queue."""
RETRY_S = 5.0
"""Between two looks whether the recording has reached the end of a clip; each costs a look-back."""
PATIENCE_S = 60.0
"""A camera that fell silent after the act: the clip ends where the recording does."""

log = logging.getLogger(__name__)


class LookbackWorker:
    """Does look-back jobs, one at a time, with the one detector session of its process."""

    def __init__(
        self,
        database: Database,
        store: Store,
        clock: Clock,
        settings: Settings,
        detector: Detector | None,
        *,
        model: str | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._settings = settings
        self._detector = detector
        self._model = model
        self._segments = Segments(settings.segments)

    def step(self) -> bool:
        """Do one job that is due; False when there is none."""
        with self._database.write() as session:
            job = lease_job(session, self._clock, "lookback")
        if job is None:
            return False
        try:
            self._look_back(job)
        except FootageAltered as error:
            log.exception("look-back %s found altered footage", job.id)
            with self._database.write() as session:
                fail_job(session, self._clock, job, str(error), again=False)
                subject = str(error.facts["path"])
                raise_alarm(session, self._clock, Trouble.EVIDENCE_BROKEN, subject)
        except (IngestError, WorldError) as error:
            log.warning("look-back %s failed: %s", job.id, error)
            with self._database.write() as session:
                fail_job(session, self._clock, job, str(error))
                if isinstance(error, DiskFull):
                    raise_alarm(session, self._clock, Trouble.DISK_FULL, str(self._settings.home))
        return True

    def _look_back(self, job: Job) -> None:
        candidate = Candidate.from_json(job.payload)
        if self._is_told(job, candidate):
            self._dismiss(job, candidate, "known")
            return
        gops = self._recorded(candidate)
        # It may have been found in a smaller sub-stream.
        head = nearest(gops, candidate.alarm).head
        candidate = candidate.scaled((head.width, head.height))
        seen = frames(gops, every_s=1 / LOOKBACK_FPS, lull=lull(candidate))
        verdict = attribute(candidate, seen, self._detector)
        if isinstance(verdict, Dismissal):
            self._dismiss(job, candidate, verdict.reason.value)
            return
        # Of a time that was not recorded there is no still.
        verdict = replace(verdict, before=max(verdict.before, gops[0].at))
        if self._is_known(job, verdict):
            self._dismiss(job, candidate, "known")
        elif self._is_recorded(verdict):
            self._enter(job, verdict)
        else:
            ahead = seconds_between(self._clock.now(), self._clip_end(verdict))
            with self._database.write() as session:
                postpone_job(session, self._clock, job, max(RETRY_S, ahead))

    def _clip_end(self, sighting: Sighting) -> Instant:
        return clip_range(sighting, self._settings.pre_roll_s, self._settings.post_roll_s)[1]

    def _is_recorded(self, sighting: Sighting) -> bool:
        """Whether the recording covers the whole clip, or will not for long."""
        end = self._clip_end(sighting)
        if self._clock.now() > end + PATIENCE_S * SECOND:
            return True
        reached = self._segments.recorded_to(sighting.camera, Instant(sighting.alarm))
        return reached is not None and reached >= end

    def _recorded(self, candidate: Candidate) -> list[Gop]:
        """What the look-back sees; of a place that lay hidden for long perhaps not how it was."""
        *clear, seen = spans(candidate)
        gops: list[Gop] = []
        for span in clear:
            with suppress(NoFootage):
                gops += self._segments.read(candidate.camera, *span)
        return gops + self._segments.read(candidate.camera, *seen)

    def _is_told(self, job: Job, candidate: Candidate) -> bool:
        """Whether a look-back would only find again what another brought to the queue."""
        with self._database.read() as session:
            teller = teller_of(session, candidate)
        return teller is not None and teller.id != job.id

    def _is_known(self, job: Job, sighting: Sighting) -> bool:
        """Whether another candidate brought the same act to the queue already."""
        with self._database.read() as session:
            twin = twin_of(session, sighting)
        return twin is not None and twin.id != job.id

    def _dismiss(self, job: Job, candidate: Candidate, reason: str) -> None:
        with self._database.write() as session:
            if complete_job(session, self._clock, job, f"dismissed: {reason}"):
                append(
                    session,
                    self._clock,
                    actor=MACHINE,
                    action=Action.CANDIDATE_DISMISSED,
                    subject=job.id,
                    body={"reason": reason, "camera": candidate.camera},
                )

    def _enter(self, job: Job, sighting: Sighting) -> None:
        """Files first, then the rows that name them, in one transaction with the job's end."""
        pieces = make_pieces(
            self._store,
            self._segments,
            sighting,
            event_id=job.id,
            pre_roll_s=self._settings.pre_roll_s,
            post_roll_s=self._settings.post_roll_s,
        )
        with self._database.write() as session:
            if complete_job(session, self._clock, job, "event"):
                claim(session, self._store, [piece.sha256 for piece in pieces])
                add_event(
                    session, self._clock, sighting, pieces, event_id=job.id, model=self._model
                )


def run_lookback(settings: Settings) -> None:
    """Main function of a look-back process."""
    stop = begun("look-back")
    clock = SystemClock()
    database = Database(settings)
    detector = open_configured_detector(settings)
    with database.write() as session:
        note_model(session, clock, detector)
    worker = LookbackWorker(
        database,
        FolderStore(settings.objects),
        clock,
        settings,
        detector,
        model=detector.card.sha256 if detector else None,
    )
    clearing = ClearingWorker(database, clock)
    while not stop.is_set():
        try:
            busy = worker.step() or clearing.step()
        except WorldError as error:
            # The lease runs out by itself and the job comes back.
            log.warning("will try again: %s", error)
            busy = False
        else:
            beat(settings.home, "look-back", clock)
        if not busy:
            stop.wait(PAUSE_S)
    database.close()
