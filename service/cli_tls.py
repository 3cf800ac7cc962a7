"""`liuhen tls`: the certificate of the pages."""

from typing import Annotated

import typer

from ingest.clock import SystemClock
from service.cli_home import Home
from service.terminal import plain, terminal
from service.texts import say_both
from service.times import beijing
from service.tls import CERT_FILE, KEY_FILE, machine_names, make_certificate

app = typer.Typer(no_args_is_help=True)
out = terminal()


@app.callback()
def _group() -> None:
    """With one command alone, `make` would not be named."""


@app.command("make")
def make(
    home: Home,
    name: Annotated[
        list[str] | None, typer.Option(help="另加的主机名或 IP / further names or addresses")
    ] = None,
) -> None:
    """生成自签名证书 / make a self-signed certificate for the pages."""
    names = tuple(dict.fromkeys((*machine_names(), *(name or ()))))
    made = make_certificate(home.absolute(), names, beijing(SystemClock().now()))
    until = f"{made.until:%Y-%m-%d}"
    out.print(plain(say_both("cli.tls_made", cert=made.cert, key=made.key, until=until)))
    out.print(plain(say_both("cli.tls_names", names=", ".join(made.names))))
    out.print(plain(say_both("cli.tls_print", digest=made.digest)))
    out.print(plain(say_both("cli.tls_settings", path=home / "liuhen.toml")))
    out.print(plain(f'tls_cert_file = "{CERT_FILE}"'))
    out.print(plain(f'tls_key_file = "{KEY_FILE}"'))
