"""Numbers of entries as few stretches, as an erasure names them: `["3", "7-9"]`."""

from collections.abc import Iterable, Iterator


def spans(numbers: Iterable[int]) -> list[str]:
    """Numbers in ascending order, as stretches."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return [str(first) if first == last else f"{first}-{last}" for first, last in found]


def numbers(stretches: Iterable[str]) -> Iterator[int]:
    """The numbers that `spans` wrote.

    Raises:
        ValueError: it did not.
    """
    for stretch in stretches:
        first, _, last = stretch.partition("-")
        yield from range(int(first), int(last or first) + 1)
