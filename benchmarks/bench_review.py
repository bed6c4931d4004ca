"""How fast the review page is in a real Chromium, with 100,000 flagged items.

    python benchmarks/bench_review.py                   one and eight reviewers, a decision a second each
    python benchmarks/bench_review.py --seconds 120     longer

Measured in the page: from the key press to the next card painted (the frame is on the screen), and from a message with
decisions to the answer taken in, which contains the server's time, Streamlit's and the browser's. "In a row" presses a
key as soon as a card is painted, so the buffer runs dry and the longest wait is that for the server. All reviewers'
browsers run on the same machine as the server.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

import labelaudit as la
from labelaudit.config import AuditConfig
from labelaudit.reviewing import open_queue

N, CLASSES = 100_000, 10
FLAGS = ["--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-first-run",
         "--disable-quic", "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]  # fmt: skip
PAGES = {"queue": "/", "overview": "/overview", "table": "/table", "confusion": "/confusion", "people": "/people",
         "history": "/history", "plain": "/plain", "map": "/map"}  # fmt: skip
IN_A_ROW = """(count) => new Promise((resolve) => {
    const gaps = [];
    let last = performance.now();
    const host = document.querySelector('[data-item]');
    const press = () => document.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', bubbles: true}));
    new MutationObserver(() => {
        if (host.dataset.item === undefined) return;
        gaps.push(performance.now() - last);
        last = performance.now();
        if (gaps.length >= count) resolve(gaps); else press();
    }).observe(host, {attributes: true, attributeFilter: ['data-item']});
    press();
})"""
PLAIN = """() => new Promise((resolve) => {
    const shown = () => document.querySelector('[data-plain]')?.dataset.plain;
    const before = shown();
    let pressed = null;
    document.addEventListener('keydown', (event) => { pressed = event.timeStamp; }, {once: true, capture: true});
    const watch = () => {
        if (pressed !== null && shown() !== before && shown() !== undefined) resolve(performance.now() - pressed);
        else requestAnimationFrame(watch);
    };
    watch();
    window.ready = true;
})"""


def make_audit(folder: Path) -> Path:
    """Audit 130,000 short texts of which 100,000 have a label that two sources of evidence speak against."""
    rng = np.random.default_rng(0)
    total = N + 30_000
    truth = rng.integers(0, CLASSES, total)
    is_wrong = np.arange(total) < N
    labels = np.where(is_wrong, (truth + rng.integers(1, CLASSES, total)) % CLASSES, truth)
    logits = rng.normal(size=(total, CLASSES))
    logits[np.arange(total), truth] += rng.uniform(3, 9, total)
    pred_probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    words = np.array([f"word{k}" for k in range(400)])
    texts = [" ".join(words[rng.integers(0, 400, 12)]) for _ in range(total)]
    rows = [f'i{k:06d},"{text}",class {label}\n' for k, (text, label) in enumerate(zip(texts, labels, strict=True))]
    (folder / "data.csv").write_text("id,text,label\n" + "".join(rows))
    np.save(folder / "probs.npy", pred_probs.astype(np.float32))
    centers = rng.normal(size=(CLASSES, 64)) * 2
    np.save(folder / "vectors.npy", (centers[truth] + rng.normal(size=(total, 64))).astype(np.float32))
    dataset = la.read(
        folder / "data.csv",
        pred_probs=folder / "probs.npy",
        embeddings=folder / "vectors.npy",
        classes=[f"class {k}" for k in range(CLASSES)],
    )
    audit = la.audit(dataset, AuditConfig(neighbors=0)).save(folder / "bench.audit")
    print(f"{int(audit.items['is_suspect'].sum()):,} of {total:,} items are flagged as suspects")
    queue = open_queue(audit, person="r0")
    for k in range(1, 9):
        queue.store.team.set_person(f"r{k}", "reviewer", by="r0")
    queue.close()
    return folder / "bench.audit"


class Server:
    """The server with a clock, and what the clock has written since it was last asked."""

    def __init__(self, audit: Path, scratch: Path) -> None:
        self.log = scratch / "server.jsonl"
        self.log.touch()
        self.process, self.url = serve(audit, self.log)
        self._read = 0

    def times(self, kind: str, **wanted: Any) -> list[dict[str, Any]]:
        """Return the lines of one kind since the last call of :meth:`restart`."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()[self._read :]]
        return [line for line in lines if line["kind"] == kind and wanted.items() <= line.items()]

    def restart(self) -> None:
        """Leave out what was written until now."""
        self._read = len(self.log.read_text().splitlines())

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(20)


def serve(audit: Path, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(Path(__file__).with_name("timed_server.py")), str(audit), str(port), str(log)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=2)
        except OSError:
            time.sleep(0.1)
        else:
            return process, url
    raise SystemExit("The server did not start.")


def resident_mb(process: subprocess.Popen[bytes]) -> float:
    """Resident memory of the server."""
    line = next(
        line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmRSS")
    )
    return int(line.split()[1]) / 1024


def sit_down(browser: Any, url: str, name: str) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "labelaudit_person", "value": name, "url": url}])
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(url)
    page.wait_for_selector("[data-item]")
    return page


def durations(page: Page, name: str) -> list[float]:
    return page.evaluate("name => performance.getEntriesByName(name).map((entry) => entry.duration)", name)


