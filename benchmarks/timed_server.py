"""The review server with a clock: ``python benchmarks/timed_server.py AUDIT PORT LOG``.

Runs Streamlit as ``labelaudit review`` does, in a process whose functions are wrapped before the page imports them, so
that the product needs no hook. Each line of LOG is a JSON object with wall and processor milliseconds:

``rerun``
    From a browser's message handed to Streamlit's script thread to the last element sent back, waiting for the
    interpreter included: all of the server's time but the web socket. ``path`` says of which page.
``answer``
    The part of it in which a message of the card is answered: decisions recorded, items claimed, cards made.
``store``
    The part of that in the database. Both carry the number of decisions in the message.
"""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from streamlit.runtime.scriptrunner import ScriptRunner
from streamlit.web.cli import main as streamlit

from labelaudit.cli.review import streamlit_arguments
from labelaudit.store import Store
from labelaudit.ui.exchange import Exchange


class Clock:
    """Writes how long calls take."""

    def __init__(self, log: TextIO) -> None:
        self.log, self.lock = log, threading.Lock()

    def wrap(self, owner: type, name: str, kind: str, told: Callable[..., dict[str, Any]]) -> None:
        """Replace a method by one that is timed; `told` says what else to write of its arguments."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def timed(*arguments: Any, **options: Any) -> Any:
            wall, processor = time.perf_counter(), time.thread_time()
            try:
                return original(*arguments, **options)
            finally:
                spent = {"wall": time.perf_counter() - wall, "cpu": time.thread_time() - processor}
                line = {"kind": kind, **{key: 1e3 * value for key, value in spent.items()}, **told(*arguments)}
                with self.lock:
                    self.log.write(json.dumps(line) + "\n")
                    self.log.flush()

        setattr(owner, name, timed)


def commands_in(_: Exchange, message: dict[str, Any]) -> dict[str, int]:
    return {"decisions": len(message.get("commands", ()))}


def decisions_in(_: Store, batch: Sequence[Any]) -> dict[str, int]:
    return {"decisions": len(batch)}


def page_of(_: ScriptRunner, rerun: Any) -> dict[str, Any]:
    return {"is_fragment": bool(rerun.fragment_id_queue)}


def main() -> None:
    audit, port, log = sys.argv[1:]
    with Path(log).open("a", encoding="utf-8") as file:
        clock = Clock(file)
        clock.wrap(ScriptRunner, "_run_script", "rerun", page_of)
        clock.wrap(Exchange, "answer", "answer", commands_in)
        clock.wrap(Store, "decide", "store", decisions_in)
        streamlit(streamlit_arguments(audit, address="127.0.0.1", port=int(port), headless=True))


if __name__ == "__main__":
    main()
