"""What `check` refuses although every figure adds up: impossible episodes, times, policies and origins."""

import pytest
from bimodal.benchmark.scoring.task_scores import score_task
from bimodal.leaderboard.check import aggregate, check_entry, results
from bimodal.leaderboard.entry_model import Entry
from bimodal.leaderboard.files import entry_id
from bimodal.leaderboard.own_policies import BORROWED_WEIGHTS, CRITIC, PRIVILEGED, SEEING, UNLEARNED
from bimodal.policies.core.registry import ORACLES, own_names, policy_class
from bimodal.policies.critic import Critic
from bimodal.tasks import load_task
from fabricated_entries import DUMBBELL, edit, forge, make


def recounted(raw):
    """Return an entry whose totals and id follow from its episodes, as a careful forger would leave it."""
    cells = {(one.task, one.variant): one.columns for one in Entry.model_validate(raw).episodes}
    timed = {(row["task"], row["variant"]): row["latency_ms"] for row in raw["results"]}
    scores = [score_task(*key, columns) for key, columns in cells.items()]
    raw["results"] = [
        row.plain() | {"latency_ms": timed[row.task, row.variant]} for row in results(cells, scores, {})
    ]
    raw["aggregate"] = aggregate(scores).plain()
    raw["entry_id"] = entry_id(raw)
    return raw


def episode(**columns):
    """Return a forger that writes one value of the first clean episode, or several."""

    def change(entry):
        for name, value in columns.items():
            entry["episodes"][0][name][0] = value

    return change


def every(name, value):
    def change(entry):
        for block in entry["episodes"]:
            block[name] = [value] * 16

    return change


def policy(fields):
    return lambda entry: entry["policy"].update(fields)


def file_policy(uri, **fields):
    """Return a forger that calls the entry a policy of somebody's file."""
    return policy({"uri": uri, "name": "mine", "artifacts": {"mine.py": "ab" * 32}, "class": "Mine"} | fields)


def run_of(name, **fields):
    """Return a forger that calls the entry one of Bimodal's own policies."""
    kind = policy_class(name)
    named = {"name": name, "uri": name, "class": f"{kind.__module__}:{kind.__qualname__}", "artifacts": {}}
    return policy(named | fields)


