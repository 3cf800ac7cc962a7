"""Uploads to a real service that is killed at random, and how fast they are.

    python -m benchmarks.uploads [--megabytes 1024] [--kills 20] [--seed 1] [--folder DIR]
        [--json FILE]

Two measurements, both over HTTP on this machine, both against `liuhen serve`:

- endurance: one file, the service killed with SIGKILL so many times at random bytes; it must arrive
  bit for bit, and no acknowledged byte may be sent twice;
- speed: the same file without kills, in parts of 8 MiB with checksums as the page sends them and in
  one part as command-line clients do, to the last acknowledgement and to the acquisition; beside it
  `cp`, `sync` and `sha256sum` of the same file in the same run, which is the least that such a
  promise can cost. The ratio is the figure: seconds depend on disk and load.
"""

import argparse
import base64
import hashlib
import http.client
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import machine
from ingest.clock import SystemClock
from ingest.files import sha256_file
from service.database import open_database
from service.settings import load
from service.stations import add_station

PART = 8 << 20
BLOCK = 1 << 20
PATIENCE_S = 120.0
CLOCK = SystemClock()


def seconds_since(began_us: int) -> float:
    """Seconds since a reading of the monotonic clock."""
    return (CLOCK.monotonic_us() - began_us) / 1_000_000


@dataclass
class Service:
    """`liuhen serve` at one port: started, killed, started again."""

    home: Path
    port: int
    token: str
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it answers."""
        liuhen = Path(sys.executable).with_name("liuhen")
        command = [liuhen, "serve", "--port", str(self.port)]
        environment = {**os.environ, "LIUHEN_HOME": str(self.home), "LIUHEN_RESERVE_BYTES": "0"}
        began = CLOCK.monotonic_us()
        while True:
            # Killed services leave children for a moment; the home may still be theirs.
            if self.running is None or self.running.poll() is not None:
                self.running = subprocess.Popen(
                    command,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            try:
                self.ask("GET", "/healthz")
            except OSError:
                if seconds_since(began) > PATIENCE_S:
                    raise
                CLOCK.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """SIGKILL."""
        assert self.running is not None
        os.kill(self.running.pid, signal.SIGKILL)
        self.running.wait()

    def stop(self) -> None:
        """In order."""
        if self.running is not None and self.running.poll() is None:
            self.running.terminate()
            self.running.wait()

    def headers(self, **more: str) -> dict[str, str]:
        """Of every request."""
        return {"Authorization": f"Bearer {self.token}", "Tus-Resumable": "1.0.0", **more}

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in lower case and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, {**self.headers(), **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, content

    def begin(self, path: Path, name: str) -> str:
        """The address of a new transfer."""
        said = f"filename {base64.b64encode(name.encode()).decode()}"
        wish = {"Upload-Length": str(path.stat().st_size), "Upload-Metadata": said}
        status, headers, content = self.ask("POST", "/transfers", wish)
        assert status == 201, content
        return headers["location"]

    def offset(self, address: str) -> int:
        """What was acknowledged."""
        return int(self.ask("HEAD", address)[1]["upload-offset"])

    def send(
        self, address: str, path: Path, offset: int, size: int, *, stop_at: int | None = None
    ) -> int:
        """One part without a checksum; the new offset. With `stop_at`, kill the service there."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.putrequest("PATCH", address)
            for name, value in self.headers(
                **{
                    "Content-Type": "application/offset+octet-stream",
                    "Upload-Offset": str(offset),
                    "Content-Length": str(size),
                }
            ).items():
                connection.putheader(name, value)
            connection.endheaders()
            sent = 0
            with path.open("rb") as stream:
                stream.seek(offset)
                while sent < size:
                    block = stream.read(min(BLOCK, size - sent))
                    if stop_at is not None and sent + len(block) > stop_at:
                        connection.send(block[: stop_at - sent])
                        self.kill()
                        return -1
                    connection.send(block)
                    sent += len(block)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 204, answer.status
            return int(answer.getheader("Upload-Offset", "-1"))
        finally:
            connection.close()

    def taken(self, address: str) -> str:
        """Wait for the intake; the SHA-256 that it found."""
        began = CLOCK.monotonic_us()
        while seconds_since(began) < PATIENCE_S:
            told = json.loads(self.ask("GET", address)[2])
            if "sha256" in told:
                return str(told["sha256"])
            CLOCK.sleep(0.05)
        raise TimeoutError(address)


