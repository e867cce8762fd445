"""Perturbations from a file, from the page that explains it, and from an installed package."""

import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from bimodal.envs.errors import WrongUse
from bimodal.envs.perturbations.core import registry
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.core.variant import parse
from bimodal.envs.plugins import registry as plugins
from bimodal.envs.plugins.registry import PluginRegistry
from perturbed_episodes import SEEDS, begin, record

PAGE = Path(__file__).parents[3] / "docs" / "add-a-variant.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_page_adds_a_variant(tmp_path, monkeypatch, bimodal):
    classes, draw, impossible, use = blocks("python")
    file = tmp_path / "gravity.py"
    file.write_text(classes + "\n" + draw + "\n" + impossible)
    monkeypatch.setenv("BIMODAL_AXES", str(file))
    assert perturbations()["world.gravity"].levels[3] == 1.5
    simulation = begin("world.gravity:3")
    assert simulation.batch.models[0].opt.gravity[2] == pytest.approx(-9.81 * 1.5)
    assert simulation.variant.parts[0].draws.shape == (1, 1)
    (command,) = re.findall(r"^bimodal (.*)$", *blocks("sh"), flags=re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    code, out, err = bimodal(*command.split(), "--workers", "0")
    assert (code, err) == (0, []) and "world.gravity:2" in out
    assert list(record("world.gravity:0", SEEDS[:1]).digests) == list(record("clean", SEEDS[:1]).digests)
    space = {}
    exec(use, space)
    assert space["outcome"].success.all()
    monkeypatch.delenv("BIMODAL_AXES")
    with pytest.raises(WrongUse, match=r"unknown variant 'world\.gravity'.*name its file in BIMODAL_AXES"):
        parse("world.gravity:2")


DUST = (
    "from bimodal.envs.perturbations import Perturbation\n"
    "class Dust(Perturbation):\n    name = 'contact.dust'\n    unit = 'x'\n"
)


LEVELS = "    levels = (1.0, 0.9, 0.8, 0.7)\n"


MODEL = "    def perturb_model(self, model, episode):\n        pass\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", 'states no name: its class needs a line such as name = "contact.dust"'),
        ("x = \n", "line 1 does not compile: invalid syntax"),
        ("import missing_thing\n" + DUST, "does not load: ModuleNotFoundError"),
        (DUST + MODEL, "Dust: `levels` are the 4 magnitudes"),
        (DUST + LEVELS, "Dust: it changes nothing; write one of its hooks"),
        (DUST.replace("contact.dust", "Dust") + LEVELS + MODEL, "'Dust' is no name; write one such as"),
        (DUST.replace("contact.dust", "contact.mass") + LEVELS + MODEL, "'contact.mass' exists already"),
        (DUST.replace("unit", "units") + LEVELS + MODEL, "Dust: it has no unit"),
    ],
)
def test_a_wrong_file_is_one_line(text, message, tmp_path, monkeypatch):
    file = tmp_path / "dust.py"
    file.write_text(text)
    monkeypatch.setenv("BIMODAL_AXES", str(file))
    with pytest.raises(WrongUse, match=re.escape(message)) as error:
        parse("contact.mass:1")
    assert "\n" not in str(error.value) and "BIMODAL_AXES" in str(error.value)
    assert parse("clean") == ()


def test_a_file_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setenv("BIMODAL_AXES", "/nowhere/dust.py")
    with pytest.raises(WrongUse, match=r"no perturbation file at /nowhere/dust\.py"):
        parse("contact.mass:1")


def test_an_installed_package_may_bring_a_perturbation(tmp_path, monkeypatch):
    (tmp_path / "dusty_perturbations.py").write_text(DUST + LEVELS + MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    names = (
        ("contact.dust", "dusty_perturbations:Dust"),
        ("contact.rust", "dusty_perturbations:Rust"),
        ("contact.mass", "dusty_perturbations:Dust"),
    )
    points = [EntryPoint(name, value, "bimodal.axes") for name, value in names]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)
    PluginRegistry.installed.cache_clear()
    registry._perturbations.cache_clear()
    try:
        with pytest.warns(UserWarning, match="is left out") as warned:
            found = perturbations()
        assert found["contact.dust"].__name__ == "Dust" and "contact.rust" not in found
        assert sum("is left out" in str(one.message) for one in warned) == 2
        assert found["contact.mass"].__name__ == "Mass"
    finally:
        PluginRegistry.installed.cache_clear()
        registry._perturbations.cache_clear()
