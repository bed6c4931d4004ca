"""Recognition of columns, and what becomes of their values."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from labelaudit.domain import Dataset
from labelaudit.errors import LabelAuditError, LabelsError, ReadError
from labelaudit.readers import read


def read_csv(folder: Path, content: str, **options) -> Dataset:
    (folder / "data.csv").write_text(content, encoding="utf-8")
    return read(folder / "data.csv", **options)


def roles(dataset: Dataset) -> dict[str, object]:
    options = dataset.origin.options
    return {name: options[name] for name in ("label", "text", "image", "id", "features") if options[name]}


def repeated(*lines: str) -> str:
    """Return a header and its rows twice over, so that every label has two items."""
    return "\n".join([lines[0], *lines[1:], *lines[1:]]) + "\n"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["text,label", "a b c,x", "d e f,y"], {"label": "label", "text": ("text",)}),
        (["Sentence,Class", "a b,x", "d e,y"], {"label": "Class", "text": ("Sentence",)}),
        (["Text,label,label_text", "a b,0,x", "d e,1,y"], {"label": "label", "text": ("Text",)}),
        (["text,class,label", "a b,0,x", "d e,1,y"], {"label": "label", "text": ("text",)}),
        (["remark,kind", "a b c,x", "d e f,y"], {"label": "kind", "text": ("remark",)}),
        (["question,intent", "why,x", "when,y"], {"label": "intent", "text": ("question",)}),
        (["x1,x2,target", "1,u,x", "2,v,y"], {"label": "target", "features": ("x1", "x2")}),
        ([",x1,target", "0,1,x", "1,2,y"], {"label": "target", "features": ("x1",)}),
        (["Unnamed: 0,x1,target", "0,1,x", "1,2,y"], {"label": "target", "features": ("x1",)}),
        (["size,height,sort", "1.5,2.5,x", "2.5,3.5,y"], {"label": "sort", "features": ("size", "height")}),
    ],
)
def test_columns_are_recognised_by_names_and_values(lines, found, tmp_path: Path) -> None:
    assert roles(read_csv(tmp_path, repeated(*lines))) == found


def test_the_user_has_the_last_word(tmp_path: Path) -> None:
    content = "id,text,title,label,other\n1,a b,t,x,u\n2,c d,s,y,v\n3,a b,t,x,u\n4,c d,,y,v\n"
    dataset = read_csv(tmp_path, content, label="other", text=["title", "text"], id="id")
    assert dataset.classes == ("u", "v")
    assert dataset.text.tolist() == ["t\na b", "s\nc d", "t\na b", "c d"]
    as_table = read_csv(tmp_path, content, features=["title", "other"])
    assert as_table.modality == "table"
    assert list(as_table.features.columns) == ["title", "other"]
    dropped = read_csv(tmp_path, content, drop=["id", "text"], label="label", features=["title"])
    assert dropped.origin.options["id"] is None
    assert len(set(dropped.ids)) == 4


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    content = repeated(",text,label,when", "0,a b,x,now", "1,c d,y,then")
    notes = read_csv(tmp_path, content, group=[]).origin.notes
    assert notes == ("Column '' is a row index and left out.", "Columns not used: when.")


def test_a_column_that_numbers_the_rows_is_not_learned_from(tmp_path: Path) -> None:
    # Rows that were once sorted by class, and have been shuffled since.
    rows = [f"{1000 + i},{i % 7},{'x' if i < 50 else 'y'}" for i in range(100)]
    content = "\n".join(["nr,age,target", *np.random.default_rng(0).permutation(rows)])
    dataset = read_csv(tmp_path, content)
    assert list(dataset.features.columns) == ["age"]
    assert dataset.origin.notes == ("Column 'nr' only numbers the rows and is left out.",)
    assert list(read_csv(tmp_path, content, features=["nr", "age"]).features.columns) == ["nr", "age"]
    with_a_gap = content.replace("1099,", "1100,")
    assert list(read_csv(tmp_path, with_a_gap).features.columns) == ["nr", "age"]


def test_group_columns_stay_features_of_a_table(tmp_path: Path) -> None:
    content = repeated("age,sex,target", "30,f,x", "40,m,y")
    dataset = read_csv(tmp_path, content, group="sex")
    assert list(dataset.features.columns) == ["age", "sex"]
    assert dataset.groups["sex"].tolist() == ["f", "m", "f", "m"]
    assert dataset.content_hashes.tolist() == read_csv(tmp_path, content).content_hashes.tolist()


def test_features_have_sensible_types(tmp_path: Path) -> None:
    dataset = read_csv(
        tmp_path,
        "whole,gaps,real,zip,flag,day,kind,empty,target\n"
        "1,2,1.5,01067,true,2024-01-02,b,,x\n"
        "2,,1e3,80331,false,1970-01-02,NA,,y\n"
        "3,NA, 2 ,10115,true,,a,,x\n"
        "4,5,?,20095,,1970-01-01,,,y\n",
    )
    frame = dataset.features
    assert list(frame.columns) == ["whole", "gaps", "real", "zip", "flag", "day", "kind"]
    assert frame["whole"].dtype == np.int64
    assert frame["gaps"].tolist()[::3] == [2.0, 5.0]
    assert frame["gaps"].isna().tolist() == [False, True, True, False]
    assert frame["real"].tolist()[:3] == [1.5, 1000.0, 2.0]
    assert frame["zip"].tolist() == ["01067", "80331", "10115", "20095"]
    assert frame["day"].tolist()[:2] == [19724.0, 1.0]
    assert frame["kind"].cat.categories.tolist() == ["NA", "a", "b"]
    assert frame["kind"].isna().tolist() == [False, False, False, True]
    assert "empty" in dataset.origin.notes[0]


def test_typed_columns_give_the_same_features_as_written_ones(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "whole": [1, 2, 3, 4],
            "real": [1.5, None, 2.5, 3.0],
            "flag": [True, False, True, True],
            "kind": pd.Categorical(["b", "a", "b", None]),
            "day": pd.to_datetime(["2024-01-02", "1970-01-02", None, "1970-01-01"]),
            "tags": [["p"], ["q"], [], ["p"]],
            "target": ["x", "y", "x", "y"],
        }
    )
    frame.to_parquet(tmp_path / "data.parquet")
    typed = read(tmp_path / "data.parquet")
    written = read_csv(tmp_path, frame.drop(columns=["tags", "flag"]).to_csv(index=False))
    assert "tags" in typed.origin.notes[0]
    assert typed.features["flag"].tolist() == [1, 0, 1, 1]
    pd.testing.assert_frame_equal(typed.features.drop(columns="flag"), written.features)


def test_the_order_of_rows_does_not_change_categories(tmp_path: Path) -> None:
    rows = ["b,x", "a,y", "c,x", "d,y"]
    one = read_csv(tmp_path, "\n".join(["kind,target", *rows]))
    two = read_csv(tmp_path, "\n".join(["kind,target", *rows[::-1]]))
    assert one.features["kind"].cat.categories.tolist() == two.features["kind"].cat.categories.tolist()
    assert one.ids.tolist() == two.ids.tolist()[::-1]


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["2", "10", "2", "10"], ("2", "10")),
        (["01", "1", "01", "1"], ("01", "1")),
        (["true", "false", "true", "false"], ("false", "true")),
        (["NA", "None", "NA", "None"], ("NA", "None")),
        ([" x", "x", "y", "y "], ("x", "y")),
    ],
)
def test_labels_of_a_csv_keep_their_form(cells, classes, tmp_path: Path) -> None:
    rows = "".join(f"item {i} here,{cell}\n" for i, cell in enumerate(cells))
    assert read_csv(tmp_path, f"text,label\n{rows}").classes == classes


def test_missing_text_is_empty_and_its_row_stays(tmp_path: Path) -> None:
    dataset = read_csv(tmp_path, 'text,label\na b,x\n,y\n"",x\nc d,y\n')
    assert dataset.text.tolist() == ["a b", "", "", "c d"]
    assert len(set(dataset.ids)) == 4


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_is_recognised(separator, tmp_path: Path) -> None:
    content = repeated("text,label", "a b,x", "c d,y").replace(",", separator)
    dataset = read_csv(tmp_path, content)
    assert dataset.origin.options["delimiter"] == separator
    assert dataset.classes == ("x", "y")


def test_a_tab_may_be_spelled_out(tmp_path: Path) -> None:
    content = repeated("text\tlabel", "a, b\tx", "c, d\ty")
    for spelled in ("\t", "\\t", "tab"):
        assert read_csv(tmp_path, content, delimiter=spelled).text[0] == "a, b"


def test_tsv_may_have_commas(tmp_path: Path) -> None:
    (tmp_path / "data.tsv").write_text("text\tlabel\na, b\tx\nc, d\ty\ne, f\tx\n")
    assert read(tmp_path / "data.tsv").text.tolist() == ["a, b", "c, d", "e, f"]


def test_csv_with_windows_newlines_blank_lines_and_odd_quotes(tmp_path: Path) -> None:
    content = 'text,label\r\n5" pipe,x\r\n\r\n"two\r\nlines, ""q""",y\r\nc d,x\r\n'
    (tmp_path / "data.csv").write_bytes(b"\xef\xbb\xbf" + content.encode())
    dataset = read(tmp_path / "data.csv")
    assert dataset.text.tolist() == ['5" pipe', 'two\r\nlines, "q"', "c d"]
    assert dataset.origin.options["label"] == "label"


