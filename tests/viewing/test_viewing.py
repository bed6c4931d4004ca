"""What cards show: content, classes, neighbours, what is unusual, and nothing that could do harm."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import labelaudit as la
from labelaudit.errors import ReadError, UnknownNameError
from labelaudit.viewing import Viewer, plane
from labelaudit.viewing.nearest import Nearest
from labelaudit.viewing.pictures import picture, within
from labelaudit.viewing.texts import SHOWN, shown
from labelaudit.viewing.unusual import Table


def audited(folder: Path, file: Path, **options) -> la.Audit:
    return la.audit(la.read(file, **options)).save(folder / "a.audit")


@pytest.fixture(scope="module")
def tickets(sample_data, tmp_path_factory) -> Viewer:
    return Viewer.of(audited(tmp_path_factory.mktemp("v"), sample_data / "tickets.csv"))


def test_a_card_is_plain_values_with_everything_to_judge_by(tickets):
    item_id = str(tickets.audit.items.index[0])
    item = tickets.audit.items.iloc[0]
    card = tickets.card(item_id)
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    data = la.read(tickets.audit.origin.path)
    assert card["content"]["text"] == data.text[list(data.ids).index(item_id)]
    assert card["classes"][0]["name"] == item["suggested_label"]
    assert [c["p"] for c in card["classes"]] == sorted((c["p"] for c in card["classes"]), reverse=True)
    assert [side["name"] for side in card["neighbors"]] == [item["suggested_label"], item["given_label"]]
    assert all(len(side["items"]) == 4 for side in card["neighbors"])
    assert card["reasons"] == item["reasons"]
    assert card["scores"][0]["above"] == pytest.approx(1 - 1 / 900, abs=0.02)


def test_neighbours_have_the_class_they_stand_under(tickets):
    data = la.read(tickets.audit.origin.path)
    label_of = {
        " ".join(text.split())[:100]: data.classes[label] for text, label in zip(data.text, data.labels, strict=True)
    }
    for item_id in tickets.audit.items.index[:20]:
        for side in tickets.card(str(item_id))["neighbors"]:
            for neighbor in side["items"]:
                assert label_of[neighbor["text"].rstrip("…")[:100]] == side["name"]


def test_blind_classes_are_the_same_for_every_item(tickets):
    listed = {json.dumps(tickets.card(str(item))["blind_classes"]) for item in tickets.audit.items.index[:20]}
    assert len(listed) == 1


def test_a_blind_card_has_the_item_and_the_classes_and_nothing_else(tickets):
    item_id = str(tickets.audit.items.index[0])
    card = tickets.blind_card(item_id)
    assert card["content"] == tickets.card(item_id)["content"]
    assert card["classes"] == card["blind_classes"]
    assert not any(card[name] for name in ("reasons", "kind", "scores", "groups", "neighbors"))


@pytest.mark.slow
def test_a_blind_row_has_no_marks_and_a_blind_image_no_name(sample_data, tmp_path):
    machines = Viewer.of(audited(tmp_path, sample_data / "machines.csv", label="fault"))
    first = [str(item_id) for item_id in machines.audit.items.index[:40]]
    marks = [cell["why"] for item_id in first for cell in machines.card(item_id)["content"]["cells"]]
    assert any(marks)
    cells = [cell for item_id in first for cell in machines.blind_card(item_id)["content"]["cells"]]
    assert [cell["why"] for cell in cells] == [""] * len(marks)
    (tmp_path / "images").mkdir()
    digits = Viewer.of(audited(tmp_path / "images", sample_data / "digits"))
    item_id = str(digits.audit.items.index[0])
    whole, blind = (card["content"] for card in (digits.card(item_id), digits.blind_card(item_id)))
    assert blind == whole | {"name": "image"} != whole


def test_an_unknown_item_is_told(tickets):
    with pytest.raises(UnknownNameError, match="no item 'nobody'"):
        tickets.card("nobody")


def test_exemplars_are_members_of_their_class(tickets):
    given_label = tickets.audit.items["given_label"]
    for name in tickets.audit.classes:
        found = tickets.exemplars(name, 5)
        assert len(found) == 5
        assert all(given_label[item] == name for item in found)


def test_data_that_is_gone_leaves_the_review_usable(tmp_path, sample_data):
    source = tmp_path / "t.csv"
    source.write_bytes((sample_data / "tickets.csv").read_bytes())
    audit = audited(tmp_path, source)
    item_id = str(audit.items.index[0])
    source.unlink()
    card = Viewer.of(audit).card(item_id)
    assert "cannot be read again" in card["content"]["message"]
    assert card["classes"]


@pytest.mark.parametrize("name", ["tickets.csv", pytest.param("machines.csv", marks=pytest.mark.slow)])
def test_items_are_shown_as_audited_or_not_at_all_however_the_file_changes(name, tmp_path, sample_data):
    source = tmp_path / name
    table = pd.read_csv(sample_data / name, keep_default_na=False, dtype=str)[:120]
    column, label = ("text", "label") if name == "tickets.csv" else ("site", "fault")
    table.to_csv(source, index=False)
    audit = audited(tmp_path, source, label=label)
    before = Viewer.of(audit)
    shown_before = {item: before.card(item)["content"] for item in table["id"]}
    gone, edited = table["id"].iloc[[3, 7]]

    table.loc[table["id"] == edited, column] = "somewhere else"
    table.loc[table["id"] != gone].sample(frac=1, random_state=1).to_csv(source, index=False)
    after = Viewer.of(audit)
    cards = {item: after.card(item) for item in table["id"]}
    assert "no longer in the data" in cards[gone]["content"]["message"]
    assert "changed in the data since the audit" in cards[edited]["content"]["message"]
    assert [line["text"] for line in after.lines([gone, edited])] == [
        "This item is no longer in the data.",
        "This item has changed in the data since the audit, so it is not shown.",
    ]
    others = set(table["id"]) - {gone, edited}
    assert {item: cards[item]["content"]["kind"] for item in others} == dict.fromkeys(others, kind_of(shown_before))
    if name == "tickets.csv":
        assert {item: cards[item]["content"] for item in others} == {item: shown_before[item] for item in others}
    else:  # what is unusual is so among all rows
        assert all(values(cards[item]["content"]) == values(shown_before[item]) for item in others)


def kind_of(contents):
    (kind,) = {content["kind"] for content in contents.values()}
    return kind


def values(content):
    return [(cell["name"], cell["value"]) for cell in content["cells"]]


def test_probabilities_beside_a_file_are_not_those_of_other_items_once_it_is_sorted_anew(tmp_path):
    table = pd.DataFrame({"id": [f"i{k}" for k in range(40)], "text": [f"word {k} of many" for k in range(40)]})
    table["label"] = ["cat", "dog"] * 20
    table.to_csv(tmp_path / "t.csv", index=False)
    np.save(tmp_path / "p.npy", np.column_stack([np.linspace(0, 1, 40), np.linspace(1, 0, 40)]))
    audit = audited(tmp_path, tmp_path / "t.csv", pred_probs=[str(tmp_path / "p.npy")])
    assert Viewer.of(audit).card("i0")["classes"][0] == {"name": "dog", "p": 1.0}
    table[::-1].to_csv(tmp_path / "t.csv", index=False)
    turned = Viewer.of(audit).card("i0")
    assert turned["content"]["text"] == "word 0 of many"
    assert {"name": "dog", "p": 0.0} not in turned["classes"]


def test_an_image_that_is_gone_or_another_by_now_hides_no_other(tmp_path):
    folder = image_folder(tmp_path)
    audit = audited(tmp_path, folder)
    (folder / "cat" / "3.png").unlink()
    Image.new("RGB", (9, 9), "green").save(folder / "dog" / "2.png")
    viewer = Viewer.of(audit)
    kinds = [viewer.card(str(item))["content"]["kind"] for item in audit.items.index]
    assert kinds.count("none") == 2
    assert kinds.count("image") == len(audit) - 2


@pytest.mark.parametrize("harm", ["gone", "no image", "cut"])
def test_one_image_of_a_list_that_is_harmed_hides_no_other(harm, tmp_path):
    folder = image_folder(tmp_path)
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.png"))
    table = pd.DataFrame({"id": files, "image": files, "label": [file.split("/")[0] for file in files]})
    table.to_csv(folder / "list.csv", index=False)
    audit = audited(tmp_path, folder / "list.csv", pred_probs=())
    whole = (folder / "cat" / "3.png").read_bytes()
    (folder / "cat" / "3.png").unlink()
    if harm != "gone":
        (folder / "cat" / "3.png").write_bytes(b"nothing" if harm == "no image" else whole[: len(whole) // 2])
    cards = {item: Viewer.of(audit).card(item)["content"] for item in files}
    assert {item for item, content in cards.items() if content["kind"] != "image"} == {"cat/3.png"}
    assert "cannot be read" in cards["cat/3.png"]["message"]


# ---- hostile data


HOSTILE = {
    "script": "<script>window.hacked = true</script>",
    "handler": "<img src=x onerror='window.hacked = true'>",
    "markdown": "![pixel](http://192.0.2.1/pixel.png) [click](javascript:alert(1)) **bold** :smile: $x^2$",
    "formula": '=HYPERLINK("http://192.0.2.1","click")',
    "reversed": "abc \u202egnp.exe\u202c def",
    "hidden": "re\u200bfund\u2060 st\u00adatus",
    "control": "bell \x07 escape \x1b[31m",
    "arabic": "أين طلبي؟ order 12",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_stays_text(name):
    text, notes = shown(HOSTILE[name])
    if name == "control":
        assert "\x07" not in text
        assert "\x1b" not in text
    else:
        assert text == HOSTILE[name]
    hidden = {"reversed": "RIGHT-TO-LEFT OVERRIDE", "hidden": "ZERO WIDTH SPACE", "control": "U+0007"}
    if name in hidden:
        assert hidden[name] in notes[0]
    else:
        assert notes == []


def test_a_hundred_megabytes_of_text_are_cut_before_anything_else():
    text, notes = shown("word " * 20_000_000)
    assert len(text) == SHOWN
    assert notes == ["The first 20,000 of 100,000,000 characters."]


@given(st.text(max_size=200))
def test_shown_text_never_holds_a_control_character(text):
    part, _ = shown(text)
    assert len(part) == len(text)
    assert all(sign in "\n\t\r" or sign.isprintable() or sign.isspace() or not _is_control(sign) for sign in part)


def _is_control(sign: str) -> bool:
    import unicodedata

    return unicodedata.category(sign) in {"Cc", "Cs"}


def image_folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, base in (("cat", 40), ("dog", 200)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for k in range(12):
            pixels = np.clip(rng.normal(base, 20, (24, 24, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{k}.png")
    return tmp_path / "pets"


def test_images_are_encoded_anew(tmp_path):
    folder = image_folder(tmp_path)
    file = folder / "cat" / "0.png"
    file.write_bytes(file.read_bytes() + b"<script>window.hacked = true</script>")
    audit = audited(tmp_path, folder)
    viewer = Viewer.of(audit)
    for item in audit.items.index:
        content = viewer.card(str(item))["content"]
        raw = base64.b64decode(content["src"].removeprefix("data:image/png;base64,"))
        assert b"script" not in raw
        assert Image.open(io.BytesIO(raw)).size == (24, 24) == (content["width"], content["height"])


def test_a_link_that_leads_out_is_refused(tmp_path):
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8)).save(secret)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "link.png").symlink_to(secret)
    for path in (folder / "link.png", folder / ".." / "secret.png", secret):
        with pytest.raises(ReadError, match="outside the folder of the data"):
            within(str(path), (folder.resolve(),))


def test_an_image_swapped_for_a_link_after_the_audit_is_not_shown(tmp_path):
    folder = image_folder(tmp_path)
    audit = audited(tmp_path, folder)
    viewer = Viewer.of(audit)
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8)).save(secret)
    swapped = folder / "cat" / "3.png"
    swapped.unlink()
    swapped.symlink_to(secret)
    messages = [viewer.card(str(item))["content"].get("message", "") for item in audit.items.index]
    assert sum("outside the folder of the data" in message for message in messages) == 1


def bomb(side: int) -> bytes:
    """A PNG that claims side × side pixels in a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


