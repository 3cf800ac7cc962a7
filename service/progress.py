"""Progress on a terminal; nothing where nobody watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


@contextmanager
def bars() -> Iterator[Callable[[str, float, float], None]]:
    """A function `show(name, done, total)` that draws one bar for each name."""
    known: dict[str, TaskID] = {}
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def show(name: str, done: float, total: float) -> None:
            if name not in known:
                known[name] = progress.add_task(name, total=total)
            progress.update(known[name], completed=done, total=total)

        yield show