FORGERIES = {
    "scenes that repeat": (lambda e: e["suite"]["seeds"].update(start=3_000_000_000), "has no board"),
    "a run that ended early": (lambda e: e["suite"]["seeds"].update(block=10), "makes no entry"),
    "longer than an episode": (every("steps", 100_000), "more than the 100 control steps"),
    "no step at all": (every("steps", 0), "before it could be held for 10"),
    "a single step": (episode(steps=1), "1 cannot be, such as seed 0: SUCCESS before it could be held"),
    "a success without a mode": (episode(modes=None), "seed 0: SUCCESS without a mode"),
    "a failure told early": (
        episode(labels="TIMEOUT"),
        "TIMEOUT is told at the end of an episode, after 100",
    ),
    "a slip out of no grasp": (episode(labels="SLIP", modes=None, steps=100), "SLIP out of no mode"),
    "a collision before the first step": (episode(labels="COLLISION_MID", steps=0), "after no control step"),
    "a fault between decisions": (
        episode(labels="POLICY_ERROR", steps=9),
        "POLICY_ERROR between two decisions",
    ),
    "a fault after the end": (episode(labels="POLICY_TIMEOUT", steps=100), "between two decisions"),
    "a median above the slowest": (edit("results", 0, "latency_ms", "p50", to=9.0), "p50 9 above p99 3.25"),
    "half a decision time": (edit("results", 0, "latency_ms", "p99", to=None), "None is not of type number"),
    "a date that is none": (edit("created", to="2026-19-39T10:00:00Z"), "no date and time that exists"),
    "a second that is none": (edit("provenance", "created", to="2026-11-23T29:59:69Z"), "no date and time"),
    "another MuJoCo": (edit("provenance", "versions", "mujoco", to="3.0.0"), "mujoco is 3.0.0, but"),
    "no version at all": (edit("provenance", "versions", to={"mujoco": "0"}), "numpy is missing, no version"),
    "no digest of the code": (edit("provenance", "versions", "code", to="mine"), "code is missing"),
    "a machine without a name": (edit("provenance", "machine", "cpu", to=" "), "cpu is empty"),
    "an address that is a command": (file_policy("flow; rm -rf ~"), "is no name, relative file"),
    "an absolute path": (file_policy("/home/me/mine.py:Mine"), "is no name, relative file"),
    "a path out of the folder": (file_policy("../../mine.py:Mine"), "is no name, relative file"),
    "a home directory": (file_policy("~/mine.py:Mine"), "is no name, relative file"),
    "an address of the web": (file_policy("http://x/mine.py:Mine"), "is no name, relative file"),
    "a file without its sha256": (file_policy("other.py:Mine"), "sha256 of other.py itself is missing"),
    "an action space of its own": (file_policy("mine.py:Mine", action="teleport"), "teleport is not one of"),
    "an observation of its own": (
        file_policy("mine.py:Mine", observations=["the_answer"]),
        "no task of the suite has the_answer",
    ),
    "a plan longer than an episode": (file_policy("mine.py:Mine", execute=101), "101 is longer than"),
    "the expert as a policy of poses": (run_of("expert", track="state"), "is on the track privileged"),
    "another class than flow's": (run_of("flow", **{"class": "Mine"}), "Mine is not the class Flow of flow"),
    "flow without its weights": (run_of("flow"), "flow loads PandaLiftDumbbell-v1/flow.safetensors"),
    "flow with other weights": (
        lambda entry: entry["policy"]["artifacts"].update({f"{DUMBBELL}/flow.json": "ab" * 32}),
        "PandaLiftDumbbell-v1/flow.json is not the file that comes with flow",
    ),
    "our name on another's class": (
        file_policy("mine.py:Mine", name="flow"),
        "reads like Bimodal's own flow",
    ),
    "our name in capitals": (file_policy("mine.py:Mine", name="Flow"), "reads like Bimodal's own flow"),
    "our name and a blank": (file_policy("mine.py:Mine", name="flow "), "reads like Bimodal's own flow"),
    "our name, official": (file_policy("mine.py:Mine", name="flow  (official)"), "Bimodal's own flow"),
    "our name with a dash": (file_policy("mine.py:Mine", name="flow-1step"), "Bimodal's own flow_1step"),
    "our name behind a filter": (file_policy("mine.py:Mine", name="safe(flow)"), "Bimodal's own flow"),
    "an escape in free values": (edit("training", to={"a": {"loss": "\x1b[31m"}}), "not printable"),
    "an escape in a free name": (edit("training", to={"a": {"\u202eb": 1}}), "not printable"),
    "an escape in versions": (edit("provenance", "versions", "torch", to="\x1b]0;x\x07"), "versions.torch"),
    "an escape in the machine": (edit("provenance", "machine", "cpu", to="\u202egnp"), "machine.cpu"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_check_refuses(name, entry):
    change, expected = FORGERIES[name]
    forge(entry, change)
    try:
        entry = recounted(entry)
    except ValueError:  # a part of a wrong type is told before anything is counted
        entry["entry_id"] = entry_id(entry)
    problems = check_entry(entry)
    assert any(expected in problem for problem in problems), problems
    assert all(problem.isprintable() and len(problem) < 500 for problem in problems)


@pytest.mark.parametrize(
    "change",
    [
        file_policy("policies/mine.py:Mine"),
        file_policy("package.module:Mine", artifacts={}),
        file_policy("safe(mine.py:Mine)", name="safe(Mine)"),
        episode(labels="POLICY_ERROR", steps=0, modes=None),
        episode(labels="POLICY_INVALID_ACTION", steps=16),
        episode(labels="COLLISION_OTHER", steps=1, modes=None),
        episode(steps=10),
    ],
)
def test_what_is_unusual_and_possible_is_sound(change, entry):
    forge(entry, change)
    assert check_entry(recounted(entry)) == []


def test_weights_of_ones_own_are_no_forgery(entry):
    entry["policy"]["artifacts"] = dict.fromkeys(entry["policy"]["artifacts"], "ab" * 32)
    entry["provenance"]["options"]["checkpoints"] = "checkpoints"
    assert check_entry(recounted(entry)) == []


@pytest.mark.parametrize("critic", [True, False])
def test_best_of_n_loads_a_critic_beside_the_weights_of_the_policy_inside(critic, entry):
    methods = ("flow", "critic") if critic else ("flow",)
    tasks = entry["suite"]["tasks"]
    names = [
        f"{task}/{name}.{kind}" for task in tasks for name in methods for kind in ("safetensors", "json")
    ]
    named = {
        "uri": "best_of_n(flow)",
        "name": "best_of_n(flow)",
        "class": "bimodal.policies.best_of_n:BestOfN",
    }
    entry["policy"] |= named | {"artifacts": dict.fromkeys(names, "ab" * 32)}
    entry["provenance"]["options"]["checkpoints"] = "checkpoints"
    said = [problem for problem in check_entry(recounted(entry)) if "policy.artifacts" in problem]
    assert bool(said) != critic and all("best_of_n(flow) loads" in problem for problem in said)


def test_the_table_of_our_own_policies_is_what_their_classes_say():
    task = load_task(DUMBBELL)
    for name in own_names():
        kind = policy_class(name)
        assert getattr(kind, "method", None) == (
            None if name in UNLEARNED else BORROWED_WEIGHTS.get(name, name)
        )
        assert bool(getattr(kind, "cameras", ())) == (name in SEEING)
        if name in UNLEARNED:
            assert kind(task).needs().privileged == (name in PRIVILEGED)
    assert set(ORACLES) == {"mse_labelled"}
    assert Critic.method == CRITIC


@pytest.mark.parametrize(
    "rubbish",
    [
        {"episodes": [0] * 800_000},
        {"episodes": [{"ended": ["x"] * 400_000}]},
        {"episodes": [{"ended": ["x"] * 10_000}] * 90},
        {"policy": {"artifacts": dict.fromkeys(map(str, range(300_000)), 0)}},
    ],
    ids=["many blocks", "many labels", "many labels in many blocks", "many names"],
)
def test_a_huge_record_costs_little_and_is_told_in_few_lines(rubbish, entry):
    assert 0 < len(check_entry(entry | rubbish)) < 600


def test_a_policy_of_the_name_of_its_file_may_be_anybodys(tmp_path):
    assert check_entry(make(tmp_path, "mine", 4).plain()) == []
