"""The walk through docs/loop.md: runs its commands in order, plays the people between them, notes what is said.

``python -m tests.loop_walkthrough`` writes what the commands print into the document.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "loop.md"
PEOPLE = (("ann", "5.0"), ("bob", "8.0"))
SOMEBODY_ELSE = (("cem", "6.0"),)
"""Who takes second looks, with the seconds that an answer takes."""
SKIPPED = 3
"""Row of the first batch that its annotator skips."""

_BLOCK = re.compile(r"```\n(\$ labelaudit .*?)```", re.DOTALL)
_PROGRESS = re.compile(r"\w[\w ]*: done \(\d+\)|.* items, .* classes, .*")


def commands(block: str) -> list[str]:
    """Return the commands of a block of the document."""
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def blocks(text: str) -> list[str]:
    """Return the blocks of the document that show commands and what they print."""
    return _BLOCK.findall(text)


def play(block: str, folder: Path) -> str:
    """Run the commands of a block in `folder`; return the block as it is now."""
    shown = []
    for command in commands(block):
        for file in re.findall(r" import \S+ (\S+) ", command):
            answer(folder / file)
        shown.append(f"$ {command}\n{said_by(command, folder)}")
    return "\n".join(shown)


def said_by(command: str, folder: Path) -> str:
    """Run one command; return what it prints, without its progress."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "LABELAUDIT_PERSON": "lea", "COLUMNS": "120"}
    environment.pop("LABELAUDIT_STORE", None)
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        raise AssertionError(f"{command}\n{done.stdout}{done.stderr}")
    notes = [line for line in done.stderr.splitlines() if line and not _PROGRESS.fullmatch(line)]
    return "".join(line.rstrip() + "\n" for line in [*notes, *done.stdout.splitlines()])


def answer(path: Path) -> None:
    """Fill in a batch as two people do who know the truth; one of them skips an item of the first batch."""
    with (ROOT / "sample_data" / "tickets_truth.csv").open(newline="", encoding="utf-8") as file:
        truth = {row["id"]: row["true_label"] for row in csv.DictReader(file)}
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    people = SOMEBODY_ELSE if path.stem == "again" else PEOPLE
    for number, row in enumerate(rows):
        row["annotator"], row["seconds"] = people[number % len(people)]
        row["answer"] = truth[row["labelaudit_id"]]
        if number == SKIPPED and path.stem == "batch":
            row |= {"answer": "", "verdict": "skip"}
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def walked(folder: Path) -> tuple[str, str]:
    """Return the document as it stands and as it would stand with what its commands print now."""
    shutil.copytree(ROOT / "sample_data", folder / "sample_data")
    text = now = DOCUMENT.read_text(encoding="utf-8")
    for block in blocks(text):
        now = now.replace(block, play(block, folder))
    return text, now


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        _, current = walked(Path(scratch))
    DOCUMENT.write_text(current, encoding="utf-8")
