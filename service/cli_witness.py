"""`liuhen witness`: co-sign the checkpoints of logs on other machines."""

import logging
from pathlib import Path
from threading import Thread
from typing import Annotated

import typer

from ingest.clock import SystemClock
from service.errors import InputError
from service.evidence.witness import WitnessFolder, WitnessServer
from service.ledger.note import Kind, VerifierKey, check_name
from service.supervisor import not_listening, wait_for_signal
from service.terminal import plain, terminal
from service.texts import say_both

out = terminal()


def witness(
    folder: Annotated[Path, typer.Option(help="密钥与状态的目录 / folder of key and state")],
    name: Annotated[
        str, typer.Option(help="见证方名称，如 district.example / name of the witness")
    ],
    log: Annotated[
        list[str], typer.Option(help="日志的公钥（可多次） / key of a log, can be repeated")
    ],
    host: Annotated[str, typer.Option(help="监听地址 / address to listen at")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="端口 / port")] = 8471,
) -> None:
    """见证其他机器上的日志 / co-sign the checkpoints of other machines' logs."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s witness %(message)s")
    logs = [_key(text) for text in log]
    try:
        check_name(name)
    except ValueError as error:
        raise InputError("witness_name", name=name) from error
    kept = WitnessFolder(folder)
    try:
        server = WitnessServer((host, port), kept, name, logs, SystemClock())
    except OSError as error:
        raise not_listening(error, host, port) from error
    url = f"http://{host}:{server.server_port}"
    out.print(plain(say_both("cli.witnessing", url=url, key=server.key.to_text())))
    Thread(target=server.serve_forever, daemon=True).start()
    wait_for_signal()
    server.shutdown()
    server.server_close()


def _key(text: str) -> VerifierKey:
    """The key of a log.

    Raises:
        InputError: it is none.
    """
    try:
        key = VerifierKey.from_text(text)
    except ValueError as error:
        raise InputError("witness_key", text=text) from error
    if key.kind is not Kind.NOTE:
        raise InputError("witness_key", text=text)
    return key