@contextmanager
def service(folder: Path) -> Iterator[Service]:
    """A fresh installation, served."""
    home = folder / "home"
    home.mkdir()
    database = open_database(load(home, {}), CLOCK)
    with database.write() as session:
        token = add_station(session, CLOCK, "bench", "bench")
    database.close()
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    served = Service(home, port, token)
    served.start()
    try:
        yield served
    finally:
        served.stop()


def endurance(served: Service, path: Path, digest: str, kills: int, seed: int) -> dict[str, object]:
    """Kill the service at `kills` random bytes of one upload."""
    dice = random.Random(seed)
    size = path.stat().st_size
    deaths = sorted(dice.randrange(size) for _ in range(kills))
    address = served.begin(path, "endurance.mp4")
    offset = lost = 0
    killed = 0
    while offset < size:
        before = offset
        if deaths and deaths[0] >= offset:
            stop_at = deaths.pop(0) - offset
            served.send(address, path, offset, size - offset, stop_at=stop_at)
            served.start()
            killed += 1
            offset = served.offset(address)
            assert offset >= before, "an acknowledged byte is gone"
            lost += max(0, before + stop_at - offset)
            # A death behind which nothing was acknowledged happens a little later.
            deaths = [max(each, offset) for each in deaths]
        else:
            offset = served.send(address, path, offset, size - offset)
    found = served.taken(address)
    object_path = served.home / "objects" / "sha256" / found[:2] / found
    return {
        "kills": killed,
        "bytes": size,
        "sent_again_bytes": lost,
        "bit_identical": found == digest == sha256_file(object_path)[0],
    }


def speed(served: Service, path: Path, *, in_parts: bool) -> dict[str, float]:
    """Seconds to the last acknowledgement and to the acquisition."""
    size = path.stat().st_size
    began = CLOCK.monotonic_us()
    address = served.begin(path, "speed.mp4")
    if not in_parts:
        served.send(address, path, 0, size)
    else:
        with path.open("rb") as stream:
            offset = 0
            while part := stream.read(PART):
                value = base64.b64encode(hashlib.sha256(part).digest()).decode()
                headers = {
                    "Content-Type": "application/offset+octet-stream",
                    "Upload-Offset": str(offset),
                    "Upload-Checksum": f"sha256 {value}",
                }
                status, _, content = served.ask("PATCH", address, headers, part)
                assert status == 204, content
                offset += len(part)
    acknowledged = seconds_since(began)
    served.taken(address)
    return {"acknowledged_s": round(acknowledged, 2), "taken_s": round(seconds_since(began), 2)}


def floor(path: Path) -> float:
    """Seconds of `cp`, `sync` and `sha256sum`."""
    copy = path.with_name("copy")
    began = CLOCK.monotonic_us()
    subprocess.run(["cp", path, copy], check=True)
    subprocess.run(["sync", copy], check=True)
    subprocess.run(["sha256sum", copy], check=True, stdout=subprocess.DEVNULL)
    found = seconds_since(began)
    copy.unlink()
    return round(found, 2)


def noise(path: Path, megabytes: int) -> str:
    """Fill a file with bytes that nothing can guess; its SHA-256."""
    with path.open("wb") as stream:
        for _ in range(megabytes):
            stream.write(secrets.token_bytes(1 << 20))
    return str(sha256_file(path)[0])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        path = folder / "file"
        digest = noise(path, options.megabytes)
        with service(folder) as served:
            lived = endurance(served, path, digest, options.kills, options.seed)
            print(json.dumps(lived), flush=True)
            runs: list[dict[str, object]] = []
            for in_parts in (True, False, True, False):
                base = floor(path)
                found = speed(served, path, in_parts=in_parts)
                run: dict[str, object] = {
                    "parts": "8 MiB, sha256" if in_parts else "one",
                    "cp_sync_sha256sum_s": base,
                    **found,
                    "acknowledged_ratio": round(found["acknowledged_s"] / base, 2),
                    "taken_ratio": round(found["taken_s"] / base, 2),
                }
                runs.append(run)
                print(json.dumps(run), flush=True)
    if options.json:
        command = (
            f"python -m benchmarks.uploads --megabytes {options.megabytes} "
            f"--kills {options.kills} --seed {options.seed}"
        )
        result = {
            "command": command,
            "machine": machine(),
            "endurance": lived,
            "speed": runs,
        }
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