def test_a_decompression_bomb_is_refused_with_a_clear_message(tmp_path):
    file = tmp_path / "bomb.png"
    file.write_bytes(bomb(60_000))
    with pytest.raises(ReadError, match="more than 80,000,000 pixels"):
        picture(file, side=100)


def test_large_images_are_shown_smaller(tmp_path):
    Image.new("RGB", (3000, 1500), "red").save(tmp_path / "large.png")
    made = picture(tmp_path / "large.png", side=1200)
    assert (made.width, made.height) == (3000, 1500)
    raw = base64.b64decode(made.src.split(",", 1)[1])
    assert Image.open(io.BytesIO(raw)).size == (1200, 600)


# ---- tables, neighbours, map


def table() -> Table:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 500)
    hours = np.where(labels == 0, rng.normal(40, 3, 1000), rng.normal(80, 3, 1000)).round(1)
    job = np.where(labels == 0, "clerk", "pilot").astype(object)
    features = pd.DataFrame({"hours": hours, "job": job, "flat": rng.normal(size=1000), "gap": [None] * 1000})
    features.loc[3, ["hours", "job"]] = [79.0, "pilot"]
    return Table(features, labels)


def test_values_unusual_for_the_class_are_marked_and_said_why():
    cells = {cell.name: cell for cell in table().cells(3, 0, 1)}
    assert cells["hours"].why.startswith("0.2% of the given class has so much")
    assert "of the suggested one" in cells["hours"].why
    assert cells["job"].why == "0.2% of the given class has it, 100.0% of the suggested one"
    assert cells["flat"].why == ""
    assert cells["gap"].value is None


