"""Corrected text files: stored as the source is, whatever its encoding."""

from __future__ import annotations

import codecs
import gzip

import pytest

from labelaudit.corrected._text import open_source
from labelaudit.errors import LabelsError
from labelaudit.readers import read
from tests.test_corrected import corrected

TABLE = "text,label\n" + "".join(f"über {k},{'ab'[k % 2]}\n" for k in range(6))


@pytest.mark.parametrize(
    ("encoding", "mark", "codec"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", codecs.BOM_UTF8, "utf-8"),
        ("utf-8-sig", b"", "utf-8"),
        ("utf-8-sig", codecs.BOM_UTF8, "utf-8"),
        ("utf-16", codecs.BOM_UTF16_BE, "utf-16-be"),
        ("utf-16", codecs.BOM_UTF16_LE, "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("utf-32", codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_byte_order_marks_stay_as_they_are(encoding, mark, codec, ending, tmp_path):
    packed = ending.endswith("gz")
    stored = mark + TABLE.encode(codec)
    (tmp_path / f"in.{ending}").write_bytes(gzip.compress(stored) if packed else stored)
    corrected(read(tmp_path / f"in.{ending}", encoding=encoding), tmp_path, {1: "b"}, tmp_path / f"out.{ending}")
    found = (tmp_path / f"out.{ending}").read_bytes()
    found = gzip.decompress(found) if packed else found
    assert found.startswith(mark)
    lines = found.removeprefix(mark).decode(codec).splitlines()
    assert lines[:3] == ["text,label,label_before,label_verdict", "über 0,b,a,relabel", "über 1,b,b,"]


def test_utf16_without_a_mark_gets_none(tmp_path):
    codec = "utf-16-le" if "a".encode("utf-16").startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    (tmp_path / "in.csv").write_bytes(TABLE.encode(codec))
    source = open_source(tmp_path / "in.csv", "utf-16")
    assert source.bytes_of(source.text) == TABLE.encode(codec)


def test_a_label_that_the_encoding_has_no_place_for_is_refused(tmp_path):
    (tmp_path / "in.csv").write_bytes(TABLE.encode("cp1252"))
    with pytest.raises(LabelsError, match="stored as cp1252, which has no '本'"):
        open_source(tmp_path / "in.csv", "cp1252").bytes_of("日本"[1:])


def test_half_of_a_character_stays_an_escape(tmp_path):
    lines = [f'{{"text": "words {k}", "label": "\\ud83d{"ab"[k % 2]}"}}' for k in range(6)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    dataset = read(tmp_path / "in.jsonl")
    corrected(dataset, tmp_path, {1: dataset.classes[1]}, tmp_path / "out.jsonl")
    first, *rest = (tmp_path / "out.jsonl").read_text().splitlines()
    assert first == ('{"text": "words 0", "label": "\\ud83db", "label_before": "\\ud83da", "label_verdict": "relabel"}')
    assert rest == lines[1:]
