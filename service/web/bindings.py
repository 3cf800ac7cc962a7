"""The keys of the event page: the page shows this table, and its script obeys what it shows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Binding:
    """One action and its keys.

    Attributes:
        codes: values of `KeyboardEvent.code`; an input method may turn `.` into `。`, never these.
        caps: the same keys as their caps say.
        action: name of the action in the scripts; the catalogue has the words, `key.<action>`.
    """

    codes: tuple[str, ...]
    caps: tuple[str, ...]
    action: str


EVENT_KEYS = (
    Binding(("Space", "KeyK"), ("Space", "K"), "play"),
    Binding(("KeyJ",), ("J",), "slower"),
    Binding(("KeyL",), ("L",), "faster"),
    Binding(("Comma",), (",",), "frame_back"),
    Binding(("Period",), (".",), "frame_on"),
    Binding(("KeyM",), ("M",), "moment"),
    Binding(("KeyB",), ("B",), "compare"),
    Binding(("KeyO",), ("O",), "boxes"),
    Binding(("Digit1", "Numpad1"), ("1",), "confirm"),
    Binding(("KeyX",), ("X",), "reject"),
    Binding(("KeyN",), ("N",), "next"),
    Binding(("Slash",), ("?",), "help"),
)
