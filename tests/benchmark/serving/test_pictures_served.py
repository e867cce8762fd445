"""A policy that sees is served with its pictures: the same episodes, and a wrong picture is one line."""

from threading import Thread

import numpy as np
import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.serving.pool import Pool
from bimodal.benchmark.serving.served_policy import job_for, serve_for
from bimodal.benchmark.serving.server import PolicyServer, listen
from bimodal.tasks import load_task
from scoring import DUMBBELL, digests, panel
from serving_clients import Client, question

LOOKS = '''
import numpy as np
from bimodal.policies import Decision, Needs, Policy

class Looks(Policy):
    """Moves by what it sees and is told."""

    def needs(self):
        names = ("tcp_position", "tcp_rotation", "front_image", "wrist_image", "instruction")
        return Needs(names, image_frames=2)

    def act(self, observation):
        seen = [observation[name] / 5000 for name in ("front_image", "wrist_image")]
        step = seen[0].mean((1, 2, 3, 4)) + seen[1].std((1, 2, 3, 4))
        step = step + np.array([len(text) for text in observation["instruction"]]) / 20000
        position = observation["tcp_position"] + step[:, None] * np.array([1, 1, -1])
        rest = np.full((len(position), 1), 0.05)
        target = np.concatenate([position, observation["tcp_rotation"], rest], 1)
        return Decision(np.repeat(target[:, None], 16, 1))
'''
FILM = (2, 96, 96, 3)
"""Of an episode's picture: this control step's, and the one before."""


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    file = tmp_path_factory.mktemp("looks") / "looks.py"
    file.write_text(LOOKS)
    with Pool(job_for(f"{file}:Looks", None, 300.0, False)) as pool:
        pool.file = file
        yield pool


@pytest.fixture(scope="module", params=["openpi", "vla-eval"])
def server(request, pool):
    served = serve_for("looks.py:Looks", pool, (DUMBBELL,), True, lambda line: None)
    with listen("127.0.0.1", 0) as place:
        server = PolicyServer(served, pool, request.param, place, lambda line: None)
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.__exit__()
        thread.join()


@pytest.fixture(scope="module")
def direct(pool, tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    options = EvalOptions(out=run, workers=0)
    return digests(evaluate(f"{pool.file}:Looks", panel(2, (DUMBBELL,)), options))


def test_a_run_behind_a_server_has_the_digests_of_the_policy_run_directly(server, direct, tmp_path):
    served = evaluate(server.uri, panel(2, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=0))
    assert digests(served) == direct and len(direct) == 2


def asked(**other):
    picture = np.full((1, *FILM), 90, np.uint8)
    words = [load_task(DUMBBELL).goal]
    shown = {"front_image": picture, "wrist_image": picture, "instruction": words} | other
    return question(1) | {f"observation/{name}": value for name, value in shown.items() if value is not None}


WRONG = {
    "dtype": (
        {"front_image": np.zeros((1, *FILM), np.float32)},
        f"observation/front_image is float32 {(1, *FILM)}; expected uint8 {(1, *FILM)}",
    ),
    "shape": ({"wrist_image": np.zeros(FILM, np.uint8)}, f"is uint8 {FILM}; expected uint8 {(1, *FILM)}"),
    "missing": ({"front_image": None}, f"observation/front_image is missing uint8 {(1, *FILM)}"),
    "list": ({"front_image": [1, 2]}, f"observation/front_image is a list; expected uint8 {(1, *FILM)}"),
    "no words": ({"instruction": [" "]}, "observation/instruction is empty"),
    "one text for all": (
        {"instruction": "lift"},
        "observation/instruction is a str; expected a list of 1 texts",
    ),
    "too few": ({"instruction": []}, "observation/instruction is a list; expected a list of 1 texts"),
}
"""What is changed in a good request, and what is said of it."""


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_picture_or_instruction_is_one_line(kind, server):
    change, why = WRONG[kind]
    with Client(server) as client:
        assert client.ask(asked())["actions"].shape == (1, 16, 10)
        said = client.ask(asked(**change))
    assert why in said and "\n" not in said


def test_a_client_is_told_the_pictures_and_their_form(server):
    with Client(server) as client:
        said = client.about["tasks"][DUMBBELL]["observations"]
        named = {one["name"]: one for one in said}
        assert named["front_image"] == {"name": "front_image", "dtype": "uint8", "shape": list(FILM)}
        assert named["instruction"] == {"name": "instruction", "dtype": "str"}
        if client.dialect == "vla-eval":
            spec = client.hello.payload["observation_spec"]
            assert spec["observation/wrist_image"]["format"] == "rgb_hwc_uint8"