def paced(pages: list[Page], seconds: int) -> dict[str, Any]:
    """Let each reviewer decide once a second."""
    for page in pages:
        page.evaluate("() => performance.clearMeasures()")
    start = time.monotonic()
    for tick in range(seconds):
        for place, page in enumerate(pages):
            due = start + tick + place / len(pages)
            time.sleep(max(0.0, due - time.monotonic()))
            page.keyboard.press("qawe"[tick % 4])
    time.sleep(3)
    cards = [value for page in pages for value in durations(page, "labelaudit:next-card")]
    answers = [value for page in pages for value in durations(page, "labelaudit:answer")]
    return {"next card": told(cards), "answer": told(answers)}


def told(values: list[float]) -> dict[str, float]:
    if not values:
        return {"n": 0}
    return {"n": len(values), **{f"p{q}": round(float(np.percentile(values, q)), 1) for q in (50, 95, 99)}}


READY = {"queue": "[data-item]", "plain": "[data-plain]", "map": "[data-drawn]", "confusion": "[data-drawn]"}
"""What a page shows when it is whole; the others are when they have a heading."""
PAINTED = """() => {
    for (const canvas of document.querySelectorAll('.gl-canvas-context, .gl-canvas-focus')) {
        const gl = canvas.getContext('webgl');
        gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    }
}"""
"""A pixel is read back when all of a figure has been drawn, also by software. The third canvas has no context before it
is asked for one, which would be measured too."""
OPENED = 5


def opening(page: Page, url: str, *, by_menu: bool) -> dict[str, list[float]]:
    """Seconds from asking for a page to its content, least and median: the whole application anew, or by its menu."""
    found = {}
    for name, address in PAGES.items():
        times = []
        for _ in range(OPENED):
            if by_menu:
                page.goto(url + PAGES["history" if name == "people" else "people"])
                page.wait_for_selector("h1")
                page.wait_for_timeout(500)
            start = time.monotonic()
            if by_menu:
                page.locator(f"[data-testid=stTopNavLink][href$='{address}']").first.click()
                page.wait_for_function("path => location.pathname === path", arg=address)
            else:
                page.goto(url + address)
            page.wait_for_selector(READY.get(name, "h1"))
            page.evaluate(PAINTED)
            times.append(time.monotonic() - start)
        found[name] = [round(min(times), 2), round(float(np.median(times)), 2)]
    return found


def plain(page: Page, url: str, presses: int = 30) -> dict[str, float]:
    page.goto(f"{url}/plain")
    page.get_by_role("button", name="keep").wait_for()
    values = []
    for _ in range(presses):
        page.wait_for_timeout(700)
        page.evaluate(f"() => {{ window.ready = false; window.found = ({PLAIN})(); }}")
        page.wait_for_function("window.ready")
        page.keyboard.press("a")
        values.append(page.evaluate("window.found"))
    return told(values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--audit", type=Path, help="an audit made by an earlier run")
    parser.add_argument("--only-opening", action="store_true", help="only how long pages take to open")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        audit = arguments.audit or make_audit(Path(scratch))
        server = Server(audit, Path(scratch))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        try:
            if arguments.only_opening:
                report_opening(sit_down(browser, server.url, "r1"), server.url)
            else:
                report(browser, server, arguments.seconds)
        finally:
            browser.close()
            server.stop()


def say(name: str, values: Any) -> None:
    print(f"{name}: {json.dumps(values)}", flush=True)


def report_opening(page: Page, url: str) -> None:
    say("load average", os.getloadavg())
    say("seconds to open a page by its address, least and median", opening(page, url, by_menu=False))
    say("seconds to open a page by the menu, least and median", opening(page, url, by_menu=True))


def report(browser: Any, server: Server, seconds: int) -> None:
    def say_server(whose: str) -> None:
        """Print the server's own share of what was just measured; messages without a decision are signs of life."""
        batches = {kind: [line for line in server.times(kind) if line["decisions"]] for kind in ("answer", "store")}
        reruns = server.times("rerun", is_fragment=True)
        for name, lines in {"a message, whole": reruns, "a batch, answered": batches["answer"],
                            "a batch, stored": batches["store"]}.items():  # fmt: skip
            for clock in ("wall", "cpu"):
                say(f"server, {name}, {whose}, {clock} ms", told([line[clock] for line in lines]))

    url = server.url
    first = sit_down(browser, url, "r1")
    say("load average before", os.getloadavg())
    memory = resident_mb(server.process)
    say("server MB with one session", round(memory))
    server.restart()
    say("one reviewer, ms", paced([first], seconds))
    say_server("one reviewer")
    say("in a row, 100 cards, ms", told(first.evaluate(IN_A_ROW, 100)))
    server.restart()
    say("page without script, ms", plain(first, url))
    say_server("page without script")
    others = [sit_down(browser, url, f"r{k}") for k in range(2, 9)]
    first.goto(url)
    first.wait_for_selector("[data-item]")
    server.restart()
    say("eight reviewers, ms", paced([first, *others], seconds))
    say_server("eight reviewers")
    say("server MB for each more session", round((resident_mb(server.process) - memory) / 7, 1))
    for page in others:
        page.context.close()
    report_opening(first, url)


if __name__ == "__main__":
    main()
