"""Computes many rows a fixed number at a time, so that a row does not depend on the batch it came in."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

Sample = Callable[[Tensor, Tensor], Tensor]
"""Returns normalised chunks (B, H*A) for noise (B, noise_size) and conditions (B, C)."""
ROWS = 16
"""Rows of every pass through the trunk: one fixed shape means one kernel, hence the same bits per row."""
MANY_ROWS = 64
"""The same where several chunks are drawn for each episode: less than half the time a row."""


def in_micro_batches(
    sample: Sample, noise: np.ndarray, condition: np.ndarray, rows: int = ROWS
) -> np.ndarray:
    """Return samples (N, H*A) computed so many rows at a time, the last ones padded with zeros.

    A matrix product may round differently for another number of rows, but not for other values in the
    other rows, so padding makes every row independent of the batch it came in.
    """
    padded = -(-len(noise) // rows) * rows
    inputs = [torch.zeros(padded, array.shape[1]) for array in (noise, condition)]
    for tensor, array in zip(inputs, (noise, condition), strict=True):
        tensor[: len(array)] = torch.from_numpy(array)
    with torch.inference_mode():
        parts = [sample(*part) for part in zip(*(tensor.split(rows) for tensor in inputs), strict=True)]
    return torch.cat(parts)[: len(noise)].numpy() if parts else np.zeros_like(noise)
