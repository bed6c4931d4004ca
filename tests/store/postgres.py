"""A real Postgres for tests: made in a folder of its own, on loopback, and gone with the test run."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
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
        self._run("initdb", "-D", str(folder / "data"), "-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8")
        self.start()

    def start(self) -> None:
        # fsync=off: tests kill the server, but never the machine under it.
        place = f"-c listen_addresses=127.0.0.1 -c port={self._port} -c unix_socket_directories=''"
        settings = f"{place} -c max_connections=80 -c fsync=off"
        data, log = str(self._folder / "data"), str(self._folder / "log")
        self._run("pg_ctl", "-D", data, "-l", log, "-o", settings, "-w", "-t", "60", "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", mode, "-w", "-t", "60", "stop")

    def new_store(self) -> str:
        import psycopg

        name = f"store_{uuid.uuid4().hex}"
        with psycopg.connect(
            f"host=127.0.0.1 port={self._port} user=tester dbname=postgres", autocommit=True
        ) as server:
            server.execute(f'CREATE SCHEMA "{name}"')
        return f"postgresql+psycopg://tester@127.0.0.1:{self._port}/postgres?options=-csearch_path%3D{name}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:  # a Postgres server refuses to run as root
            command = ["setpriv", f"--reuid={_UNPRIVILEGED}", f"--regid={_UNPRIVILEGED}", "--init-groups", *command]
        # Output goes to a file: pg_ctl's server would keep a pipe open for ever.
        with (self._folder / "output").open("ab") as output:
            done = subprocess.run(
                command,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                timeout=120,
                cwd=self._folder,
                check=False,
            )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{(self._folder / 'output').read_text()[-2000:]}")


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