def test_what_only_tells_items_apart_is_neither_unusual_nor_a_difference():
    rng = np.random.default_rng(4)
    numbers = rng.permutation(1000) * 37
    turns = np.where(np.arange(1000) < 500, numbers, numbers + 40_000)  # as many values, and they tell classes apart
    spread = np.where(np.arange(1000) < 500, 18_500 + numbers // 4, numbers)  # the same middle, a wider range
    extra = {"customer": [f"c{k:05d}" for k in range(1000)], "number": numbers, "turns": turns, "spread": spread}
    found = Table(table().features.assign(**extra), table().labels)
    names = list(found.features.columns)
    assert [name for place, name in enumerate(names) if found._names_items(place)] == ["customer", "number"]
    told = found.difference(3, 700)
    assert "customer" not in told
    assert "number" not in told
    assert f"turns {turns[700]}" in told
    assert all(cell.why == "" for cell in found.cells(3, 0, -1) if cell.name in {"customer", "number"})


def test_usual_values_and_small_classes_are_not_marked():
    found = table()
    assert all(cell.why == "" for cell in found.cells(3, 1, 0) if cell.name != "flat")
    few = Table(found.features.iloc[:20].reset_index(drop=True), found.labels[:20])
    assert all(cell.why == "" for cell in few.cells(3, 0, 1))


@pytest.mark.parametrize("with_neighbors", [True, False])
def test_nearest_of_a_class_is_exact(with_neighbors):
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(300, 8)).astype(np.float32)
    labels = rng.integers(0, 3, 300)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.argsort(-(units @ units.T), axis=1)
    neighbors = order[:, 1:6] if with_neighbors else None
    nearest = Nearest(vectors, neighbors, labels)
    for row in range(0, 300, 17):
        expected = [other for other in order[row] if labels[other] == 1 and other != row][:4]
        assert nearest.of_class(row, 1, 4) == expected


def test_the_map_is_the_principal_plane_and_always_the_same():
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(500, 6)) * [5, 3, 0.1, 0.1, 0.1, 0.1]
    placed = plane(vectors)
    assert np.array_equal(placed, plane(vectors.copy()))
    centered = vectors - vectors.mean(axis=0)
    _, scales, _ = np.linalg.svd(centered, full_matrices=False)
    assert np.square(placed).sum() == pytest.approx(np.square(scales[:2]).sum(), rel=1e-4)
    vectors[7] = np.nan
    assert np.isfinite(plane(vectors)).all()
