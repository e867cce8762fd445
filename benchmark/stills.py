"""The old name of a task's picture; see `view.py`."""

from .view import draw as grasp_triptych

__all__ = ["grasp_triptych"]