def test_line_numbers_count_blank_lines_and_cells_of_two_lines(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match=r"row 3 \(line 6\): Unknown class 'z'"):
        read_csv(tmp_path, 'text,label\n"a\nb",x\n\nc,y\nd,z\n', classes=["x", "y"])


def test_rows_larger_than_a_block_are_read_up_to_a_limit(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("labelaudit.readers.csv._BLOCK_BYTES", 100)
    long = "word " * 100
    content = f"text,label\na b,x\n{long},y\nc d,x\ne f,y\n"
    assert read_csv(tmp_path, content).text.tolist() == ["a b", long, "c d", "e f"]
    monkeypatch.setattr("labelaudit.readers.csv._MOST_BYTES", 200)
    with pytest.raises(ReadError, match="a row of more than 0 MB"):
        read_csv(tmp_path, content)


def test_class_label_names_of_parquet_keep_their_order(tmp_path: Path) -> None:
    features = {"label": {"names": ["pos", "neg", "1"], "_type": "ClassLabel"}, "text": {"_type": "Value"}}
    data = pa.table({"text": ["a b", "c d", "e f", "g h"], "label": pa.array([1, 0, None, -1])})
    data = data.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(data, tmp_path / "data.parquet")
    with pytest.raises(LabelsError, match="different"):
        read(tmp_path / "data.parquet")
    np.save(tmp_path / "p.npy", np.full((4, 3), 1 / 3))
    dataset = read(tmp_path / "data.parquet", pred_probs="p.npy")
    assert dataset.classes == ("pos", "neg", "1")
    assert dataset.labels.tolist() == [1, 0, -1, -1]
    with pytest.raises(LabelsError, match="names its classes pos, neg, 1"):
        read(tmp_path / "data.parquet", classes=["neg", "pos", "1"])
    np.save(tmp_path / "p.npy", np.full((4, 2), 1 / 2))
    with pytest.raises(LabelsError, match=r"has 3 classes but the probabilities have 2 columns.*pos, neg, 1"):
        read(tmp_path / "data.parquet", pred_probs="p.npy")


def test_categories_of_parquet_keep_their_order_and_the_empty_ones(tmp_path: Path) -> None:
    order = ["low", "mid", "high", "top"]
    label = pd.Categorical(["high", "low", "low", "high"], categories=order, ordered=True)
    pd.DataFrame({"text": ["a b", "c d", "e f", "g h"], "label": label}).to_parquet(tmp_path / "data.parquet")
    dataset = read(tmp_path / "data.parquet")
    assert dataset.classes == tuple(order)
    assert dataset.labels.tolist() == [2, 0, 0, 2]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_strings_of_every_arrow_type_read_the_same(kind, tmp_path: Path) -> None:
    columns = {"remark": ["a b c", "d e f", "g h i", "j k l"], "kind": ["x", "y", "x", "y"]}
    data = pa.table({name: pa.array(values).cast(kind) for name, values in columns.items()})
    pq.write_table(data, tmp_path / "data.parquet")
    dataset = read(tmp_path / "data.parquet")
    assert roles(dataset) == {"label": "kind", "text": ("remark",)}
    assert dataset.text.tolist() == columns["remark"]
    assert dataset.labels.tolist() == [0, 1, 0, 1]
    assert read(tmp_path / "data.parquet", features="remark").features["remark"].tolist() == columns["remark"]


def test_infinity_counts_as_missing(tmp_path: Path) -> None:
    frame = read_csv(tmp_path, "size,target\n1.5,x\ninf,y\n-inf,x\n2,y\n").features
    assert frame["size"].isna().tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("kind", "ticks"),
    [
        (pa.timestamp("ns", "UTC"), 1_577_836_800_000_000_001),
        (pa.timestamp("us"), 1_577_836_800_000_000),
        (pa.timestamp("ms", "Asia/Tokyo"), 1_577_836_800_000),
        (pa.date64(), 1_577_836_800_000),
        (pa.date32(), 18_262),
    ],
)
def test_times_of_every_kind_are_days(kind, ticks, tmp_path: Path) -> None:
    when = pa.array([ticks, None, ticks, ticks], pa.int32() if kind == pa.date32() else pa.int64()).cast(kind)
    pq.write_table(pa.table({"when": when, "label": ["x", "y", "x", "y"]}), tmp_path / "data.parquet")
    features = read(tmp_path / "data.parquet").features
    assert features is not None
    assert features["when"].dropna().tolist() == [18262.0] * 3
    assert features["when"].isna().tolist() == [False, True, False, False]


