"""docs/loop.md is true: its commands run, and print what it says they print."""

from __future__ import annotations

import re

import pytest

from tests.loop_walkthrough import blocks, commands, walked

NUMBER = re.compile(r"\d+(?:\.\d+)?")
ITEM = re.compile(r"\bt\d{5}\b")
BATCH = re.compile(r"\bb-[0-9a-f]{10}\b")
MENDED_BY = "Bring the document up to date with: python -m tests.loop_walkthrough"


@pytest.mark.slow
def test_the_commands_print_what_the_document_says(tmp_path):
    text, now = walked(tmp_path)
    for block, current in zip(blocks(text), blocks(now), strict=True):
        assert commands(block) == commands(current)
        said, printed = lines_of(block), lines_of(current)
        assert [words for words, _ in said] == [words for words, _ in printed], MENDED_BY
        for (words, one), (_, two) in zip(said, printed, strict=True):
            assert all(alike(a, b) for a, b in zip(one, two, strict=True)), f"{words}: {one}, now {two}. {MENDED_BY}"


def lines_of(block):
    """Return the words and the numbers of each line; items are named only as examples."""
    found = []
    for line in block.splitlines():
        if ITEM.match(line.strip()):
            continue
        plain = re.sub(r" +", " ", BATCH.sub("BATCH", ITEM.sub("ITEM", line)))
        if line.startswith("$ "):
            found.append((line, []))
        else:
            found.append((NUMBER.sub("N", plain), [float(number) for number in NUMBER.findall(plain)]))
    return found


def alike(one, two):
    """Tell whether a figure still says the same: other processors round otherwise, and a few items change sides."""
    return abs(one - two) <= max(3.0, 0.15 * max(one, two))
