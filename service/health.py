"""What was wrong with the picture of a file, and from when to when (glossary: 画面异常)."""

from dataclasses import dataclass, field

from ingest.decode import Turns
from service.analyst import LOOK_S
from service.texts import Language, say
from service.times import media_clock
from vision.frame import Frame, Image, Instant, seconds_between
from vision.health import Ailment, Health, checked


@dataclass(frozen=True, slots=True)
class Spell:
    """One ailment, in seconds from the file's first frame; `end_s` is None when it never ended."""

    ailment: str
    start_s: float
    end_s: float | None


@dataclass
class Examination:
    """Looks at a file's frames as the service looks at a camera's, once a second."""

    _turns: Turns = field(default_factory=lambda: Turns(LOOK_S))
    _health: Health | None = None
    _spells: dict[tuple[Ailment, Instant], Spell] = field(default_factory=dict)

    def see(self, frame: Frame, small: Image) -> None:
        """One more frame and its analysis image, in order; most cost nothing."""
        if not self._turns.take(frame.at):
            return
        self._health = checked(self._health, frame, small)
        now = {(each.ailment, each.since) for each in self._health.ailing}
        for key, spell in self._spells.items():
            if spell.end_s is None and key not in now:
                self._spells[key] = Spell(spell.ailment, spell.start_s, _seconds(frame.at))
        for ailment, since in now - self._spells.keys():
            self._spells[ailment, since] = Spell(ailment.value, _seconds(since), None)

    @property
    def spells(self) -> list[Spell]:
        """What was found so far, in order."""
        return sorted(self._spells.values(), key=lambda spell: (spell.start_s, spell.ailment))


def spell_words(spell: Spell) -> str:
    """What was wrong with the picture of a file, and when, in both languages."""

    def told(language: Language) -> str:
        what, start = say(f"ailment.{spell.ailment}", language), media_clock(spell.start_s)
        if spell.end_s is None:
            return say("ailment.goes_on", language, what=what, start=start)
        end = media_clock(spell.end_s)
        return say("ailment.was", language, what=what, start=start, end=end)

    return f"{told('zh')} / {told('en')}"


def _seconds(at: Instant) -> float:
    return round(seconds_between(Instant(0), at), 3)
