"""Rotations about z, and frames on the table: an origin x, y [m] and a yaw [rad], (3,)."""

import numpy as np


def heading(yaw: np.ndarray | float) -> np.ndarray:
    """Return the unit vector of the plane at `yaw` (...) [rad], (..., 2)."""
    return np.stack([np.cos(yaw), np.sin(yaw)], -1)


def rotation_z(yaw: float) -> np.ndarray:
    """Return the rotation matrix by `yaw` [rad] about z, (3, 3)."""
    c = np.cos(yaw)
    s = np.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def yaw_quaternion(yaw: float) -> tuple[float, float, float, float]:
    """Return the rotation by `yaw` [rad] about z as a quaternion, wxyz."""
    return float(np.cos(yaw / 2)), 0.0, 0.0, float(np.sin(yaw / 2))


def rotated(x: np.ndarray, y: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return plane vectors turned about z by `angle` [rad]; all three broadcast."""
    c = np.cos(angle)
    s = np.sin(angle)
    return c * x - s * y, s * x + c * y


def rotated_back(x: np.ndarray, y: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return plane vectors turned about z by minus `angle` [rad]; the inverse of `rotated`."""
    c = np.cos(angle)
    s = np.sin(angle)
    return c * x + s * y, c * y - s * x


def to_frame(position: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Return world positions (N, 3) [m] in frames (N, 3)."""
    x, y = rotated_back(position[:, 0] - frame[:, 0], position[:, 1] - frame[:, 1], frame[:, 2])
    return np.stack([x, y, position[:, 2]], -1)


def from_frame(position: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Return positions (..., 3) [m] that are given in frames, in the world; `frame` broadcasts, (..., 3)."""
    # Not `rotated`: origin + c x - s y rounds otherwise than origin + (c x - s y), and episodes depend on it.
    c = np.cos(frame[..., 2])
    s = np.sin(frame[..., 2])
    x = position[..., 0]
    y = position[..., 1]
    return np.stack([frame[..., 0] + c * x - s * y, frame[..., 1] + s * x + c * y, position[..., 2]], -1)
