"""A command as a person types it, in a process of its own that has its imports already.

The processes are forked from a server that did nothing but import the commands: importing takes a
second and a half, which a hundred commands of these tests would pay each.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from multiprocessing.context import ForkServerContext
from pathlib import Path

_CONTEXT: ForkServerContext = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["service.cli"])
LIUHEN = Path(sys.executable).with_name("liuhen")
TIMEOUT_S = 60.0
"""No command of these tests takes so long on a machine that works."""


def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`liuhen ARGUMENTS` with environment `variables` besides ours.

    Raises:
        subprocess.TimeoutExpired: it took too long and was killed.
    """
    command = ["liuhen", *map(str, arguments)]
    environment = {**os.environ, **variables}
    if "COLUMNS" in variables:
        # The width of a terminal is read while importing.
        command[0] = str(LIUHEN)
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S, env=environment
        )
    with tempfile.TemporaryDirectory() as folder:
        said, complained = Path(folder) / "stdout", Path(folder) / "stderr"
        process = _CONTEXT.Process(
            target=_main, args=(command, environment, said, complained, Path.cwd())
        )
        process.start()
        process.join(TIMEOUT_S)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(command, TIMEOUT_S)
        return subprocess.CompletedProcess(
            command, process.exitcode or 0, said.read_text(), complained.read_text()
        )


def _main(
    command: list[str], environment: dict[str, str], said: Path, complained: Path, folder: Path
) -> None:
    """The child: its streams into files, its environment as asked, then the command."""
    os.chdir(folder)
    for number, path in ((1, said), (2, complained)):
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(target, number)
        os.close(target)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command
    from service.cli import main  # noqa: PLC0415  imported by the server already

    try:
        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
