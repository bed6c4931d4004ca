"""The map laid out by UMAP: the package itself, and what is said without it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from labelaudit.errors import MissingExtraError, UnknownNameError
from labelaudit.viewing import plane


def clusters(seed=0):
    """120 rows around three centres, and which."""
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(3), 40)
    return (8.0 * np.eye(3, 6)[which] + rng.normal(size=(120, 6))).astype(np.float32), which


@pytest.mark.slow  # to compile umap-learn takes some ten seconds
@pytest.mark.filterwarnings("ignore:Tensorflow not installed:ImportWarning")
def test_umap_keeps_neighbours_together_and_gives_one_picture_for_one_seed():
    embeddings, which = clusters()
    embeddings[5, 2] = np.nan
    placed = plane(embeddings, "umap")
    assert placed.shape == (120, 2)
    assert placed.dtype == np.float32
    others = np.delete(np.arange(120), 5)
    np.testing.assert_allclose(placed[5], placed[others].mean(axis=0), rtol=1e-5)  # not finite: in the middle
    distances = np.linalg.norm(placed[others, None] - placed[None, others], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (which[others][distances.argmin(axis=1)] == which[others]).all()
    np.testing.assert_array_equal(plane(embeddings, "umap"), placed)


@pytest.mark.filterwarnings("ignore:Tensorflow not installed:ImportWarning")
def test_too_few_rows_for_neighbourhoods_lie_in_one_place():
    pytest.importorskip("umap", reason="the extra `umap` is not installed")
    np.testing.assert_array_equal(plane(np.ones((3, 2), dtype=np.float32), "umap"), np.zeros((3, 2)))


def test_without_the_package_the_command_that_brings_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtraError, match="umap") as caught:
        plane(clusters()[0], "umap")
    assert "labelaudit[umap]" in caught.value.fix


def test_an_unknown_projection_names_what_there_is():
    with pytest.raises(UnknownNameError, match="pca"):
        plane(clusters()[0], "pcaa")
