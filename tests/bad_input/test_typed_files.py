"""Bad JSON, Parquet and Hugging Face data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelaudit.errors import LabelsError, ReadError
from labelaudit.readers import read
from tests.bad_input.cases import Cases, write

case = Cases()

# JSON


@case(ReadError, "data.jsonl, line 2: this is no JSON", "Mend or remove the line")
def broken_json_line(folder):
    return write(folder / "data.jsonl", '{"text": "a", "label": "x"}\n{"text": "b", "lab\n'), {}


@case(ReadError, "line 2: there is a number, no object")
def json_scalar(folder):
    return write(folder / "data.jsonl", '{"text": "a", "label": "x"}\n5\n'), {}


@case(ReadError, "holds an object, no array")
def json_object_instead_of_array(folder):
    return write(folder / "data.json", '{"text": ["a"], "label": ["x"]}'), {}


def json_items(folder: Path, item_id: str) -> tuple[Path, dict[str, Any]]:
    lines = (f'{{"id": {item_id}, "text": "words {i}", "label": "{"xy"[i % 2]}"}}' for i in range(4))
    return write(folder / "data.jsonl", "\n".join(lines)), {}


@case(ReadError, "Column 'id' of", "data.jsonl, row 1 (line 1): the id is missing", "--drop id")
def json_ids_that_are_no_numbers(folder):
    return json_items(folder, "NaN")


@case(ReadError, "row 1 (line 1): the id is missing", "--drop id")
def json_ids_that_are_null(folder):
    return json_items(folder, "null")


@case(ReadError, "Column 'id' of", "holds struct", "no ids", "--drop id")
def json_ids_that_are_objects(folder):
    path, _ = json_items(folder, '{"$oid": "5f0c"}')
    return path, {"id": "id"}


@case(ReadError, "data.jsonl, line 1: arrays or objects are nested too deeply.")
def json_nested_without_end(folder):
    return write(folder / "data.jsonl", '{"text": ' + "[" * 100_000 + "]" * 100_000 + "}"), {}


@case(ReadError, "data.json: a number has thousands of digits.")
def json_number_without_end(folder):
    return write(folder / "data.json", '[{"text": "a b", "label": ' + "1" * 5_000 + "}]"), {}


@pytest.mark.parametrize("value", [{"body": "the red one"}, ["the", "red", "one"]])
def test_text_that_is_no_string_is_refused(value, tmp_path):
    lines = [json.dumps({"text": value, "label": "xy"[k % 2]}) for k in range(4)]
    with pytest.raises(ReadError, match=r"Column 'text' of .* holds (struct|list).*, no text\.") as caught:
        read(write(tmp_path / "data.jsonl", "\n".join(lines)))
    assert "one string" in caught.value.fix


@case(ReadError, "nothing to learn from", "empty or hold lists: meta", "--text")
def content_inside_an_object(folder):
    lines = [json.dumps({"meta": {"text": "a b c"}, "label": "xy"[k % 2]}) for k in range(4)]
    return write(folder / "data.jsonl", "\n".join(lines)), {}


@case(ReadError, "is no JSON", ".jsonl")
def json_lines_called_json(folder):
    return write(folder / "data.json", '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n'), {}


# Parquet, Hugging Face


@case(ReadError, "no readable Parquet file")
def broken_parquet(folder):
    return write(folder / "data.parquet", b"PAR1 this is none PAR1"), {}


@case(ReadError, "no readable Parquet file")
def truncated_parquet(folder):
    pq.write_table(pa.table({"text": ["a b"] * 500, "label": ["x", "y"] * 250}), folder / "data.parquet")
    return write(folder / "data.parquet", (folder / "data.parquet").read_bytes()[:-300]), {}


@case(ReadError, "the column 'text' is there twice")
def parquet_with_a_column_twice(folder):
    values = pa.array(["x", "y"] * 2)
    pq.write_table(pa.Table.from_arrays([values] * 3, names=["text", "text", "label"]), folder / "data.parquet")
    return folder / "data.parquet", {}


@case(LabelsError, "Column 'label'", "holds bytes, no labels")
def parquet_with_bytes_for_labels(folder):
    columns = {"text": ["a word", "two words"] * 2, "label": [b"x", b"y"] * 2}
    pq.write_table(pa.table(columns), folder / "data.parquet")
    return folder / "data.parquet", {}


@case(ReadError, "several splits: train, test", "train")
def hugging_face_splits(folder):
    write(folder / "dataset_dict.json", '{"splits": ["train", "test"]}')
    return folder, {}


@case(ReadError, "outside of it")
def hugging_face_file_outside(folder):
    (folder / "saved").mkdir()
    write(folder / "saved" / "state.json", '{"_data_files": [{"filename": "../secret.arrow"}]}')
    return folder / "saved", {}


@case(ReadError, "cannot be read", "save_to_disk")
def hugging_face_file_damaged(folder):
    write(folder / "state.json", '{"_data_files": [{"filename": "data.arrow"}]}')
    write(folder / "data.arrow", b"not arrow at all")
    return folder, {}


@case(ReadError, "state.json cannot be read", "save_to_disk")
def hugging_face_state_nested_without_end(folder):
    write(folder / "state.json", "[" * 200_000)
    return folder, {}


@case(ReadError, "no such file can be")
def hugging_face_file_of_no_name(folder):
    write(folder / "state.json", json.dumps({"_data_files": [{"filename": "data\0.arrow"}]}))
    return folder, {}


@pytest.mark.parametrize("damage", [0x110000, 0xD800])
def test_numbers_that_are_no_characters_in_an_array_of_strings(damage: int, tmp_path: Path) -> None:
    codes = np.frombuffer("yes no maybe".encode("utf-32-le"), dtype="<u4").copy()
    codes[5] = damage
    np.save(tmp_path / "labels.npy", codes.view("<U4"))
    with pytest.raises(LabelsError, match=r"labels 'labels\.npy', row 2: 0x\w+ stands for no character"):
        read(tmp_path / "labels.npy")


@pytest.mark.parametrize("name", case)
def test_bad_input_gets_one_clear_error(name: str, tmp_path: Path) -> None:
    case.check(name, tmp_path)
