"""The only source of randomness: counter-based streams named by what they are for.

A stream depends on its key alone - never on a batch, a worker, an order or what ran before - so an
episode is a pure function of (suite version, task, seed).
"""

from hashlib import blake2b

import numpy as np


def digest(*key: str | int) -> bytes:
    """Return 16 bytes that identify `key`; strings and integers never collide."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in key)
    return blake2b(text.encode(), digest_size=16).digest()


def stream(*key: str | int) -> np.random.Generator:
    """Return the random generator of `key`, e.g. `stream("start", "PandaLiftPot-v1", 7)`."""
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest(*key), "little")))


def noise_key(*key: str | int) -> np.uint64:
    """Return a 64-bit key that a policy may use for its own noise; it does not reveal `key`."""
    return np.uint64(int.from_bytes(digest("policy noise", *key)[:8], "little"))
