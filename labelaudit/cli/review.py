"""``labelaudit review``: the review UI in a browser."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import click

from labelaudit.cli._review import audit_argument, store_option
from labelaudit.errors import UsageError

__all__ = ["command", "streamlit_arguments"]

_ENTRY = Path(__file__).resolve().parent.parent / "ui" / "start.py"
_PATIENCE = 10.0
_OUR_FAULT = 4
_SETTINGS = {
    "runner.postScriptGC": "false",  # collecting garbage after every answer costs 85 to 100 ms of processor time
    "server.enableXsrfProtection": "true",
    "server.enableCORS": "true",
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "server.showEmailPrompt": "false",  # where nobody has used Streamlit yet; without an answer it would not start
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",
    "logger.hideWelcomeMessage": "true",
    "theme.light.primaryColor": "#1f5fbf",
    "theme.dark.primaryColor": "#7fb0ff",
}


@click.command(
    short_help="Review flagged items in the browser.",
    epilog="""\b
Examples:
  labelaudit review tickets.audit
  labelaudit review tickets.audit --as ann --port 8600
  labelaudit review tickets.audit --store postgresql+psycopg://user@host/reviews --address 0.0.0.0 --headless""",
)
@audit_argument
@click.option(
    "--as", "person", metavar="NAME", help="Everybody at this server is NAME.  [default: each browser is asked]"
)
@store_option
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8501, help="Port to listen on; 0: any free one.  [default: 8501]"
)
@click.option(
    "--address",
    default="127.0.0.1",
    metavar="HOST",
    help="Address to listen on; 0.0.0.0 lets others on the network in.  [default: 127.0.0.1]",
)
@click.option("--headless", is_flag=True, help="Do not open a browser.")
def command(audit: str, person: str | None, url: str | None, port: int, address: str, headless: bool) -> int:
    """Review the flagged items of AUDIT in the browser, with one key for each decision.

    Prints the address and runs until Ctrl-C. Decisions are saved as they are made.
    """
    from labelaudit.audit_folder import load
    from labelaudit.reviewing import check_reviews

    check_reviews(load(audit), store=url)  # what is missing or damaged is told here, not in a browser
    port = _free_port(address, port)
    options = [f"--as={person}"] if person else []
    host = "localhost" if address == "127.0.0.1" else f"[{address}]" if ":" in address else address
    click.echo(f"Review {audit} at http://{host}:{port}  (Ctrl-C stops)")
    # A URL may hold a password, and others can read the command line of a process.
    environment = os.environ | ({"LABELAUDIT_STORE": url} if url else {})
    arguments = streamlit_arguments(audit, *options, address=address, port=port, headless=headless)
    server = [sys.executable, "-m", "streamlit", *arguments]
    process = subprocess.Popen(server, stdin=subprocess.DEVNULL, env=environment)  # noqa: S603 -- our own interpreter and script
    # Whoever stops this command by a signal, not only by Ctrl-C in a terminal, stops the server too.
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        return _OUR_FAULT if process.wait() > 0 else 0
    except KeyboardInterrupt:
        process.terminate()
        _wait_or_kill(process)
        click.echo("Stopped. Everything that was acknowledged is saved.")
        return 0


def _free_port(address: str, port: int) -> int:
    """Return the port to listen on, a free one for 0; the server itself would say in a log that it cannot."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":  # as the server does: a port that was left a moment ago is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            return int(probe.getsockname()[1])
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"The review cannot be served at {address}, port {port}: {reason}.",
            "Choose another --port (0 for any free one), or an --address of this machine.",
        ) from error


def streamlit_arguments(audit: str, *options: str, address: str, port: int, headless: bool) -> list[str]:
    """Return the arguments of ``streamlit`` that serve the review of an audit."""
    settings = _SETTINGS | {
        "server.address": address,
        "server.port": str(port),
        "server.headless": "true" if headless else "false",
    }
    flags = [part for name, value in settings.items() for part in (f"--{name}", value)]
    return ["run", str(_ENTRY), *flags, "--", audit, *options]


def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()  # every decision is one whole transaction: nothing can be half-written
