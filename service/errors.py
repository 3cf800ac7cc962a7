"""What the service refuses, in three families.

    ServiceError
    ├── InputError      the input is wrong: say what, in Chinese for officers
    ├── WorldError      the world failed: trying again makes sense
    └── EvidenceError   evidence does not hold: never retried, always shown

`code` names the sentence in the catalogue (`service/texts.py`); `facts` fill its blanks.
"""


class ServiceError(Exception):
    """Base of everything that the service raises on purpose."""

    def __init__(self, code: str, **facts: str | int) -> None:
        self.code = code
        self.facts = facts
        told = ", ".join(f"{name}={value}" for name, value in facts.items())
        super().__init__(f"{code}({told})")


class InputError(ServiceError):
    """The input is wrong; a person can mend it."""


class WorldError(ServiceError):
    """A disk, a network or another program failed; trying again makes sense."""


class EvidenceError(ServiceError):
    """A guarantee about evidence cannot be given or was broken."""
