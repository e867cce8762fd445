"""Magnitudes between and beyond the levels: their names, their limits, and the episodes that they make."""

import re

import pytest
from bimodal.benchmark.records.replay import check
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.envs.errors import WrongUse
from bimodal.envs.perturbations.core.dosed import Dosed
from bimodal.envs.perturbations.core.magnitudes import between, farthest, part_at, written
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.core.variant import Variant, parse
from perturbed_episodes import SEEDS, TASK, Watching, record, recorded

KINDS = perturbations()
GRADED = [name for name, kind in KINDS.items() if not kind.levels_alone]


@pytest.mark.parametrize("name", GRADED)
def test_every_magnitude_up_to_the_farthest_has_a_name_that_reads_back(name):
    kind = KINDS[name]
    for share in (1 / 3, 1.5, 3.0):
        magnitude = between(kind, kind.levels[0], kind.levels[3], share)
        if min(kind.levels[0], farthest(kind)) <= magnitude <= max(kind.levels[0], farthest(kind)):
            (part,) = parse(str(part_at(kind, magnitude)))
            assert part.built().magnitude == magnitude
            assert part.built().label == str(part)


@pytest.mark.parametrize("name", GRADED)
def test_what_is_beyond_the_farthest_or_on_the_other_side_of_the_clean_world_is_refused(name):
    clean, *_, third = KINDS[name].levels
    end = farthest(KINDS[name])
    away = 1 if end > clean else -1
    for magnitude in (clean, clean - 0.5 * away, end + 0.5 * away):
        with pytest.raises(WrongUse, match="has no such magnitude") as error:
            parse(f"{name}={magnitude}")
        said = re.search(
            r"goes from ([0-9.]+), the clean world, which is excluded, to ([0-9.]+)", str(error.value)
        )
        assert said and [*map(float, said.groups())] == [clean, end]
    assert abs(end - clean) >= abs(third - clean)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sensing.latency=0", "goes from 0, the clean world, which is excluded, to 12 in whole numbers"),
        ("sensing.latency=-1", "has no such magnitude"),
        ("sensing.latency=2.5", "in whole numbers (control steps)"),
        ("sensing.noise=nan", "has no such magnitude"),
        ("sensing.noise=inf", "has no such magnitude"),
        ("sensing.noise=1e1", "has no such magnitude"),
        ("sensing.noise=3mm", "to 30 (mm)"),
        ("sensing.noise=", "has no such magnitude"),
        ("sensing.noise=٣", "has no such magnitude"),
        ("sensing.noise==3", "has no such magnitude"),
        ("sensing.dropout=1.1", "to 1 (share of control steps)"),
        ("contact.friction=0", "from 1, the clean world, which is excluded, to 0.027 (x)"),
        ("contact.mass=0.5", "from 1, the clean world"),
        ("contact.mas=2", "did you mean contact.mass"),
        ("combo=2", "variant 'combo=2' has no such level; write combo:1"),
        ("language.paraphrase=2", "language.paraphrase has levels alone; write language.paraphrase:1"),
        ("contact.mass=2+contact.mass:1", "names contact.mass twice"),
        ("contact.mass=4+combo:1+sensing.noise=4", "names sensing.noise twice"),
    ],
)
def test_a_wrong_magnitude_is_one_line(name, message):
    with pytest.raises(WrongUse, match=re.escape(message)) as error:
        parse(name)
    assert "\n" not in str(error.value)


def test_a_magnitude_that_a_level_has_is_this_level():
    assert Variant("sensing.latency=2").name == "sensing.latency:2"
    assert Variant("contact.friction=0.30+scene.blocked=0").name == "contact.friction:3+scene.blocked:3"
    assert Variant("sensing.latency=3.0+contact.mass=02.50").name == "sensing.latency=3+contact.mass=2.5"
    assert list(record("contact.friction=0.5").digests) == list(recorded("contact.friction:2").digests)


@pytest.mark.parametrize("name", ["contact.friction=0.4", "scene.table_tilt=3", "sensing.latency=3"])
def test_another_magnitude_is_another_world_whose_record_replays(name):
    result = record(name)
    kind = Variant(name).parts[0]
    others = [recorded(one) for one in ("clean", f"{kind.name}:2", f"{kind.name}:3")]
    assert all((result.digests != other.digests).all() for other in others)
    found = check(TASK, result)
    assert found.agrees and found.exact
    dose = Dosed(KINDS[kind.name], kind.magnitude)
    again = run_shard(TASK, Watching(TASK), Shard(TASK.id, "dose", 0, SEEDS), "1", world=dose)
    assert list(again.digests) == list(result.digests), "as in the curves of doses"


def test_a_magnitude_is_written_with_all_its_digits_and_no_exponent():
    assert [written(one) for one in (3, 2.0, 0.0156, 1e-5, 27.125)] == [
        "3",
        "2",
        "0.0156",
        "0.00001",
        "27.125",
    ]


def test_a_perturbation_of_ones_own_has_magnitudes_too(tmp_path, monkeypatch):
    file = tmp_path / "heavier.py"
    file.write_text(
        "from bimodal.envs.perturbations import Perturbation\n"
        "class Gravity(Perturbation):\n    name = 'world.gravity'\n    unit = 'x'\n"
        "    levels = (1.0, 1.1, 1.25, 1.5)\n    def perturb_model(self, model, episode):\n"
        "        model.opt.gravity[:] *= self.magnitude\n"
    )
    monkeypatch.setenv("BIMODAL_AXES", str(file))
    (gravity,) = Variant("world.gravity=1.4").parts
    assert (gravity.magnitude, gravity.level) == (1.4, 3)
    with pytest.raises(WrongUse, match=r"to 3\.38"):
        Variant("world.gravity=4")
