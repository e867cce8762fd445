"""`bimodal replay`: simulates one episode of a run again, from its record."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from .arguments import Json, argument, number, option, task_option, variant_option

if TYPE_CHECKING:
    from ..benchmark.artifact.replay_episode import EpisodeReplay, Played, RecordedEpisode

EXAMPLE = "bimodal replay runs/smoke-flow --task PandaLiftDumbbell-v1 --episode 3 --video three.mp4"

Perturb = Annotated[
    str | None,
    variant_option("play the recorded actions in this variant instead; the policy does not react"),
]


def run(
    what: Annotated[Path, argument("RUN", "run folder, or artifact of `bimodal pack`")],
    episode: Annotated[int, number("seed of the episode")],
    task: Annotated[str | None, task_option("its task  [default: the run's only one]")] = None,
    variant: Annotated[str, variant_option("its variant")] = "clean",
    perturb: Perturb = None,
    video: Annotated[Path | None, option("FILE", "also write a video, .mp4")] = None,
    camera: Annotated[str, option("NAME", "of the video: front, side, top, closeup or wrist")] = "closeup",
    json: Json = False,
) -> int:
    """Simulate an episode again from its record and compare.

    Every half second of the recorded actions starts from its recorded state and must lead to the next one,
    within one millionth; then label, mode and length are compared. The exit code is 1 if something differs.
    """
    from ..benchmark.artifact.read import open_run
    from ..benchmark.artifact.replay_episode import find_episode, play_perturbed, replay_episode
    from ..benchmark.media.replay_video import check_video
    from .console import console, print_json

    if video is not None:
        check_video(video, camera)
    with open_run(what) as folder:
        found = find_episode(folder, episode, task or "", variant)
    played = play_perturbed(found, perturb) if perturb is not None else None
    replayed = replay_episode(found)
    if json:
        print_json(_plain(found, replayed, played))
    else:
        console.print(*_lines(found, replayed), sep="\n", markup=False)
        if played is not None:
            console.print(*_played_lines(found, played, perturb or ""), sep="\n", markup=False)
    if video is not None:
        path = _film(video, found, camera, played, perturb)
        if not json:
            console.print(f"video    {path}", markup=False)
    return int(not replayed.matches)


def _lines(found: "RecordedEpisode", replayed: "EpisodeReplay") -> list[str]:
    """Return what was replayed and which segments matched, one line each."""
    from ..benchmark.artifact.replay_episode import outcome_words
    from ..envs.specs import CONTROL_HZ

    shard = found.result.shard
    what = f"{found.run.policy.name} in {shard.task} ({shard.variant}), seed {shard.seeds[0]}"
    lines = [f"replay   {what}: {outcome_words(shard.task, found.result.verdict)}"]
    said = {True: "matches", False: "DIFFERS"}
    for one in replayed.segments:
        where = f"{one.begin / CONTROL_HZ:.1f} to {one.end / CONTROL_HZ:.1f} s" if one.end else "the start"
        how = f"by {one.difference:.1g} at most, in {one.number}" if one.difference else "bit for bit"
        lines.append(f"{where:12}  {said[one.matches]}, {how}")
    lines.append(f"the end       {said[replayed.verdict_matches]}: label, mode and length")
    if not replayed.digest_matches:
        lines.append("fingerprint   DIFFERS: actions, states or verdict are not those that were recorded")
    if strays := [one.end / CONTROL_HZ for one in replayed.segments if not one.matches]:
        lines.append(f"{len(strays)} of {len(replayed.segments)} segments differ, first at {strays[0]:.1f} s")
    return lines


def _played_lines(found: "RecordedEpisode", played: "Played", variant: str) -> list[str]:
    """Return how the episode ends in another variant."""
    from ..benchmark.artifact.replay_episode import outcome_words

    task = found.result.shard.task
    return [
        f"in {variant} the recorded actions, to which the policy does not react, end with: "
        f"{outcome_words(task, played.verdict)}"
    ]


def _plain(found: "RecordedEpisode", replayed: "EpisodeReplay", played: "Played | None") -> dict:
    """Return the same for programs."""
    from ..benchmark.artifact.replay_episode import outcome_words

    shard = found.result.shard
    return {
        "policy": found.run.policy.name,
        "task": shard.task,
        "variant": shard.variant,
        "seed": shard.seeds[0],
        "outcome": outcome_words(shard.task, found.result.verdict),
        "segments": [one._asdict() | {"matches": one.matches} for one in replayed.segments],
        "verdict_matches": replayed.verdict_matches,
        "digest_matches": replayed.digest_matches,
        "matches": replayed.matches,
        "perturbed_outcome": outcome_words(shard.task, played.verdict) if played else None,
    }


def _film(
    video: Path, found: "RecordedEpisode", camera: str, played: "Played | None", perturb: str | None
) -> Path:
    """Write the video of what was replayed."""
    from ..benchmark.artifact.replay_episode import recorded_states
    from ..benchmark.media.filmed_episodes import FilmedEpisode
    from ..benchmark.media.replay_video import write_replay_video
    from ..tasks import load_task

    shard = found.result.shard
    verdict = played.verdict if played else found.result.verdict
    mode = int(verdict.mode[0])
    shown = FilmedEpisode(
        task=shard.task,
        variant=perturb or shard.variant,
        seed=shard.seeds[0],
        shard=shard.index,
        label=str(verdict.label[0]),
        mode=load_task(shard.task).modes[mode] if mode >= 0 else "",
        steps=int(verdict.steps[0]),
    )
    states = played.states if played else recorded_states(found)
    name = f"{found.run.policy.name}'s recorded actions" if played else found.run.policy.name
    return write_replay_video(video, shown, states, camera, name)
