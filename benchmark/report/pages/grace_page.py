"""The page docs/grace.md and the terminal table of `bimodal certify --grace`."""

from collections.abc import Sequence

from rich.table import Table

from ...certificate.grace import BLOCK, MOST_BLOCKS, GraceResult
from ...certificate.learning_gates import TRIAL_SEEDS
from ...certificate.physics_gates import EXPERT_FLOOR
from ...number_text import percent
from ...rich_table import number_table
from .markdown import markdown_page, markdown_table

_HEADER = ("task", *(f"{k} block{'s' * (k != 1)}" for k in range(MOST_BLOCKS + 1)), "grace")


def grace_rows(found: Sequence[GraceResult]) -> list[tuple[str, ...]]:
    """Return a row for each task: success after each number of blocks, and the grace."""
    return [(one.task, *map(percent, one.success), str(one.grace)) for one in found]


def grace_table(found: Sequence[GraceResult]) -> Table:
    """Return the table for the terminal."""
    return number_table(
        "Success [%] of experts that take over from the mean plan", _HEADER, grace_rows(found)
    )


def grace_page(found: Sequence[GraceResult]) -> str:
    """Return the page docs/grace.md."""
    return markdown_page(
        "grace",
        block=BLOCK,
        n=len(TRIAL_SEEDS),
        floor=percent(EXPERT_FLOOR),
        table=markdown_table(_HEADER, grace_rows(found)),
        prints=", ".join(f"{one.task} `{one.fingerprint[:16]}`" for one in found),
    )
