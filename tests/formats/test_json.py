"""JSON in pieces: the same values as the whole, with their lines, and little memory."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelaudit.errors import ReadError
from labelaudit.formats import _json
from labelaudit.formats._json import read_array, read_lines

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, max_size=6), block=st.integers(1, 40), indent=st.none() | st.integers(0, 2))
def test_any_array_in_blocks_of_any_size(tmp_path, monkeypatch, values, block, indent):
    monkeypatch.setattr(_json, "_BLOCK", block)
    file = tmp_path / "a.json"
    file.write_text(json.dumps(values, indent=indent, ensure_ascii=False), encoding="utf-8", errors="surrogatepass")
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        with pytest.raises(ReadError, match="not UTF-8"):
            list(read_array(file))
        return
    found = list(read_array(file))
    assert [value for _, value in found] == values
    lines = file.read_text(encoding="utf-8").split("\n")
    assert all(1 <= line <= len(lines) for line, _ in found)


def test_the_line_of_each_value(tmp_path):
    (tmp_path / "a.json").write_text('[\n{"a": 1},\n\n{"b":\n2}, {"c": 3}]\n')
    assert list(read_array(tmp_path / "a.json")) == [(2, {"a": 1}), (4, {"b": 2}), (5, {"c": 3})]


def test_a_line_separator_inside_a_string_is_no_end_of_line(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": "x\u2028y\u0085z"}\r\n{"b": 1}', encoding="utf-8")
    assert [value for _, value in read_lines(tmp_path / "a.jsonl")] == [{"a": "x\u2028y\u0085z"}, {"b": 1}]


def test_a_large_file_is_never_held_whole(tmp_path):
    file = tmp_path / "large.json"
    element = json.dumps({"data": {"text": "x" * 5_000}, "annotations": []})
    with file.open("w") as stream:
        stream.write("[" + ",\n".join([element] * 8_000) + "]")
    assert file.stat().st_size > 40_000_000
    tracemalloc.start()
    count = sum(1 for _ in read_array(file))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 8_000
    assert peak < 8_000_000
