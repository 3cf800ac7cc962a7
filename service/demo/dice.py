"""Chance that falls alike for ever from the same seed."""

from random import Random


def dice(*facts: str | int) -> Random:
    """A generator that gives the same numbers for the same facts, on every machine."""
    # A string seed is hashed with SHA-512 and so does not depend on the process's hash seed.
    return Random("/".join(map(str, facts)))  # noqa: S311 - pictures and numbers, no secrets
