"""How smoothly a tool moves, and when an episode decides and succeeds: pure functions of arrays."""

import numpy as np

from ...envs.scene import TIMESTEP
from ...envs.specs import CONTROL_HZ

CUTOFF_HZ = 10.0
"""Highest frequency of the spectrum that counts [Hz]; the source's."""
THRESHOLD = 0.05
"""Above the last frequency with this share of the largest amplitude nothing counts; the source's."""
PADDING = 4
"""The spectrum is sampled 2^4 times as densely as the movement asks for; the source's."""
RESTING = 1e-4
"""A tool that never moves faster rests [m/s], and its movement has no smoothness."""


def spectral_arc_length(speed: np.ndarray, rate: float = 1 / TIMESTEP) -> float:
    """Return the spectral arc length (SPARC) of a movement, below 0: the nearer, the smoother; NaN at rest.

    With V(f) the amplitude spectrum of the speed over its maximum, f_c the last frequency up to 10 Hz with
    V(f_c) >= 0.05:

        SPARC = - integral from 0 to f_c of sqrt((1 / f_c)^2 + (dV/df)^2) df,

    summed over the samples of a zero-padded Fourier transform. It depends neither on how fast the movement is
    nor on its length; one smooth rise and fall of the speed gives about -1.4.

    Source: Balasubramanian, Melendez-Calderon, Roby-Brami and Burdet, J. NeuroEng. Rehabil. 12:112 (2015).

    Args:
        speed: of the tool [m/s], (T,).
        rate: samples a second [Hz].
    """
    if len(speed) < 2 or not np.isfinite(speed).all() or speed.max() < RESTING:
        return float("nan")
    size = 2 ** (int(np.ceil(np.log2(len(speed)))) + PADDING)
    frequency = np.arange(size // 2 + 1) * rate / size
    amplitude = np.abs(np.fft.rfft(speed, size))
    amplitude = (amplitude / amplitude.max())[frequency <= CUTOFF_HZ]
    told = np.flatnonzero(amplitude >= THRESHOLD)
    arc = amplitude[told[0] : told[-1] + 1]
    if len(arc) < 2:
        return float("nan")
    return float(-np.sqrt((1 / (len(arc) - 1)) ** 2 + np.diff(arc) ** 2).sum())


def mean_squared_jerk(tool: np.ndarray, rate: float = 1 / TIMESTEP) -> float:
    """Return the mean of |d^3 x / dt^3|^2 [m^2/s^6] of positions (T, 3) [m], by third differences."""
    if len(tool) < 4:
        return float("nan")
    jerk = np.diff(tool, n=3, axis=0) * rate**3
    return float((jerk**2).sum(axis=1).mean())


def time_to_commit(side: np.ndarray, mode: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return when the hand came to the side that it did not leave for another one [s], (N,).

    It is the end of the first control step on the last of the sides that the hand was on; what lies between
    two sides is neither. NaN for an episode that realised no mode.

    Args:
        side: the mode whose side the hand is on after each control step, -1 between two, (T, N); `Task.side`.
        mode: realised mode, -1 for none, (N,).
        steps: lengths [control steps], (N,).
    """
    last = np.full(side.shape[1], -1)
    since = np.full(side.shape[1], -1)
    for step, now in enumerate(side):
        told = (now >= 0) & (step < steps)
        since = np.where(told & (now != last), step, since)
        last = np.where(told, now, last)
    return np.where((since >= 0) & (mode >= 0), (since + 1) / CONTROL_HZ, np.nan)


def time_to_success(first_success: np.ndarray, success: np.ndarray) -> np.ndarray:
    """Return the end of the first control step at the goal [s], (N,); NaN for failures.

    Args:
        first_success: first control step at which the goal was reached, -1 for never, (N,).
        success: whether the goal was then held, (N,) bool.
    """
    return np.where(success & (first_success >= 0), (first_success + 1) / CONTROL_HZ, np.nan)
