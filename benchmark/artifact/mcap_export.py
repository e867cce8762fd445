"""Writes episodes of a run as MCAP, the log format of robotics; called by `bimodal export --mcap`.

Messages are protobuf, of Foxglove's schemas where it has one. An episode is simulated again from its record,
so everything that the referee saw is there; episodes follow one another, a second apart.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...envs.errors import WrongUse
from ...envs.perturbations.core.variant import Variant
from ...envs.simulation import Simulation
from ...envs.specs import CONTROL_HZ, from_grid
from ...envs.storage.atomic_write import atomic_write
from ...tasks import load_task
from ...tasks.core import episode_step
from ..rollout.plan_records import Plans
from .replay_episode import RecordedEpisode, outcome_words

if TYPE_CHECKING:
    from .mcap_messages import Message

_STEP_NS = 10**9 // CONTROL_HZ
_GAP_NS = 10**9


class Exported(NamedTuple):
    """An episode to be exported, and the plans of its decisions."""

    episode: RecordedEpisode
    plans: Plans | None
    """Cut down to this episode, (1, M, ...); None where none were recorded."""


def export_mcap(out: Path, episodes: Sequence[Exported], pictures: bool = False) -> int:
    """Write episodes into a file, if wanted with pictures, and return how many messages it holds.

    The same episodes give the same bytes, with the same versions of the libraries.

    Raises:
        WrongUse: the packages for it are not installed, or the name ends otherwise than in .mcap.
        BimodalError: the disk refuses, or nothing can be drawn here.
    """
    if out.suffix != ".mcap":
        raise WrongUse(f"cannot write {out}: the name must end in .mcap")
    try:
        import foxglove_schemas_protobuf  # noqa: F401
        from mcap_protobuf.writer import Writer
    except ImportError as error:
        raise WrongUse(f"--mcap needs {error.name}: pip install 'bimodal-bench[mcap]'") from None
    count = 0
    with atomic_write(out) as draft, draft.open("wb") as file:
        writer = Writer(file)
        begin = 0
        for one in episodes:
            for topic, at, content in sorted(_messages(one, begin, pictures), key=lambda message: message.at):
                writer.write_message(topic, content, log_time=at, publish_time=at)
                count += 1
            begin += one.episode.steps * _STEP_NS + _GAP_NS
        writer.finish()
    return count


def _messages(one: Exported, begin: int, pictures: bool) -> Iterator["Message"]:
    """Simulate an episode again; yield its messages, those of the same topic in the order of their time."""
    from . import mcap_messages as message
    from .mcap_pictures import pictures_of
    from .mcap_plans import plans_of_decisions

    result = one.episode.result
    shard = result.shard
    task = load_task(shard.task)
    space = one.episode.run.policy.action
    simulation = Simulation(task, 1, variant=Variant(shard.variant))
    simulation.reset(shard.seeds)
    title = f"{shard.task} ({shard.variant}), seed {shard.seeds[0]}: "
    yield message.log(begin, title + outcome_words(shard.task, result.verdict))
    if one.plans is not None:
        yield from plans_of_decisions(task, one.episode, one.plans, simulation, begin)
    yield message.body_poses(simulation, begin)
    for step in range(one.episode.steps):
        at = begin + step * _STEP_NS
        command = from_grid(result.trace.actions[:, step])
        yield message.action(at, space, command[0])
        if space == "ee_absolute":
            yield message.target_poses("/command", at, task, command)
        episode_step.advance(simulation, command, step, space)
        yield message.body_poses(simulation, at + _STEP_NS)
        yield message.signals(task, episode_step.measure(task, simulation), at + _STEP_NS)
    if pictures:
        yield from pictures_of(one.episode, begin)
