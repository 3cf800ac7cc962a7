"""Progress on a terminal; nothing where nobody watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from service.terminal import plain, terminal


@contextmanager
def bars() -> Iterator[Callable[[str, float, float], None]]:
    """A function `show(name, done, total)` that draws one bar for each name."""
    known: dict[str, TaskID] = {}
    console = terminal(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def show(name: str, done: float, total: float) -> None:
            if name not in known:
                known[name] = progress.add_task(plain(name), total=total)
            progress.update(known[name], completed=done, total=total)

        yield show
