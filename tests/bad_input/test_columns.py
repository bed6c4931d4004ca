"""Bad columns: missing, in doubt, with duplicate ids, or with labels that cannot be audited."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from labelaudit.errors import LabelsError, ReadError, UnknownNameError
from tests.bad_input.cases import GOOD, Cases, labels, table, write

case = Cases()


@case(UnknownNameError, "Column 'lable' is not in", "data.csv", "Did you mean 'label'?", "Columns: id, text, label")
def missing_column(folder):
    return table(folder, label="lable")


@case(UnknownNameError, "Column 'channel' is not in", "Columns: id, text, label")
def missing_group_column(folder):
    return table(folder, group="channel")


@case(ReadError, "the column 'text' is there 2 times", "line 1")
def duplicate_column(folder):
    return table(folder, "text,text,label\na,b,x\n")


@case(ReadError, "No column of", "recognised as the label", "--label", "Columns: id, text")
def no_label_column(folder):
    return table(folder, "id,text\na,the red one\nb,the blue one\n")


@case(ReadError, "may be the label: color, shape", "--label shape")
def label_in_doubt(folder):
    rows = "".join(f"{i},{'rb'[i % 2]},{'sc'[i % 2]}\n" for i in range(10))
    return table(folder, f"id,color,shape\n{rows}")


@case(ReadError, "may be the text: question, review", "--text")
def text_in_doubt(folder):
    return table(folder, "question,review,label\na b c,d e f,x\na b d,d e g,y\n")


@case(ReadError, "Column 'text'", "holds numbers, no text, such as", "--features text")
def text_column_of_numbers(folder):
    return table(folder, "id,text,label\n1,2.5,x\n2,3.5,y\n3,4,x\n")


@case(ReadError, "Column 'note'", "holds numbers")
def chosen_text_column_of_numbers(folder):
    return table(folder, "note,label\n2.5,x\n3.5,y\n4,x\n", text="note")


@case(ReadError, "is empty in all rows", "--text")
def text_column_without_text(folder):
    return table(folder, "text,label\n,x\n,y\n,x\n")


@case(ReadError, "'label'", "both the label and what is to be learned from")
def label_as_text(folder):
    return table(folder, label="label", text="label")


@case(ReadError, "nothing to learn from", "--embeddings")
def nothing_but_labels(folder):
    return table(folder, "id,label\na,x\nb,y\nc,x\nd,y\n")


# ids


@case(ReadError, "the id 'a' is in row 1 (line 2) and in row 3 (line 4)", "--drop id")
def duplicate_ids(folder):
    return table(folder, GOOD.replace("c,", "a,"))


@case(ReadError, "row 2 (line 3): the id is missing")
def missing_id(folder):
    return table(folder, GOOD.replace("b,", ","))


# labels


@case(LabelsError, "Column 'label' of", "one class only, 'x' (3 rows)")
def one_class_only(folder):
    return labels(folder, "x", "x", "x")


@case(LabelsError, "all 3 labels are different", "--label")
def all_labels_unique(folder):
    return labels(folder, "x", "y", "z")


@case(LabelsError, "row 3 (line 4): 0.75 is a fraction")
def float_labels(folder):
    return labels(folder, "1", "2", "0.75", "1")


@case(LabelsError, "row 1 (line 2): 0.1 is a fraction")
def float_labels_with_marks_of_missing_ones(folder):
    return labels(folder, "0.1", "NA", "0.75", "nan")


@case(LabelsError, "all 3 labels are missing")
def null_labels(folder):
    return labels(folder, "", "", " ")


@case(LabelsError, "the types are mixed: 'x' (str) in row 1 (line 1), 3 (int) in row 3 (line 3)")
def mixed_labels(folder):
    rows = [{"text": "a b", "label": "x"}, {"text": "c d", "label": "x"}, {"text": "e f", "label": 3}]
    return write(folder / "data.jsonl", "\n".join(map(json.dumps, rows))), {}


@case(LabelsError, "row 1 (line 1): ['x', 'y'] is a list", "one label")
def several_labels_an_item(folder):
    rows = [{"text": "a b", "label": ["x", "y"]}, {"text": "c d", "label": ["x"]}]
    return write(folder / "data.jsonl", "\n".join(map(json.dumps, rows))), {"label": "label", "classes": ("x", "y")}


@case(LabelsError, "row 4 (line 5): Unknown class 'z'", "Available: x, y")
def label_outside_the_classes(folder):
    return labels(folder, "x", "y", "x", "z", classes=["x", "y"])


@case(LabelsError, "row 2: the label 7 is not between 0 and 1")
def label_index_out_of_range(folder):
    np.save(folder / "labels.npy", np.array([0, 7, 1, 1]))
    np.save(folder / "model.npy", np.full((4, 2), 0.5))
    return folder, {}


@case(LabelsError, "Python objects", "never unpickled")
def labels_as_objects(folder):
    np.save(folder / "labels.npy", np.array(["x", 1, None], dtype=object), allow_pickle=True)
    return folder / "labels.npy", {}


@case(LabelsError, "labels 'labels.npy' has the shape (4, 2)")
def labels_in_two_dimensions(folder):
    np.save(folder / "labels.npy", np.zeros((4, 2), dtype=int))
    return folder / "labels.npy", {}


@pytest.mark.parametrize("name", case)
def test_bad_input_gets_one_clear_error(name: str, tmp_path: Path) -> None:
    case.check(name, tmp_path)
