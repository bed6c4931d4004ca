"""The matrix in docs/formats.md is what the formats declare."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from labelaudit.domain import Batch, BatchItem
from labelaudit.formats import CAPABILITIES, FORMATS, losses
from tests.formats.test_round_trip import LABEL_LIMITS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
BEGIN = "<!-- matrix: made by tests/formats/test_docs.py -->\n"
END = "<!-- end of matrix -->"
SHORT = {
    "given_label": "label now",
    "suggestion": "suggestion",
    "tags": "batch id and hash",
    "content": "text",
    "several": "several labels",
    "opinions": "several people",
    "annotator": "annotator",
    "time": "time",
    "seconds": "lead time",
    "verdict": "verdicts",
    "skip": "skips",
    "note": "remarks",
}


def matrix() -> str:
    lines = ["| format | text | images | tables | several labels | odd labels |", "|---|---|---|---|---|---|"]
    for name, form in FORMATS:
        cells = [cell(form, modality) for modality in ("text", "image", "table")]
        several = "yes" if all("several" in carried for carried in form.carries.values()) else "no"
        odd = f"up to {LABEL_LIMITS[name]} characters" if name in LABEL_LIMITS else "yes"
        lines.append(f"| {name} | {' | '.join(cells)} | {several} | {odd} |")
    return "\n".join(lines) + "\n"


def cell(form, modality):
    if modality not in form.carries:
        return "–"
    content = {"text": {"text": "x"}, "image": {"image": "x.png"}, "table": {"fields": {"x": 1}}}[modality]
    item = BatchItem(item_id="x", content_hash="0", **content)
    batch = replace(Batch(batch_id="b", audit_id="a", classes=("x", "y"), items=(item,)), several=True)
    words = {text: SHORT[name] for name, text in CAPABILITIES.items()}
    lost = [words[text] for text in losses(form, batch)]
    return f"all but {', '.join(lost)}" if lost else "yes"


def test_the_matrix_is_current():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0] == matrix()


def test_every_format_is_documented():
    text = DOCUMENT.read_text(encoding="utf-8").casefold()
    for name, form in FORMATS:
        assert name.split("-")[0] in text
        assert form.summary
        assert form.name == name
