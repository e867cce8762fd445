"""What a reviewer said of a run's episodes: `review.json` in its folder, bound to the run's own episodes.

Written by `bimodal review`, shown in `report.html`. A review of another run is refused.
"""

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from ...envs.errors import WrongUse
from ...envs.storage.atomic_write import write_text
from ...envs.storage.bounded_read import read_bounded
from ..records.checksums import add_to_seal
from ..records.field_types import Key, Many, Record, Seed, Sha256, TaskId, VariantName, When, problems
from .run_episodes import Run

NAME = "review.json"
INTERFACES = (
    *("perception", "representation", "dynamics", "planning"),
    *("control", "data coverage", "timing", "evaluation"),
)
"""Where a failure can come from; offered as tags beside the outcomes of `outcomes.py`."""
MOST_NOTE = 2000
"""Characters of a note."""
_NOTE = r"^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]*$"
_LARGEST = 16_000_000
"""Bytes of a review that are read."""

EpisodeKey = tuple[str, str, int]
"""Task, variant, seed."""


class Remark(Record):
    """What a reviewer says of an episode."""

    tag: Key
    """A word for it: one of the outcomes, one of `INTERFACES`, or any other; "" for none."""
    note: Annotated[str, Field(max_length=MOST_NOTE, pattern=_NOTE)]
    """What else there is to say; lines end with a newline."""


class ReviewedEpisode(Record):
    """An episode that a person has looked at."""

    task: TaskId
    """Task id."""
    variant: VariantName
    """Variant, `clean` for none."""
    seed: Seed
    """Seed of the episode."""
    remark: Remark
    """What was said of it."""
    saved: When
    """When it was said."""

    @property
    def key(self) -> EpisodeKey:
        """Which episode it is."""
        return self.task, self.variant, self.seed


class Review(Record):
    """What was said of a run's episodes."""

    schema_version: Literal[1]
    """Version of this record."""
    run_id: Annotated[str, Field(pattern=r"^[0-9a-f]{0,32}$")]
    """The run's number, as in run.json."""
    digest: Sha256
    """sha256 of the digests of all its episodes, in the suite's order."""
    episodes: Many[ReviewedEpisode]
    """Those that were looked at."""


def empty_review(run: Run) -> Review:
    """Return the review of a run that nobody has looked at."""
    digests = sha256()
    for (task, variant), cell in run.cells.items():
        for seed, digest in zip(cell.seeds, cell.digests, strict=True):
            digests.update(f"{task} {variant} {seed} {digest}\n".encode())
    return Review(schema_version=1, run_id=run.record.run_id, digest=digests.hexdigest(), episodes=())


def read_review(run: Run) -> Review:
    """Return what was said of a run's episodes, nothing where there is no review.

    Raises:
        WrongUse: the file is damaged, or of another run.
    """
    file = run.folder / NAME
    fresh = empty_review(run)
    if file.is_symlink():
        raise WrongUse(f"{file} is a link, and a run folder has none")
    if not file.exists():
        return fresh
    try:
        review = Review.model_validate_json(read_bounded(file, _LARGEST))
    except ValidationError as error:
        raise WrongUse(f"{file} is no review: {problems(error)[0]}; move it away") from None
    if (review.run_id, review.digest) != (fresh.run_id, fresh.digest):
        raise WrongUse(f"{file} is a review of another run; move it away, or review that run")
    cells = {cell: set(columns.seeds.tolist()) for cell, columns in run.cells.items()}
    for one in review.episodes:
        if one.seed not in cells.get((one.task, one.variant), ()):
            raise WrongUse(f"{file} speaks of {one.task} ({one.variant}) seed {one.seed}, which is not there")
    return review


def write_remark(folder: Path, review: Review, said: ReviewedEpisode) -> Review:
    """Write a review with one more remark, the file whole or not at all, and return it.

    A remark without tag and note takes away what was said before.
    """
    kept = {one.key: one for one in review.episodes} | {said.key: said}
    if not (said.remark.tag or said.remark.note):
        del kept[said.key]
    review = review.model_copy(update={"episodes": tuple(kept.values())})
    write_text(folder / NAME, review.model_dump_json(indent=1) + "\n")
    add_to_seal(folder, (NAME,))
    return review
