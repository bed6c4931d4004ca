"""A real Label Studio for tests: started on loopback with a data folder of its own, and gone with the test run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / ".venvs" / "label-studio" / "bin" / "label-studio"
_TOKEN = "0123456789abcdef0123456789abcdef01234567"
_PATIENCE = 300


class LabelStudio:
    """The server, and its API as far as the tests need it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        own = {
            "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "HOME": str(folder),
        }
        arguments = ["start", "--no-browser", "--port", str(self._port), "--internal-host", "127.0.0.1"]
        arguments += ["--data-dir", str(folder / "data"), "--username", "lea@example.org", "--password", "tester-1234"]
        arguments += ["--user-token", _TOKEN, "--enable-legacy-api-token", "--log-level", "ERROR"]
        with (folder / "log").open("ab") as log:
            # A group of its own, so that what it starts ends with it.
            self._process = subprocess.Popen(
                [str(PROGRAM), *arguments], env=os.environ | own, stdout=log, stderr=log, start_new_session=True
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                self.call("GET", "/api/version")
            except (OSError, urllib.error.URLError):
                time.sleep(0.5)
            else:
                return
        log = (self.folder / "log").read_text(errors="replace")[-2_000:]
        raise RuntimeError(f"Label Studio did not start: {log}")

    def call(self, method: str, path: str, body=None):
        """Call the API and return the parsed answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", method=method)
        request.add_header("Authorization", f"Token {_TOKEN}")
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, data, timeout=120) as answer:
            content = answer.read()
        return json.loads(content) if content[:1] in b"[{" and content else content

    def export(self, project: int, kind: str) -> bytes:
        """Return an export of a project as the bytes that a browser would save."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/api/projects/{project}/export?exportType={kind}&download_all_tasks=true"
        )
        request.add_header("Authorization", f"Token {_TOKEN}")
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read()

    def stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def label_studio():
    if not PROGRAM.exists():
        pytest.skip("Label Studio is not installed: make services")
    server = LabelStudio(Path(tempfile.mkdtemp(prefix="label-studio-")))
    yield server
    server.stop()
