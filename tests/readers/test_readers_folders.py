"""Folders: images by class, NumPy arrays, saved Hugging Face datasets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from labelaudit.errors import LabelsError, ProbabilityError, ReadError
from labelaudit.readers import read


def pictures(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (number, 0, 0)).save(folder / name)
    return folder


def test_folders_are_classes_in_order_of_value(tmp_path: Path) -> None:
    dataset = read(pictures(tmp_path, "10/a.png", "9/b.png", "9/a.png", "10/b.jpg"))
    assert dataset.classes == ("9", "10")
    assert [Path(path).parent.name for path in dataset.images] == [dataset.classes[k] for k in dataset.labels]
    assert len(set(dataset.ids)) == 4


def test_what_is_no_image_of_a_class_is_left_alone(tmp_path: Path) -> None:
    pictures(tmp_path, "cat/a.png", "cat/.hidden.png", "dog/a.png", "dog/b.png", ".cache/c.png", "loose.png")
    (tmp_path / "cat" / "notes.txt").write_text("not an image")
    (tmp_path / "empty").mkdir()
    dataset = read(tmp_path)
    assert dataset.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [0, 1, 1, -1]
    assert dataset.origin.notes == (
        "1 images outside any class folder are unlabelled.",
        "Folders without images are left alone: empty.",
        "Left alone in class folders, as not named like an image that can be read: cat/notes.txt.",
    )


def test_spaces_in_names_are_part_of_them(tmp_path: Path) -> None:
    dataset = read(pictures(tmp_path, " cat/a.png", " cat/b .png", "do g/ü.png", "do g/b.png"))
    assert dataset.classes == ("cat", "do g")
    assert {Path(path).name for path in dataset.images} == {"a.png", "b .png", "ü.png", "b.png"}


def test_picture_that_leads_outside_is_named_without_a_column(tmp_path: Path) -> None:
    pictures(tmp_path, "secret.png", "data/cat/a.png", "data/dog/a.png")
    (tmp_path / "data" / "dog" / "b.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(ReadError, match=r"data, dog/b\.png: the image path .* leads out of the folder") as caught:
        read(tmp_path / "data")
    assert "Copy the image into the folder" in str(caught.value)


def test_equal_pictures_in_two_classes_have_two_ids(tmp_path: Path) -> None:
    pictures(tmp_path, "cat/a.png", "dog/b.png", "dog/c.png")
    (tmp_path / "dog" / "same.png").write_bytes((tmp_path / "cat" / "a.png").read_bytes())
    dataset = read(tmp_path)
    assert len(set(dataset.ids)) == 4
    assert len(set(dataset.content_hashes)) == 3


def test_damaged_picture_is_named_by_its_file(tmp_path: Path) -> None:
    pictures(tmp_path, "cat/a.png", "cat/b.png", "dog/a.png")
    (tmp_path / "dog" / "b.png").write_text("no picture")
    with pytest.raises(ReadError, match=r"dog/b\.png"):
        read(tmp_path)


def test_class_folder_that_leads_outside_is_refused(tmp_path: Path) -> None:
    pictures(tmp_path, "outside/a.png", "data/cat/a.png", "data/cat/b.png")
    (tmp_path / "data" / "dog").symlink_to(tmp_path / "outside")
    with pytest.raises(ReadError, match="leads out of the folder"):
        read(tmp_path / "data")


LABELS = np.array([0, 1, 2, -1, 1])
PROBS = np.full((5, 3), 1 / 3, dtype=np.float32)


def arrays(folder: Path, **named) -> Path:
    for name, array in {"labels": LABELS, **named}.items():
        np.save(folder / f"{name}.npy", array)
    return folder


def test_arrays_of_a_folder_are_told_apart(tmp_path: Path) -> None:
    arrays(
        tmp_path,
        model_b=PROBS,
        model_a=PROBS.astype(np.float16),
        embeddings=np.eye(5, 7),
        is_error=np.zeros(5, dtype=bool),
        votes=np.ones((5, 3), dtype=int),
        ids=np.array(["p", "q", "r", "s", "t"]),
        classes=np.array(["cat", "dog", "elk"]),
    )
    np.save(tmp_path / "raw.npy", np.array([{}], dtype=object), allow_pickle=True)
    dataset = read(tmp_path)
    assert [Path(name).name for name in dataset.origin.options["pred_probs"]] == ["model_a.npy", "model_b.npy"]
    assert dataset.classes == ("cat", "dog", "elk")
    assert dataset.ids.tolist() == list("pqrst")
    assert dataset.embeddings.shape == (5, 7)
    assert all(isinstance(array, np.memmap) for array in (*dataset.pred_probs, dataset.embeddings))
    assert dataset.origin.notes == ("Left alone: is_error.npy, raw.npy, votes.npy.",)


def test_named_sources_leave_the_others_alone(tmp_path: Path) -> None:
    arrays(tmp_path, model_a=PROBS, model_b=PROBS)
    dataset = read(tmp_path, pred_probs="model_b.npy")
    assert len(dataset.pred_probs) == 1
    assert dataset.origin.notes == ("Left alone: model_a.npy.",)


def test_labels_alone_with_options(tmp_path: Path) -> None:
    arrays(tmp_path, model=PROBS, vectors=np.tri(5, 2, dtype=int))
    file = tmp_path / "labels.npy"
    with pytest.raises(ReadError, match="nothing to learn from"):
        read(file)
    assert read(file, pred_probs=tmp_path / "model.npy", classes=["a", "b", "c"]).classes == ("a", "b", "c")
    embedded = read(file, embeddings=tmp_path / "vectors.npy")
    assert embedded.modality == "embedding"
    assert embedded.embeddings.dtype == np.float32


def test_string_labels_in_arrays(tmp_path: Path) -> None:
    arrays(tmp_path, labels=np.array(["b", "a", "", "b"]), embeddings=np.eye(4))
    dataset = read(tmp_path)
    assert dataset.classes == ("a", "b")
    assert dataset.labels.tolist() == [1, 0, -1, 1]


def test_unnormalised_sources_are_scaled_when_asked(tmp_path: Path) -> None:
    arrays(tmp_path, model=PROBS * 4)
    assert np.asarray(read(tmp_path, normalize=True).pred_probs[0][0:2]).sum() == pytest.approx(2)


def test_ids_of_a_folder_are_unique_and_complete(tmp_path: Path) -> None:
    arrays(tmp_path, model=PROBS, ids=np.array([1, 2, 3, 2, 5]))
    with pytest.raises(ReadError, match="the id '2' is in row 2 and in row 4"):
        read(tmp_path)
    arrays(tmp_path, ids=np.array([1, 2, 3]))
    with pytest.raises(ReadError, match="3 rows but there are 5 labels"):
        read(tmp_path)


def test_empty_labels_are_refused(tmp_path: Path) -> None:
    arrays(tmp_path, labels=np.array([], dtype=int))
    with pytest.raises(LabelsError, match="is empty"):
        read(tmp_path)


def test_sources_of_different_width_are_refused(tmp_path: Path) -> None:
    arrays(tmp_path, model_a=PROBS, model_b=np.full((5, 4), 0.25))
    with pytest.raises(ProbabilityError, match=r"'model_b\.npy' has 4 columns but there are 3 classes"):
        read(tmp_path)


def saved(folder: Path, features: dict, file_format: str = "stream", **columns) -> Path:
    folder.mkdir(parents=True)
    data = pa.table(columns)
    writer = pa.ipc.new_stream if file_format == "stream" else pa.ipc.new_file
    with pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as sink, writer(sink, data.schema) as out:
        out.write_table(data)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    return folder


FEATURES = {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}, "text": {"dtype": "string", "_type": "Value"}}


@pytest.mark.parametrize("file_format", ["stream", "file"])
def test_saved_dataset_keeps_its_class_names(file_format: str, tmp_path: Path) -> None:
    folder = saved(tmp_path / "d", FEATURES, file_format, text=["a b", "c d", "e f", "g h"], label=[1, 0, 1, -1])
    dataset = read(folder)
    assert dataset.classes == ("neg", "pos")
    assert dataset.labels.tolist() == [1, 0, 1, -1]
    assert dataset.text.tolist()[0] == "a b"


def test_dictionary_with_one_split_is_that_split(tmp_path: Path) -> None:
    saved(tmp_path / "train", FEATURES, text=["a b", "c d", "e f"], label=[1, 0, 1])
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train"]}')
    assert len(read(tmp_path)) == 3


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"_data_files": ["x"]}'])
def test_damaged_state_of_a_saved_dataset(content: str, tmp_path: Path) -> None:
    folder = saved(tmp_path / "d", FEATURES, text=["a b"], label=[1])
    (folder / "state.json").write_text(content)
    with pytest.raises(ReadError, match=r"state\.json"):
        read(folder)


def test_probabilities_of_other_labels_are_named_with_their_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", np.arange(12) % 3)
    np.save(tmp_path / "model.npy", np.full((10, 3), 1 / 3))
    with pytest.raises(ReadError, match=r"model\.npy \(10 rows, but there are 12 labels\)"):
        read(tmp_path)


def test_labels_that_count_from_one_are_told_so(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", np.arange(12) % 3 + 1)
    np.save(tmp_path / "model.npy", np.full((12, 3), 1 / 3))
    with pytest.raises(LabelsError, match="subtract 1") as caught:
        read(tmp_path)
    assert "row 3: the label 3" in str(caught.value)


def test_files_that_are_not_read_as_images_are_counted(tmp_path: Path) -> None:
    for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4), "red" if name.startswith("cat") else "blue").save(tmp_path / name)
    assert read(tmp_path).origin.notes == ()
    for name in ("dog/3.heic", "cat/3.heic", "dog/.DS_Store", "list.txt"):
        (tmp_path / name).write_bytes(b"x")
    (note,) = read(tmp_path).origin.notes
    assert note.endswith("an image that can be read: 2 files, such as cat/3.heic.")
