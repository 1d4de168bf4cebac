"""What the keyed projection gives, and what it does not."""

import numpy as np
import pytest

from authsvc.factors.face.measured import FloatArray
from authsvc.factors.face.protection import project, renew, rotation, unproject

ONE, TWO = bytes(range(32)), bytes(range(1, 33))


def templates(count: int = 40, dimensions: int = 128) -> FloatArray:
    vectors: FloatArray = np.random.default_rng(7).normal(0, 0.1, (count, dimensions))
    return vectors


@pytest.mark.parametrize("dimensions", [1, 2, 3, 128, 512])
def test_the_matrix_is_orthonormal(dimensions: int) -> None:
    q = rotation(ONE, dimensions)
    assert np.abs(q @ q.T - np.eye(dimensions)).max() < 1e-12


def test_distances_are_unchanged() -> None:
    plain = templates()
    kept = np.stack([project(each, ONE) for each in plain])
    for one in range(len(plain)):
        before = np.linalg.norm(plain - plain[one], axis=1)
        after = np.linalg.norm(kept - kept[one], axis=1)
        assert np.abs(before - after).max() < 1e-9


def test_renewing_the_key_needs_no_capture_and_makes_the_old_one_worthless() -> None:
    template = templates(1)[0]
    renewed = renew(project(template, ONE), old=ONE, new=TWO)
    assert np.abs(renewed - project(template, TWO)).max() < 1e-9
    assert np.linalg.norm(unproject(renewed, ONE) - template) > 0.5 * np.linalg.norm(template)


def test_what_two_shops_keep_of_one_face_is_no_closer_than_two_faces() -> None:
    """Unlinkable: over many keys, the same face under two keys is as far apart as two faces are."""
    plain = templates(60)
    keys = [bytes([number]) * 32 for number in range(61)]
    same = [np.linalg.norm(project(each, keys[0]) - project(each, keys[n + 1])) for n, each in enumerate(plain)]
    other = [
        np.linalg.norm(project(each, keys[0]) - project(plain[(n + 1) % 60], keys[n + 1]))
        for n, each in enumerate(plain)
    ]
    ranks = np.argsort(np.argsort([*same, *other]))  # the rank-sum test: near-zero difference of mean ranks
    assert abs(ranks[:60].mean() - ranks[60:].mean()) < 16  # 2.5 standard deviations of 120 ranks in two halves


def test_whoever_has_the_key_undoes_it() -> None:
    """The limit that the docs state: a rotation is no one-way function."""
    template = templates(1)[0]
    assert np.abs(unproject(project(template, ONE), ONE) - template).max() < 1e-12


def test_the_generator_is_the_documented_one() -> None:
    """A vector of the construction, computed with another implementation: hashlib's stream, math, Gram-Schmidt."""
    import hashlib
    import math

    stream = hashlib.shake_256(b"authsvc/face-projection/v1\x00" + (2).to_bytes(4) + ONE).digest(32)
    words = [int.from_bytes(stream[at : at + 8]) for at in range(0, 32, 8)]
    uniform = [((word >> 11) + 0.5) / 2**53 for word in words]
    gauss = []
    for first, second in ((uniform[0], uniform[1]), (uniform[2], uniform[3])):
        radius = math.sqrt(-2 * math.log(first))
        gauss += [radius * math.cos(2 * math.pi * second), radius * math.sin(2 * math.pi * second)]
    a, b, c, d = gauss  # [[a, b], [c, d]]
    length = math.hypot(a, c)
    first_column = (a / length, c / length)
    along = b * first_column[0] + d * first_column[1]
    rest = (b - along * first_column[0], d - along * first_column[1])
    size = math.hypot(*rest)
    expected = [[first_column[0], rest[0] / size], [first_column[1], rest[1] / size]]
    assert np.abs(rotation(ONE, 2) - np.array(expected)).max() < 1e-12


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_a_key_has_32_bytes(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        rotation(key, 4)