def test_times_far_beyond_the_calendar_are_days_too(tmp_path: Path) -> None:
    ages = pa.array([2**60 + 2**50 * k for k in range(4)], pa.timestamp("ms"))
    pq.write_table(pa.table({"age": ages, "label": ["x", "y", "x", "y"]}), tmp_path / "data.parquet")
    features = read(tmp_path / "data.parquet").features
    assert features is not None
    assert features["age"].tolist() == pytest.approx([(2**60 + 2**50 * k) / 86_400_000 for k in range(4)])


def test_classes_that_look_the_same_are_said(tmp_path: Path) -> None:
    names = ("caf\u00e9", "cafe\u0301", "tea")
    rows = "".join(f"words of item {k},{names[k % 3]}\n" for k in range(9))
    (tmp_path / "data.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    dataset = read(tmp_path / "data.csv")
    assert dataset.n_classes == 3
    assert "differ in letter case or spaces only, or not to the eye" in dataset.origin.notes[0]


def test_typed_labels_of_json(tmp_path: Path) -> None:
    for values, classes in (([True, False, True, None], ("False", "True")), ([3, 20, 3, None], ("3", "20"))):
        lines = [json.dumps({"text": f"item {i}", "label": value}) for i, value in enumerate(values)]
        (tmp_path / "data.jsonl").write_text("\n".join(lines))
        dataset = read(tmp_path / "data.jsonl")
        assert dataset.classes == classes
        assert dataset.labels.tolist() == [values[0] is True, values[0] is not True, values[0] is True, -1]


def test_json_of_uneven_objects_and_mixed_values(tmp_path: Path) -> None:
    rows = [
        {"x": 1, "label": "a"},
        {"label": "b", "x": "many", "y": 2},
        {"y": 2.5, "label": "a"},
        {"label": "b", "z": {"deep": 1}, "x": None},
    ]
    (tmp_path / "data.json").write_text(json.dumps(rows))
    dataset = read(tmp_path / "data.json")
    assert list(dataset.features.columns) == ["x", "y"]
    assert dataset.features["x"].tolist()[:2] == ["1", "many"]
    assert dataset.features["y"].tolist()[1:3] == [2.0, 2.5]
    assert "z" in dataset.origin.notes[0]


def test_half_of_a_character_in_json_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text(
        '{"text": "smile \\ud83d", "label": "x"}\n{"text": "b", "label": "y"}\n{"text": "c", "label": "y"}\n'
    )
    assert read(tmp_path / "data.jsonl").text[0] == "smile \ufffd"


def test_halves_of_characters_in_names_lists_and_mixed_columns_are_replaced(tmp_path: Path) -> None:
    rows = [
        {"x": 1.5, "a": "\ud83d", "b": ["\udc4d"], "\ud800": k, "label": "xy"[k % 2], "c": k if k % 3 else "\udfff"}
        for k in range(8)
    ]
    (tmp_path / "data.json").write_text(json.dumps(rows))
    dataset = read(tmp_path / "data.json", features=["a", "c", "\ufffd"], label="label")
    assert dataset.features is not None
    assert dataset.features["a"].tolist() == ["\ufffd"] * 8
    assert dataset.features["\ufffd"].tolist() == list(range(8))


def test_an_integer_that_no_float_holds_may_be_a_label(tmp_path: Path) -> None:
    rows = [{"text": f"item {k} of these", "label": 10**400 if k % 2 else 7} for k in range(8)]
    (tmp_path / "data.json").write_text(json.dumps(rows))
    assert read(tmp_path / "data.json", label="label").classes == ("7", str(10**400))


def test_images_named_by_a_table(tmp_path: Path) -> None:
    (tmp_path / "pics").mkdir()
    for name in ("a.png", "b.jpg", "c.PNG"):
        Image.new("RGB", (4, 4), "blue").save(tmp_path / "pics" / name)
    (tmp_path / "pics" / "linked.png").symlink_to(tmp_path / "pics" / "a.png")
    names = ["pics/a.png", "./pics/b.jpg", str(tmp_path / "pics" / "c.PNG"), "pics/../pics/linked.png"]
    (tmp_path / "data.jsonl").write_text(
        "\n".join(json.dumps({"where": n, "label": "xy"[i % 2]}) for i, n in enumerate(names))
    )
    dataset = read(tmp_path / "data.jsonl")
    folder = tmp_path.resolve() / "pics"
    assert dataset.modality == "image"
    assert dataset.images.tolist() == [str(folder / name) for name in ("a.png", "b.jpg", "c.PNG", "a.png")]


@pytest.mark.slow  # reads 100,000 items of four kinds, each of which the contract tests read small
def test_shared_data_is_recognised(shared_data: Path) -> None:
    tickets = read(shared_data / "banking77" / "noisy.csv")
    assert (len(tickets), len(tickets.classes), tickets.modality) == (10003, 77, "text")
    assert roles(tickets) == {"label": "label", "text": ("text",), "id": "id"}
    with pytest.raises(LabelAuditError, match="income"):
        read(shared_data / "adult" / "noisy.csv")
    people = read(shared_data / "adult" / "noisy.csv", label="income", group="sex")
    assert (len(people), people.classes, people.features.shape[1]) == (32561, ("<=50K", ">50K"), 14)
    assert "id" not in people.features
    pictures = read(shared_data / "cifar10-test" / "labels.csv", pred_probs="pred_probs.npy")
    assert (len(pictures), pictures.modality, len(pictures.pred_probs)) == (10000, "image", 1)
    assert pictures.ids[0] == "00000"
    models = read(shared_data / "cifar10n-aggregate")
    assert (len(models), models.classes[-1], len(models.pred_probs)) == (50000, "9", 3)
    assert models.origin.notes == ("Left alone: is_error.npy.",)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_numbers_may_have_decimal_commas_where_commas_separate_nothing(separator, tmp_path: Path) -> None:
    rows = [("3,5", "1.234,50", "x"), ("-0,25", "999,9", "y"), ("7", "2.000", "x"), ("", "NA", "y")]
    content = "\n".join(separator.join(row) for row in [("width", "price", "label"), *rows]) + "\n"
    features = read_csv(tmp_path, content, delimiter=separator).features
    np.testing.assert_array_equal(features["width"], [3.5, -0.25, 7.0, np.nan])
    np.testing.assert_array_equal(features["price"], [1234.5, 999.9, 2000.0, np.nan])


def test_decimal_points_and_versions_stay_what_they_are_beside_semicolons(tmp_path: Path) -> None:
    content = "size;version;label\n1.5;1.2.3;x\n2.25;1.2.4;y\n1.234;1.2.3;x\n3;1.2.4;y\n"
    features = read_csv(tmp_path, content).features
    assert features["size"].tolist() == [1.5, 2.25, 1.234, 3.0]
    assert list(features["version"].cat.categories) == ["1.2.3", "1.2.4"]


def test_categories_that_only_tell_rows_apart_are_named(tmp_path: Path) -> None:
    rows = [f"{1 + i % 12}/{1 + i}/2024,{'uv'[i % 2]},{'xy'[i % 2]}" for i in range(24)]
    dataset = read_csv(tmp_path, "\n".join(["day,kind,label", *rows]) + "\n", features=["day", "kind"])
    (note,) = dataset.origin.notes
    assert note == "Taken as categories, although most rows have a value of their own: day (such as '1/1/2024')."
