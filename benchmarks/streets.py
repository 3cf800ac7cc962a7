"""Pictures of simulated streets without a bag, for training the detector:

python -m benchmarks.streets DIR

They are drawn anew, the same each time; `benchmarks.detector` measures on other seeds.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2

from service.demo.plot import parked_van, passers
from service.demo.street import render
from vision.frame import Image

SIZE = (960, 540)
FIRST_SEED, STREETS = 1000, 40


def streets(first_seed: int, count: int) -> Iterator[Image]:
    """Two pictures of each of `count` streets: people and cars pass, or a van parks."""
    for number in range(count):
        plot = passers if number % 2 else parked_van
        scene = plot(first_seed + number, size=SIZE)
        for at_s in (3.0 + number % 5, 11.0 + number % 7):
            yield render(scene, at_s)


def main() -> None:
    """Draw the pictures that training has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(streets(FIRST_SEED, STREETS)):
        cv2.imwrite(str(folder / f"{number:03d}.png"), image)


if __name__ == "__main__":
    main()
