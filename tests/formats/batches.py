"""Batches of every kind, and what annotators say about them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PIL import Image

from labelaudit.domain import Batch, BatchItem

PLAIN = ("neg", "neutral", "pos")
ODD = (
    "=1+1",
    "a | b",
    'he said "no", twice',
    "naïve — 猫 🦊",
    "שלום עולם",
    "<b>&amp;</b>",
    "x" * 300,
    "[1, 2]",
    "-5",
    "'quoted'",
)
ODD_TEXTS = (
    'comma, "quote"\r\nand a line',
    "=cmd|' /C calc'!A0",
    "مرحبا بالعالم",
    " leading and trailing ",
    "tab\there\u2028and a line separator",
    "{{ template }} </script>",
    "é" * 5_000,
)
ODD_IDS = ("a/b:c", "=1", "00123", "ünïcode 7", "x" * 120, '"quoted"', "1e5")


@dataclass(frozen=True)
class Reply:
    """What one person says."""

    labels: tuple[str, ...] = ()
    verdict: str | None = None
    annotator: str = "ann@example.org"
    at: int = 1_772_366_400_250
    seconds: float = 12.5
    note: str = ""


def make_batch(folder, modality="text", *, several=False, odd=False, blind=False) -> Batch:
    classes = ODD if odd else PLAIN
    items = tuple(
        BatchItem(
            item_id=ODD_IDS[k] if odd else f"s{k}",
            content_hash=f"{k:032x}",
            **_content(folder, modality, k, odd=odd),
            given_label=classes[k % len(classes)],
            suggested_label=classes[(k + 1) % len(classes)],
            suggested_probability=0.9 - k / 100,
            suspicion=0.8,
            ambiguity=0.1,
            why="suspect 1 of 7",
            inclusion_probability=1.0,
        )
        for k in range(7)
    )
    return Batch(batch_id="b-0123", audit_id="a-1", classes=classes, items=items, several=several, blind=blind)


def _content(folder, modality, k, *, odd):
    if modality == "text":
        return {"text": ODD_TEXTS[k] if odd else f"text number {k}"}
    if modality == "table":
        return {
            "fields": {"=age" if odd else "age": 30 + k, "job": ODD_TEXTS[k] if odd else "clerk", "new": k % 2 == 0}
        }
    path = folder / (f"bild {k} ü.png" if odd else f"{k}.png")
    Image.new("RGB", (4, 4), (k * 30, 0, 0)).save(path)
    return {"image": str(path)}


def with_short_labels(batch: Batch) -> Batch:
    """The same batch with classes of at most 30 characters."""
    short = {name: name[:30] for name in batch.classes}
    items = tuple(
        replace(item, given_label=short[item.given_label], suggested_label=short[item.suggested_label])
        for item in batch.items
    )
    return replace(batch, classes=tuple(short.values()), items=items)


def replies(batch: Batch) -> dict[str, list[Reply]]:
    """One label, two people who disagree, several labels, a skip, a verdict, a remark, and an item left alone."""
    a, b, *_, z = batch.classes
    ids = [item.item_id for item in batch.items]
    bob = {"annotator": "bob@example.org", "at": 1_772_366_499_000, "seconds": 3.0}
    return {
        ids[0]: [Reply((a,))],
        ids[1]: [Reply((b,)), Reply((z,), **bob)],
        ids[2]: [Reply((a, z) if batch.several else (z,))],
        ids[3]: [Reply(verdict="skip")],
        ids[4]: [Reply(verdict="ambiguous")],
        ids[5]: [Reply((b,), note='sure, "really"')],
    }
