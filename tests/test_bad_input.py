"""Every bad input gets one clear error that says what, where, and how to mend it, and leaves nothing behind."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from labelaudit.chunks import ParquetProbs
from labelaudit.errors import (
    ConfigError,
    LabelAuditError,
    LabelsError,
    ProbabilityError,
    ReadError,
    UnknownNameError,
)
from labelaudit.images import open_image
from labelaudit.probabilities import check_pred_probs
from labelaudit.readers import read

GOOD = "id,text,label\na,the red one,x\nb,the blue one,y\nc,a red hat,x\nd,a blue hat,y\n"
UNIFORM = np.full((4, 2), 0.5, dtype=np.float32)

Build = Callable[[Path], tuple[Path, dict[str, Any]]]
CASES: dict[str, tuple[Build, type[LabelAuditError], list[str]]] = {}


def case(error: type[LabelAuditError], *words: str) -> Callable[[Build], Build]:
    """Register a bad input: the error it gets and words that its message must have."""

    def register(build: Build) -> Build:
        CASES[build.__name__] = (build, error, list(words))
        return build

    return register


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def table(folder: Path, content: str | bytes = GOOD, **options: Any) -> tuple[Path, dict[str, Any]]:
    return write(folder / "data.csv", content), options


def labels(folder: Path, *cells: str, **options: Any) -> tuple[Path, dict[str, Any]]:
    rows = "".join(f"r{i},words of item {i},{cell}\n" for i, cell in enumerate(cells))
    return table(folder, f"id,text,label\n{rows}", **options)


def probabilities(folder: Path, array: Any) -> tuple[Path, dict[str, Any]]:
    np.save(folder / "m1.npy", array)
    return table(folder, pred_probs=str(folder / "m1.npy"))


# files


@case(ReadError, "no file or folder", "Did you mean 'data.csv'?")
def missing_file(folder):
    table(folder)
    return folder / "dat.csv", {}


@case(ReadError, "no folder", "Check the path")
def missing_folder(folder):
    return folder / "nowhere" / "data.csv", {}


@case(ReadError, "no file that any reader knows", "--reader")
def unknown_kind_of_file(folder):
    return write(folder / "data.xlsx", b"PK"), {}


@case(ReadError, "no folder that any reader knows")
def empty_folder(folder):
    (folder / "sub").mkdir()
    return folder / "sub", {}


@case(UnknownNameError, "Unknown reader 'cvs'", "Did you mean 'csv'?")
def unknown_reader(folder):
    return table(folder, reader="cvs")


@case(UnknownNameError, "Unknown read option 'lable'", "Did you mean 'label'?")
def unknown_option(folder):
    return table(folder, lable="label")


@case(ConfigError, "'normalize' is 'yes'", "true or false")
def option_of_wrong_type(folder):
    return table(folder, normalize="yes")


@case(ReadError, "data.csv is empty")
def empty_file(folder):
    return table(folder, "")


@case(ReadError, "data.csv is empty")
def blank_file(folder):
    return table(folder, "\n \n\n")


@case(ReadError, "data.csv has no rows")
def header_only(folder):
    return table(folder, "id,text,label\n")


@case(ReadError, "cannot be read", "damaged")
def truncated_gzip(folder):
    return write(folder / "data.csv.gz", gzip.compress(GOOD.encode() * 50)[:60]), {}


@case(ReadError, "cannot be read", "damaged")
def no_gzip(folder):
    return write(folder / "data.csv.gz", GOOD), {}


@case(ReadError, "cannot be read: File name too long")
def name_too_long(folder):
    return folder / ("a" * 300 + ".csv"), {}


# columns


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
    np.save(folder / "model.npy", UNIFORM)
    return folder, {}


@case(LabelsError, "Python objects", "never unpickled")
def labels_as_objects(folder):
    np.save(folder / "labels.npy", np.array(["x", 1, None], dtype=object), allow_pickle=True)
    return folder / "labels.npy", {}


@case(LabelsError, "labels 'labels.npy' has the shape (4, 2)")
def labels_in_two_dimensions(folder):
    np.save(folder / "labels.npy", np.zeros((4, 2), dtype=int))
    return folder / "labels.npy", {}


# CSV


@case(ReadError, "data.csv, line 3: the row has 4 cells, but the header has 3 columns")
def ragged_row_too_long(folder):
    return table(folder, GOOD.replace("b,the blue one", "b,the,blue one"))


@case(ReadError, "line 5: the row has 2 cells, but the header has 3 columns")
def ragged_row_too_short_after_a_cell_of_two_lines(folder):
    return table(folder, 'id,text,label\na,"two\nlines",x\nb,one,y\nc,short\nd,one,x\n')


@case(ReadError, "line 4: a quoted cell that starts in this row never ends")
def quotation_mark_never_closed(folder):
    return table(folder, GOOD.replace("c,a red hat,x", 'c,a red hat,"x'))


@case(ReadError, "line 4: the row has 2 cells")
def ragged_row_after_a_very_long_cell(folder):
    return table(folder, GOOD.replace("the red one", "red " * 50_000).replace("c,a red hat,x", "c,a red hat"))


@case(LabelsError, "row 4 (line 5): Unknown class 'z'")
def wrong_class_after_a_very_long_cell(folder):
    return labels(folder, "x", "y" + " " * 200_000, "x", "z", classes=["x", "y"])


@case(ReadError, "data.csv, line 3: byte 0xe9", "--encoding cp1252")
def wrong_encoding(folder):
    return table(folder, GOOD.replace("the blue one", "caf\xe9").encode("cp1252"))


@case(ReadError, "line 1: byte 0xff (byte 0 of the file)", "--encoding utf-16")
def utf16_read_as_utf8(folder):
    return table(folder, GOOD.encode("utf-16"))


@case(ReadError, "data.csv ends in the middle of a character of utf-8", "was cut")
def cut_in_the_middle_of_a_character(folder):
    return table(folder, (GOOD.rstrip() + "é").encode()[:-1])


@case(ConfigError, "Unknown encoding 'utf-9'")
def unknown_encoding(folder):
    return table(folder, encoding="utf-9")


@case(ConfigError, "'::' is no single character")
def delimiter_of_two_characters(folder):
    return table(folder, delimiter="::")


@case(ReadError, "data.csv, line 3: there is a NUL character")
def nul_bytes(folder):
    return table(folder, GOOD.replace("blue one", "blue\0one"))


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


@case(ReadError, "holds the images themselves")
def parquet_with_embedded_images(folder):
    images = [{"bytes": b"\x89PNG", "path": f"{i}.png"} for i in range(4)]
    pq.write_table(pa.table({"image": images, "label": [0, 1, 0, 1]}), folder / "data.parquet")
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


# images


def picture(path: Path, size: tuple[int, int] = (8, 8)) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "red").save(path)
    return path.read_bytes()


def image_table(folder: Path, name: str) -> tuple[Path, dict[str, Any]]:
    picture(folder / "data" / "a.png")
    return write(folder / "data" / "data.csv", f"image,label\na.png,x\n{name},y\na.png,x\n"), {}


@case(ReadError, "row 2 (line 3): The image", "b.png", "no such file")
def missing_image(folder):
    return image_table(folder, "b.png")


@case(ReadError, "row 2 (line 3)", "it is empty")
def empty_image(folder):
    path, options = image_table(folder, "b.png")
    write(path.parent / "b.png", b"")
    return path, options


@case(ReadError, "row 2 (line 3)", "it is no image, or damaged")
def text_called_image(folder):
    path, options = image_table(folder, "b.jpg")
    write(path.parent / "b.jpg", "these are words")
    return path, options


@case(ReadError, "row 2 (line 3)", "leads out of the folder")
def image_path_with_dots(folder):
    picture(folder / "b.png")
    return image_table(folder, "../b.png")


@case(ReadError, "leads out of the folder")
def absolute_image_path(folder):
    picture(folder / "b.png")
    return image_table(folder, str(folder / "b.png"))


@case(ReadError, "leads out of the folder")
def link_out_of_the_folder(folder):
    picture(folder / "b.png")
    path, options = image_table(folder, "b.png")
    (path.parent / "b.png").symlink_to(folder / "b.png")
    return path, options


@case(ReadError, "leads out of the folder")
def folder_linked_out_of_the_folder(folder):
    picture(folder / "elsewhere" / "b.png")
    path, options = image_table(folder, "linked/b.png")
    (path.parent / "linked").symlink_to(folder / "elsewhere")
    return path, options


@case(ReadError, "row 2 (line 3): the image path is missing")
def image_path_missing(folder):
    return image_table(folder, "")


def claimed(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes whose head claims a size."""
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    parts = (
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big") for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@case(ReadError, "row 2 (line 3)", "it claims more than 80,000,000 pixels", "(9000 × 9000)")
def image_too_large(folder):
    path, options = image_table(folder, "b.png")
    write(path.parent / "b.png", claimed(9000, 9000))
    return path, options


@case(ReadError, "row 2 (line 3)", "it claims more than 80,000,000 pixels")
def image_that_pillow_warns_of(folder):
    path, options = image_table(folder, "b.png")
    write(path.parent / "b.png", claimed(10000, 10000))
    return path, options


@case(ReadError, "row 2 (line 3)", "it claims more than 80,000,000 pixels")
def decompression_bomb(folder):
    path, options = image_table(folder, "b.png")
    write(path.parent / "b.png", claimed(60000, 60000))
    return path, options


@case(ReadError, "folders of folders", "train")
def image_folders_too_deep(folder):
    picture(folder / "train" / "cat" / "a.png")
    picture(folder / "test" / "cat" / "a.png")
    return folder, {"reader": "images"}


@case(LabelsError, "one class only, 'cat'")
def images_of_one_class(folder):
    picture(folder / "cat" / "a.png")
    picture(folder / "cat" / "b.png")
    return folder, {}


# arrays


@case(ProbabilityError, "pred_probs 'm1.npy' has 3 rows but there are 4 items")
def too_few_rows_of_pred_probs(folder):
    return probabilities(folder, UNIFORM[:3])


@case(LabelsError, "there are 2 classes but the probabilities have 3 columns", "--class")
def too_many_columns_of_pred_probs(folder):
    return probabilities(folder, np.full((4, 3), 1 / 3))


@case(ProbabilityError, "has 3 dimensions, shape (1, 4, 2)", "one (n, K) array for each model")
def pred_probs_in_three_dimensions(folder):
    return probabilities(folder, UNIFORM[None])


@case(ProbabilityError, "Python objects", "never unpickled")
def pred_probs_as_objects(folder):
    return probabilities(folder, UNIFORM.astype(object))


@case(ProbabilityError, "values of the type complex128")
def complex_pred_probs(folder):
    return probabilities(folder, UNIFORM.astype(complex))


@case(ProbabilityError, "m2.npy, does not exist")
def missing_pred_probs(folder):
    return table(folder, pred_probs=str(folder / "m2.npy"))


@case(ProbabilityError, "m1.npy' cannot be read", "truncated")
def truncated_pred_probs(folder):
    path, options = probabilities(folder, np.full((4, 2), 0.5))
    write(folder / "m1.npy", (folder / "m1.npy").read_bytes()[:-8])
    return path, options


@case(ProbabilityError, "archive of several arrays")
def pred_probs_in_an_archive(folder):
    np.savez(folder / "m1.npz", a=UNIFORM)
    return table(folder, pred_probs=str(folder / "m1.npz"))


@case(ProbabilityError, "has 3 columns but there are 2 classes")
def models_with_different_columns(folder):
    np.save(folder / "m1.npy", UNIFORM)
    np.save(folder / "m2.npy", np.full((4, 3), 1 / 3))
    return table(folder, pred_probs=[str(folder / "m1.npy"), str(folder / "m2.npy")])


@case(ReadError, "embeddings 'e.npy', row 3: there is a NaN")
def embeddings_with_nan(folder):
    vectors = np.ones((4, 3))
    vectors[2, 1] = np.nan
    np.save(folder / "e.npy", vectors)
    return table(folder, embeddings=str(folder / "e.npy"))


@case(ReadError, "has 5 rows but there are 4 items")
def embeddings_of_other_length(folder):
    np.save(folder / "e.npy", np.ones((5, 3)))
    return table(folder, embeddings=folder / "e.npy")


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_one_clear_error_and_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    build, error, words = CASES[name]
    path, options = build(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error) as caught:
        read(path, **options)
    message = str(caught.value)
    for word in words:
        assert word in message
    assert caught.value.fix, "the message must say how to mend it"
    assert caught.value.exit_code in {2, 3}
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([0.9, 0.41], "row 17: the probabilities sum to 1.31."),
        ([-0.2, 1.2], "row 17: the probability of class 0 is -0.2, which is negative."),
        ([0.0, 1.5], "row 17: the probability of class 1 is 1.5, which is above 1."),
        ([np.nan, 1.0], "row 17: the probability of class 0 is NaN."),
        ([np.inf, 0.0], "row 17: the probability of class 0 is inf, which is infinite."),
        ([np.inf, -np.inf], "which is infinite."),
        ([0.0, 0.0], "row 17: the probabilities sum to 0."),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("form", ["npy", "parquet"])
def test_bad_content_of_pred_probs_names_the_first_row(row, words, dtype, form, tmp_path: Path) -> None:
    array = np.full((40, 2), 0.5, dtype=dtype)
    array[[16, 30]] = row
    if form == "npy":
        np.save(tmp_path / "m1.npy", array)
        source: Any = np.load(tmp_path / "m1.npy", mmap_mode="r")
    else:
        pd.DataFrame(array, columns=["x", "y"]).to_parquet(tmp_path / "m1.parquet", row_group_size=7)
        source = ParquetProbs(tmp_path / "m1.parquet")
    with pytest.raises(ProbabilityError) as caught:
        check_pred_probs(source, 40, 2, name="pred_probs 'm1'")
    assert str(caught.value).startswith("pred_probs 'm1', ")
    assert words in str(caught.value)


def test_only_rows_that_scaling_can_mend_are_offered_it() -> None:
    with pytest.raises(ProbabilityError, match="--normalize"):
        check_pred_probs(np.array([[0.9, 0.41]]), 1, 2)
    check_pred_probs(np.array([[0.9, 0.41], [7.0, 2.0]]), 2, 2, normalize=True)
    for row in ([np.nan, 1], [-1, 2], [0, 0], [np.inf, 1]):
        with pytest.raises(ProbabilityError) as caught:
            check_pred_probs(np.array([row], dtype=float), 1, 2, normalize=True)
        assert "--normalize" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "tiff", "webp"])
def test_a_truncated_image_is_refused_when_it_is_decoded(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    write(path, path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ReadError, match=r"labels\.csv, row 2: the image .* cannot be read: .*") as caught:
        open_image(path, where="labels.csv, row 2")
    assert caught.value.fix
