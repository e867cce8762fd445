"""The contract card of a run: what the policy is given, what it promises, when it counts as refused.

Much of it follows from what the policy says of itself and from the suite (`known`); the submitter writes the
rest into a small TOML. It is written down before the first episode, as `card.json` of the run's folder.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from ...envs.errors import WrongUse, unknown_name
from ...envs.seed_ranges import TRAIN, TRAIN_SET
from ...envs.specs import ACTIONS, CONTROL_HZ
from ...envs.storage.atomic_write import write_json
from ...envs.storage.bounded_read import read_bounded
from ...tasks import load_task
from .field_types import PRINTABLE, Record, problems
from .run_record import RunRecord

NAME = "card.json"
_LARGEST = 200_000
"""Bytes of a card that are read."""

Answer = Annotated[str, Field(max_length=2000, pattern=PRINTABLE)]
"""One printable line, "" for nothing."""


class Answers(Record):
    """What somebody says of a policy, "" where nothing."""

    observation_stream: Answer = ""
    """What the policy sees, and how often."""
    state_estimate: Answer = ""
    """Where what it sees comes from."""
    action_representation: Answer = ""
    """What it commands."""
    horizon: Answer = ""
    """How far it plans, how much of it is executed, how long an episode is."""
    timing_budget: Answer = ""
    """How long a decision may take."""
    success_metric: Answer = ""
    """What counts as success, on how many episodes."""
    most_likely_failure: Answer = ""
    """How the submitter expects it to fail."""
    rejection_criterion: Answer = ""
    """The result at which the submitter would not use it."""
    training_data: Answer = ""
    """What it was trained on."""
    panel_overlap: Answer = ""
    """How many training scenes are scenes of the seed panel."""

    def given(self) -> dict[str, str]:
        """Return the answers that are there."""
        return {name: text for name, text in self.plain().items() if text}


class ContractCard(Record):
    """The card of a run: what follows from the records, and what the submitter adds to it."""

    schema_version: Annotated[int, Field(ge=1, le=1)] = 1
    """Version of this record."""
    known: Answers
    """What the policy's needs, the suite and the training records say."""
    stated: Answers
    """What the submitter says."""

    @property
    def empty(self) -> tuple[str, ...]:
        """Names of the fields of which nobody says anything."""
        told = self.known.given().keys() | self.stated.given().keys()
        return tuple(name for name in Answers.model_fields if name not in told)


def title(name: str) -> str:
    """Return a field's name in words."""
    return name.replace("_", " ").capitalize()


