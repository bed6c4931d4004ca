"""Usual patches: what is learned from pictures, and how a picture is described by them."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from labelaudit.encoders._patches import PatchDictionary, _drawn, _normalized

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE = 32


def stripes(n: int, *, seed: int) -> np.ndarray:
    """Pictures of noisy stripes, upright in the first half, lying in the second."""
    random = np.random.default_rng(seed)
    place = np.arange(SIDE) * 1.2 + random.uniform(0, 6, (n, 1))
    upright = np.repeat(np.sin(place)[:, None, :], SIDE, axis=1)
    upright[n // 2 :] = upright[n // 2 :].transpose(0, 2, 1)
    gray = 0.5 + 0.3 * upright + random.normal(0, 0.05, upright.shape)
    return np.repeat(gray[..., None], 3, axis=3).clip(0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def usual() -> PatchDictionary:
    with threadpool_limits(1):
        return PatchDictionary.learn(stripes(60, seed=0))


def described_plainly(usual: PatchDictionary, picture: np.ndarray) -> np.ndarray:
    """Describe one picture, patch by patch in float64."""
    sums = np.zeros((2, 2, len(usual.atoms)))
    for down in range(0, SIDE - 5, 2):
        for right in range(0, SIDE - 5, 2):
            patch = picture[down : down + 6, right : right + 6].transpose(2, 0, 1).ravel().astype(np.float64)
            patch = (patch - patch.mean()) / np.sqrt(patch.var() + 10 / 255**2)
            white = (patch - usual.mean) @ usual.whitening.astype(np.float64)
            distances = np.linalg.norm(white - usual.atoms, axis=1)
            sums[int(down >= 14), int(right >= 14)] += np.maximum(distances.mean() - distances, 0)
    return np.sqrt(sums / len(usual.atoms)).ravel()


def test_a_picture_is_described_as_patch_by_patch(usual):
    pictures = stripes(20, seed=1)  # more than are worked on at once
    found = usual.describe(pictures)
    assert found.shape == (20, 1024)
    assert found.dtype == np.float32
    for index in (0, 15, 16, 19):
        np.testing.assert_allclose(found[index], described_plainly(usual, pictures[index]), atol=2e-3)


def test_patches_are_white_where_they_vary():
    pictures = np.random.default_rng(0).random((50, SIDE, SIDE, 3)).astype(np.float32)
    usual = PatchDictionary.learn(pictures)
    white = (_normalized(_drawn(pictures)) - usual.mean) @ usual.whitening
    variances, _ = np.linalg.eigh(np.cov(white, rowvar=False))
    assert variances[0] == pytest.approx(0, abs=1e-3)  # a patch's own mean is taken off: one direction is empty
    assert variances[1:].min() > 0.8
    assert variances.max() < 1


def test_a_quadrant_is_described_by_itself(usual):
    picture = stripes(1, seed=2)
    changed = picture.copy()
    changed[:, 18:, 18:] = np.random.default_rng(0).random((1, 14, 14, 3))  # the pixels that no other quadrant sees
    differ = (usual.describe(picture) != usual.describe(changed)).reshape(2, 2, -1).any(axis=2)
    np.testing.assert_array_equal(differ, [[False, False], [False, True]])


def test_textures_are_told_apart_wherever_they_begin(usual):
    upright, lying = np.split(usual.describe(stripes(40, seed=3)).reshape(40, 4, -1).sum(axis=1), 2)
    middle = (upright.mean(axis=0) + lying.mean(axis=0)) / 2
    direction = upright[:10].mean(axis=0) - lying[:10].mean(axis=0)
    assert ((upright[10:] - middle) @ direction > 0).all()
    assert ((lying[10:] - middle) @ direction < 0).all()


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_plain_pictures_have_numbers_too(value, usual):
    plain = np.full((3, SIDE, SIDE, 3), value, dtype=np.float32)
    assert np.isfinite(PatchDictionary.learn(plain).describe(plain)).all()
    assert np.isfinite(usual.describe(plain)).all()


def test_one_picture_is_enough_to_learn_from():
    picture = stripes(1, seed=4)
    first, second = (PatchDictionary.learn(picture).describe(picture) for _ in range(2))
    assert first.shape == (1, 1024)
    assert first.tobytes() == second.tobytes()
