"""Keep a template so that it can be revoked, and not linked: a keyed rotation before it is sealed. Pure.

    kept = Q(key) @ template          Q: d x d, orthonormal, from 32 bytes of key

Q is the orthonormal factor of a Gaussian matrix, with the signs that make the diagonal of R positive: uniform over all
rotations and reflections (Stewart, SIAM J. Numer. Anal. 17, 1980). Its numbers are read from SHAKE-256 over
`authsvc/face-projection/v1` || 0x00 || d (4 bytes, big-endian) || key: two 64-bit words, big-endian, for two Gaussians
(Box and Muller), row by row. Same key, same matrix, on every machine up to the rounding of the QR, some 1e-15.

What it gives (ISO/IEC 24745), and what it does not:
1. Distances are unchanged: no accuracy is lost.
2. Renewable: who knows the old key turns what is kept into the template of a new key, without a new capture.
3. Unlinkable: what two shops keep of one face, or one shop before and after a renewal, is no closer than any two.
4. Irreversible only while the key is secret. A rotation is undone by its transpose: who has key and kept vector has the
   template. Nothing here replaces the encryption around both; their keys are wrapped apart (templates/service.py).
"""

import hashlib

import numpy as np

from authsvc.factors.face.measured import FloatArray

KEY_BYTES = 32
LABEL = b"authsvc/face-projection/v1\x00"


def project(template: FloatArray, key: bytes) -> FloatArray:
    """Return what is kept of a template, float64, shape (d,)."""
    kept: FloatArray = rotation(key, len(template)) @ template
    return kept


def unproject(kept: FloatArray, key: bytes) -> FloatArray:
    """Return the template behind what is kept; in memory only."""
    template: FloatArray = rotation(key, len(kept)).T @ kept
    return template


def renew(kept: FloatArray, *, old: bytes, new: bytes) -> FloatArray:
    """Return what is kept under the new key instead."""
    return project(unproject(kept, old), new)


def rotation(key: bytes, dimensions: int) -> FloatArray:
    """Return Q(key), float64, shape (d, d).

    Raises:
        ValueError: not KEY_BYTES bytes.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a projection's key has {KEY_BYTES} bytes")
    q, r = np.linalg.qr(_gaussian(key, dimensions))
    orthonormal: FloatArray = q * np.sign(np.diagonal(r))
    return orthonormal


def _gaussian(key: bytes, dimensions: int) -> FloatArray:
    count = dimensions * dimensions
    pairs = -(-count // 2)
    stream = hashlib.shake_256(LABEL + dimensions.to_bytes(4) + key).digest(16 * pairs)
    words = np.frombuffer(stream, dtype=">u8").astype(np.uint64).reshape(pairs, 2)
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53  # 53 bits, never 0 and never 1
    radius, angle = np.sqrt(-2 * np.log(uniform[:, 0])), 2 * np.pi * uniform[:, 1]
    both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return both.reshape(-1)[:count].reshape(dimensions, dimensions)
