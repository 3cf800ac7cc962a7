"""Where a witness is that co-signs checkpoints, as settings say it."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.ledger.note import Kind, VerifierKey


class WitnessSite(BaseModel):
    """A witness (见证), one `[[witnesses]]` of `liuhen.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")]
    """Address below which it answers `/add-checkpoint`."""
    key: str
    """Its verifier key, as `liuhen witness` prints it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.verifier.kind is not Kind.COSIGNATURE:
            raise ValueError("not the key of a witness")
        return self

    @property
    def verifier(self) -> VerifierKey:
        """The key that its cosignatures are checked with."""
        return VerifierKey.from_text(self.key)
