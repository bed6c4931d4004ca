"""An image on the card: what is looked at stays in sight; and names of any length stay on the card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import labelaudit as la
from tests.ui.conftest import enroll

PLACE = "frame => [(frame.scrollLeft + frame.clientWidth / 2) / frame.scrollWidth, "
PLACE += "(frame.scrollTop + frame.clientHeight / 2) / frame.scrollHeight]"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """An audit of images, one of whose classes has a name of 400 characters."""
    names = ["cat", "x" * 400]
    rows = ["id,image,label"]
    for k in range(20):
        Image.new("RGB", (32, 32), (k * 12, 90, 90)).save(tmp_path / f"{k}.png")
        rows.append(f"i{k},{k}.png,{names[k % 2]}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    np.save(tmp_path / "p.npy", np.eye(2)[(np.arange(20) + (np.arange(20) < 4)) % 2] * 0.9 + 0.05)
    folder = tmp_path / "images.audit"
    la.audit(la.read(tmp_path / "list.csv", pred_probs=str(tmp_path / "p.npy"))).save(folder)
    enroll(folder)
    return folder


@pytest.mark.slow
def test_the_middle_of_an_image_stays_there_and_no_name_leaves_the_card(images, serve, sit_down):
    ann = sit_down(serve(images), "ann")
    ann.open()
    ann.card()
    frame = ann.page.locator(".frame")
    for _ in range(8):
        ann.page.keyboard.press("+")
    assert frame.evaluate("frame => frame.scrollWidth") > frame.evaluate("frame => frame.clientWidth")
    assert frame.evaluate(PLACE) == pytest.approx([0.5, 0.5], abs=0.01)
    frame.evaluate("frame => { frame.scrollLeft = 0; }")
    before = frame.evaluate(PLACE)
    ann.page.keyboard.press("x")
    assert frame.evaluate(PLACE) == pytest.approx(before, abs=0.01)
    card = ann.page.locator("[data-item]")
    assert card.evaluate("card => card.scrollWidth") <= card.evaluate("card => card.clientWidth")
