"""A real Postgres for tests: made in a folder of its own, on loopback, and gone with the test run."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import pytest

_UNPRIVILEGED = "postgres"


class PostgresServer:
    """A server that can be stopped and started; every store gets an empty schema of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._port = _free_port()
        self._data = str(folder / "data")
        self._server = f"host=127.0.0.1 port={self._port} user=tester dbname=postgres"
        make = [str(programs / "initdb"), "-D", self._data, "-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8"]
        subprocess.run([*_as_unprivileged(), *make], cwd=folder, check=True, capture_output=True, timeout=120)
        self.start()

    def start(self) -> None:
        # fsync=off: tests kill the server, but never the machine under it.
        place = ["listen_addresses=127.0.0.1", f"port={self._port}", "unix_socket_directories="]
        settings = [part for setting in (*place, "max_connections=80", "fsync=off") for part in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                # The server goes with the test run, also if that is killed.
                [
                    *_as_unprivileged("--pdeathsig", "QUIT"),
                    str(self._programs / "postgres"),
                    "-D",
                    self._data,
                    *settings,
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self._folder,
            )
        self._wait_until_ready()

    def stop(self, mode: str = "fast") -> None:
        self._process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        self._process.wait(60)

    def _wait_until_ready(self) -> None:
        import psycopg

        end = time.monotonic() + 60
        while True:
            try:
                return psycopg.connect(self._server).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self._folder / "log").read_text()[-2000:]) from None
                time.sleep(0.05)

    def new_store(self) -> str:
        import psycopg

        name = f"store_{uuid.uuid4().hex}"
        with psycopg.connect(
            f"host=127.0.0.1 port={self._port} user=tester dbname=postgres", autocommit=True
        ) as server:
            server.execute(f'CREATE SCHEMA "{name}"')
        return f"postgresql+psycopg://tester@127.0.0.1:{self._port}/postgres?options=-csearch_path%3D{name}"


def _as_unprivileged(*options: str) -> list[str]:
    """Return what to put before a command: a Postgres server refuses to run as root."""
    user = [f"--reuid={_UNPRIVILEGED}", f"--regid={_UNPRIVILEGED}", "--init-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *user, *options] if user or options else []


def start_postgres() -> PostgresServer:
    """Start a server, or skip the test where Postgres is not installed (`make services` installs it)."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
        Path(p).parent for p in [shutil.which("initdb")] if p
    ]
    if not programs:
        pytest.skip("Postgres is not installed on this machine; `make services` installs it")
    pytest.importorskip("psycopg", reason="the extra 'postgres' is not installed")
    folder = Path(tempfile.mkdtemp(prefix="labelaudit-postgres-"))
    owner = pwd.getpwnam(_UNPRIVILEGED if os.geteuid() == 0 else getpass.getuser())
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return PostgresServer(programs[-1], folder)


def remove(server: PostgresServer) -> None:
    server.stop("immediate")
    shutil.rmtree(server._folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
