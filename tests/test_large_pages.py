"""Large arrays begin at large pages, and are arrays like any other."""

from __future__ import annotations

import numpy as np
import pytest

from labelaudit import large_pages


@pytest.mark.parametrize("dtype", [bool, np.float32, np.int64])
@pytest.mark.parametrize("shape", [0, 7, 1_000_000, (3, 400_001), (0, 5), (700_000, 2)])
def test_they_have_the_shape_and_type_asked_for(shape, dtype):
    array = large_pages.empty(shape, dtype)
    assert array.shape == np.empty(shape).shape
    assert array.dtype == dtype
    assert array.flags.c_contiguous
    assert array.flags.writeable
    array[...] = 1
    assert array.sum() == array.size


@pytest.mark.parametrize("size", [2**19, 2**20, 2**24 + 1])
def test_large_ones_begin_at_a_large_page(size):
    assert large_pages.empty(size, np.uint8).ctypes.data % 2**21 == 0