def read_statement(file: Path) -> Answers:
    """Return what a submitter says, from a TOML file; `bimodal card POLICY` prints one to be filled in.

    Raises:
        WrongUse: not TOML, an unknown field, or an answer that is no line of text.
    """
    try:
        raw = tomllib.loads(read_bounded(file, _LARGEST).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WrongUse(f"{file} is not TOML: {error}") from None
    if unknown := sorted(raw.keys() - Answers.model_fields):
        raise WrongUse(f"{file}: {unknown_name('field', unknown[0], Answers.model_fields)}")
    try:
        return Answers.model_validate(raw)
    except ValidationError as error:
        raise WrongUse(f"{file}: {problems(error)[0]}") from None


def template(card: ContractCard) -> str:
    """Return the TOML for a submitter: what is known as comments, what is empty to be filled in."""
    lines = ["# Contract card, for: bimodal evaluate POLICY --card FILE", ""]
    known = card.known.given()
    for name, field in Answers.model_fields.items():
        lines.append(f"# {title(name)}: {(field.description or '').rstrip('.')}.")
        if name in known:
            lines += [f"#   known: {known[name]}", f'# {name} = ""', ""]
        else:
            lines += [f'{name} = ""', ""]
    return "\n".join(lines)


# ------------------------------------------------------------------------------------ what is known


def known(record: RunRecord) -> Answers:
    """Return what a run's record says already; called by `evaluate` before the first episode."""
    policy = record.policy
    every = policy.execute / CONTROL_HZ
    lengths = [load_task(task).max_episode_steps for task in record.suite.tasks]
    parts = (f"{one.name} {one.shape} [{one.unit}]" for one in ACTIONS.get(policy.action, ()))
    sees = (", ".join(policy.observations) or "every component of the track") + policy.past
    return Answers(
        observation_stream=_line(f"{sees}; once every {policy.execute} control steps ({every:g} s)"),
        state_estimate=_line(_estimate(record)),
        action_representation=_line(f"{policy.action}: {', '.join(parts)}, for each arm, {CONTROL_HZ} Hz"),
        horizon=f"{policy.execute} actions ({every:g} s) of each chunk are executed; an episode has at most "
        f"{max(lengths)} control steps ({max(lengths) / CONTROL_HZ:g} s)",
        timing_budget=f"{every * 1e3:g} ms until the actions of a decision are used up; simulation waits, "
        f"but a decision that takes {record.options.deadline_s:g} s ends its episode",
        success_metric=_line(_success(record)),
        training_data=_line(_training(record)),
        panel_overlap=_line(_overlap(record)),
    )


def _estimate(record: RunRecord) -> str:
    """Return where what a policy sees comes from."""
    if record.policy.track == "privileged":
        return "the simulator itself"
    if record.policy.track == "vision":
        return f"none: it sees pictures ({record.policy.pictures} control steps), no pose of an object"
    sensing = [variant for variant in record.suite.variants if "sensing." in variant]
    return "true poses from the simulator" + (f"; disturbed in {', '.join(sensing)}" if sensing else "")


def _success(record: RunRecord) -> str:
    """Return what counts as success, and on how many episodes."""
    seeds = record.suite.seeds
    shifted = [variant for variant in record.suite.variants if variant != "clean"]
    more = f", {seeds.shifted} in each of {', '.join(shifted)}" if shifted else ""
    return (
        f"the goal held for half a second, nothing forbidden touched; {seeds.count} clean seeds a task{more}"
    )


def _training(record: RunRecord) -> str:
    """Return what a policy says of its training data, "" for nothing."""
    if record.training is None:
        return "none: it has no learned parameters" if not record.policy.parameters else ""
    sets = _demonstrations(record)
    words = (
        f"{task}: {one.get('episodes')} of {one.get('regime')}, set {one.get('seed')}"
        for task, one in sets.items()
    )
    return f"demonstrations by the experts ({'; '.join(words)})" if sets else ""


def _overlap(record: RunRecord) -> str:
    """Return how many scenes of the seed panel the training data hold, "" where nobody knows."""
    if record.training is None:
        return "none: nothing was trained" if not record.policy.parameters else ""
    sets = _demonstrations(record)
    panel = range(record.suite.seeds.start, record.suite.seeds.start + record.suite.seeds.count)
    shared = 0
    for one in sets.values():
        number = one.get("seed")
        episodes = one.get("episodes")
        if type(number) is not int or type(episodes) is not int:
            return ""
        first = TRAIN.start + TRAIN_SET * number
        shared += len(range(max(first, panel.start), min(first + episodes, panel.stop)))
    if not sets or sets.keys() != record.training.keys():
        return ""
    return (
        f"{shared or 'none'} of the panel's {len(panel)} seeds a task; demonstrations begin at {TRAIN.start}"
    )


def _demonstrations(record: RunRecord) -> dict[str, dict[str, Any]]:
    """Return what a policy says of its sets of demonstrations, by task."""
    training = record.training or {}
    said = {task: one.get("demonstrations") for task, one in training.items() if isinstance(one, dict)}
    return {task: one for task, one in said.items() if isinstance(one, dict)}


def _line(text: str) -> str:
    """Cut what policies say of themselves to one printable line."""
    return "".join(c if c.isprintable() else "?" for c in text)[:2000]


# -------------------------------------------------------------------------------------- on the disk


def read_card(folder: Path) -> ContractCard | None:
    """Return the card of a run's folder, None where it has none.

    Raises:
        WrongUse: it is damaged.
    """
    file = folder / NAME
    if not file.exists():
        return None
    try:
        return ContractCard.model_validate_json(read_bounded(file, _LARGEST))
    except ValidationError as error:
        raise WrongUse(f"{file} is damaged: {problems(error)[0]}") from None


def keep_card(folder: Path, record: RunRecord, stated: Answers | None, begun: bool) -> ContractCard:
    """Write a run's card before its first episode; called by `evaluate`, returns the card that holds.

    Args:
        folder: the run's folder.
        record: the run.
        stated: what the submitter says; None for what was said when the run was begun.
        begun: whether episodes are there already; then nothing may be said anew.

    Raises:
        WrongUse: another card than before the first episode.
    """
    old = read_card(folder)
    before = old.stated if old else Answers()
    if begun and stated is not None and stated != before:
        raise WrongUse(
            f"{folder} has episodes already, and its card was written before the first; leave out --card, "
            "choose another folder (--out), or discard the run (--fresh)"
        )
    card = ContractCard(known=known(record), stated=stated or before)
    if card != old:
        write_json(folder / NAME, card.plain())
    return card
