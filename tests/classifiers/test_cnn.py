"""The convolutional classifier: what it can that linear models cannot, and what must never happen."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from sklearn.datasets import load_digits

import labelaudit as la
from labelaudit.classifiers import CLASSIFIERS
from labelaudit.classifiers.cnn import ConvolutionalClassifier, mirrors_are_alike
from labelaudit.cli import group
from labelaudit.config import AuditConfig
from labelaudit.crossval import cross_validate
from labelaudit.domain import Dataset
from labelaudit.errors import MissingExtraError, UsageError

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.slow]


def marks(n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Small crosses and rings of one brightness, anywhere on noise: (n, 3072) pixels and their classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    images = rng.normal(100, 15, (n, 32, 32, 3))
    cross, ring = np.zeros((2, 7, 7), dtype=bool)
    cross[3], cross[:, 3] = True, True
    ring[[1, 5], 2:5], ring[2:5, [1, 5]] = True, True
    ring[1, 1] = True  # as many pixels as the cross
    for image, kind in zip(images, y, strict=True):
        top, left = rng.integers(0, 26, 2)
        image[top : top + 7, left : left + 7][(cross, ring)[kind]] += 110
    return images.clip(0, 255).astype(np.uint8).reshape(n, -1), y


def accuracy(estimator, X, y, X_new, y_new) -> float:
    estimator.fit(X, y)
    return float((estimator.classes_[estimator.predict_proba(X_new).argmax(axis=1)] == y_new).mean())


@pytest.mark.slow
def test_it_tells_shapes_apart_wherever_they_are_which_no_linear_model_of_pixels_can():
    X, y = marks(400)
    new = marks(200, seed=1)
    linear = CLASSIFIERS.get("image").build(seed=0)
    assert accuracy(linear, X / 255, y, new[0] / 255, new[1]) < 0.7
    assert accuracy(ConvolutionalClassifier(seed=0, epochs=25), X, y, *new) > 0.9


@pytest.mark.parametrize(
    ("images", "y"),
    [
        (np.full((6, 3072), 7), [0, 1, 0, 1, 0, 1]),
        (np.zeros((2, 3072)), [3, 8]),
        (np.repeat(np.arange(256, dtype=np.uint8), 12)[None] * np.ones((5, 1)), [0, 0, 0, 0, 1]),
        (np.random.default_rng(0).integers(0, 2, (131, 3072)) * 255, np.arange(131) % 7),
        (np.random.default_rng(0).integers(0, 256, (1000, 3072)), np.arange(1000)),
    ],
    ids=["constant", "two", "gray", "black and white", "a thousand classes"],
)
def test_awkward_images_give_probabilities(images, y):
    X, y = np.asarray(images, dtype=np.uint8), np.asarray(y)
    estimator = ConvolutionalClassifier(seed=0, epochs=1 if len(X) > 500 else 2).fit(X, y)
    pred_probs = estimator.predict_proba(X[:40])
    assert estimator.classes_.tolist() == sorted(set(y.tolist()))
    assert pred_probs.shape == (min(len(X), 40), len(set(y.tolist())))
    assert np.isfinite(pred_probs).all()
    assert (pred_probs >= 0).all()
    np.testing.assert_allclose(pred_probs.sum(axis=1), 1, atol=1e-9)


def test_a_seed_decides_all_and_torch_stays_as_it_was():
    import torch

    X, y = marks(60)
    torch.manual_seed(5)
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    same = [ConvolutionalClassifier(seed=1, epochs=2).fit(X, y).predict_proba(X) for _ in range(2)]
    other = ConvolutionalClassifier(seed=2, epochs=2).fit(X, y).predict_proba(X)
    assert same[0].tobytes() == same[1].tobytes()
    assert same[0].tobytes() != other.tobytes()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_predictions_do_not_depend_on_what_is_predicted_beside():
    X, y = marks(60)
    estimator = ConvolutionalClassifier(seed=1, epochs=1).fit(X, y)
    np.testing.assert_allclose(estimator.predict_proba(X)[:7], estimator.predict_proba(X[:7]), atol=1e-6)


def test_digits_are_not_mirrored_and_things_that_look_the_same_are():
    digits, y = load_digits(return_X_y=True)
    large = digits.reshape(-1, 8, 8).repeat(4, axis=1).repeat(4, axis=2) * 15
    assert not mirrors_are_alike(np.repeat(large[..., None], 3, axis=3).astype(np.uint8), y, seed=0)
    X, y = marks(600)
    assert mirrors_are_alike(X.reshape(-1, 32, 32, 3), y, seed=0)


@pytest.mark.parametrize("n", [2, 3])
def test_halves_with_one_class_can_be_compared(n):
    assert mirrors_are_alike(np.zeros((n, 32, 32, 3), np.uint8), np.arange(n) % 2, seed=0)


def test_images_are_shifted_within_their_reflected_borders():
    from labelaudit.classifiers._residual_network import _moved

    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    windows = {
        padded[i, top : top + 32, left : left + 32].tobytes(): (i, top, left)
        for i in range(3)
        for top in range(9)
        for left in range(9)
    }
    rng = np.random.default_rng(1)
    moved = _moved(images, np.array([2, 0, 1] * 60), mirror=False, rng=rng)
    found = [windows[each.tobytes()] for each in moved]
    assert [i for i, _, _ in found] == [2, 0, 1] * 60
    assert len({(top, left) for _, top, left in found}) > 40
    turned = _moved(images, np.array([2, 0, 1] * 20), mirror=True, rng=rng)
    mirrored = [each.tobytes() not in windows for each in turned]
    assert 15 < sum(mirrored) < 45
    for each in turned[mirrored]:
        assert np.ascontiguousarray(each[:, ::-1]).tobytes() in windows


def test_predictions_are_means_over_nine_shifts_and_their_mirror_images():
    import torch

    X, y = marks(40)
    fitted = ConvolutionalClassifier(seed=0, epochs=1).fit(X, y)._fitted
    images = X[:5].reshape(-1, 32, 32, 3)
    padded = np.pad(images, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="reflect")
    views = [padded[:, top : top + 32, left : left + 32] for top in (0, 3, 6) for left in (0, 3, 6)]
    for mirrored in (False, True):
        shown = [*views, *(view[:, :, ::-1] for view in views if mirrored)]
        with torch.inference_mode():
            expected = np.mean([fitted._predict(view) for view in shown], axis=0)
        np.testing.assert_allclose(replace(fitted, mirrored=mirrored).predict(images), expected, atol=1e-6)


@pytest.fixture
def folder(tmp_path):
    """Thirty-six images by class, one of them with the label of the other class."""
    X, y = marks(36)
    y[0] = 1 - y[0]
    for i, (pixels, kind) in enumerate(zip(X.reshape(-1, 32, 32, 3), y, strict=True)):
        path = tmp_path / "images" / ("cross", "ring")[kind] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).convert("L" if i % 5 == 0 else "RGB").save(path)
    return tmp_path / "images"


CONFIG = AuditConfig(classifier="cnn", folds=2)


@pytest.mark.slow
def test_workers_change_nothing_and_neighbours_are_those_of_the_default(folder, monkeypatch):
    monkeypatch.setattr("labelaudit.classifiers.cnn._EPOCHS", (1, 2))
    dataset = la.read(folder)
    found = [cross_validate(dataset, replace(CONFIG, workers=workers)) for workers in (1, 2)]
    threads = cross_validate(dataset, replace(CONFIG, workers=2, engine="threads"))
    assert found[0].pred_probs[0].tobytes() == found[1].pred_probs[0].tobytes() == threads.pred_probs[0].tobytes()
    usual = cross_validate(dataset, AuditConfig(folds=2, workers=1))
    assert found[0].embeddings.tobytes() == usual.embeddings.tobytes()
    assert not np.array_equal(found[0].pred_probs[0], usual.pred_probs[0])
    without = cross_validate(dataset, replace(CONFIG, workers=1, neighbors=0))
    assert without.embeddings is None
    assert without.pred_probs[0].tobytes() == found[0].pred_probs[0].tobytes()


@pytest.mark.slow
def test_the_command_line_audits_with_it(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("labelaudit.classifiers.cnn._EPOCHS", (1, 4))
    out = tmp_path / "images.audit"
    options = ["--classifier", "cnn", "--folds", "2", "--workers", "2", "--out", str(out)]
    result = CliRunner().invoke(group, ["audit", str(folder), *options])
    assert result.exit_code == 0, result.output
    audit = la.load(out)
    assert audit.config.classifier == "cnn"
    assert (audit.items["status"] == "assessed").all()
    assert audit.items["suspicion"].between(0, 1).all()


def test_without_torch_it_says_what_to_install_before_anything_is_done(folder, monkeypatch):
    dataset = la.read(folder)
    monkeypatch.setitem(sys.modules, "torch", None)
    told = []
    with pytest.raises(MissingExtraError, match=r"classifier 'cnn' needs the package 'torch'.*'labelaudit\[cnn\]'"):
        cross_validate(dataset, CONFIG, progress=lambda *step: told.append(step))
    assert told == []


def test_it_needs_images():
    with pytest.raises(UsageError, match="'cnn' needs image content"):
        cross_validate(Dataset.from_arrays(["a", "b"] * 4, text=["x", "y"] * 4), CONFIG)


def test_torch_is_imported_by_fits_alone():
    code = (
        "import sys, labelaudit; from labelaudit.classifiers import CLASSIFIERS; "
        "CLASSIFIERS.get('cnn').build(seed=0); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
