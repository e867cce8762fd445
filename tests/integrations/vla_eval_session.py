"""Run by test_vla_eval.py: vla-eval's own orchestrator and servers play our benchmark; prints what it stored.

python vla_eval_session.py FOLDER_WITH_VLA_EVAL OUTPUT pictures|blind
"""

import json
import sys

sys.path.append(sys.argv[1])  # after our own packages, so that only what is missing comes from there

import numpy as np
import vla_eval
from vla_eval.model_servers.predict import PredictModelServer
from vla_eval.specs import GRIPPER_CLOSE_POS, IMAGE_RGB, LANGUAGE, POSITION_DELTA, RAW, ROTATION_AA


def model(state: np.ndarray) -> np.ndarray:
    """A step (7,) that depends on the state alone, downwards."""
    sideways = state[:2] * 8 % 1 - 0.5
    return np.array([*sideways, -1.0, 0, 0, 0, -1.0], np.float32)


class Server(PredictModelServer):
    """Serves `model`."""

    def predict(self, obs: dict, ctx: object) -> dict:
        assert np.array_equal(obs["state"], obs["states"]) and obs["state"].dtype == np.float32
        return {"actions": self.change(model(obs["states"]))}

    def change(self, action: np.ndarray) -> np.ndarray:
        return action

    def get_action_spec(self) -> dict:
        return {"position": POSITION_DELTA, "rotation": ROTATION_AA, "gripper": GRIPPER_CLOSE_POS}

    def get_observation_spec(self) -> dict:
        return {"state": RAW, "language": LANGUAGE}


class Chunks(Server):
    def change(self, action: np.ndarray) -> np.ndarray:
        return np.stack([action] * 3)


class Far(Server):
    def change(self, action: np.ndarray) -> np.ndarray:
        return 3 * action


class NotFinite(Server):
    def change(self, action: np.ndarray) -> np.ndarray:
        return action * np.nan


class TooWide(Server):
    def change(self, action: np.ndarray) -> np.ndarray:
        return np.zeros(8)


class Sees(Server):
    def predict(self, obs: dict, ctx: object) -> dict:
        assert list(obs["images"]) == ["front", "wrist"], list(obs["images"])
        shapes = {(picture.shape, picture.std() > 5) for picture in obs["images"].values()}
        assert shapes == {((96, 96, 3), True)}, shapes
        return super().predict(obs, ctx)

    def get_observation_spec(self) -> dict:
        return {"image": IMAGE_RGB, "language": LANGUAGE}


class WantsWrist(Server):
    def get_observation_params(self) -> dict:
        return {"send_wrist_image": True}


def play(server: PredictModelServer, episodes: int = 2, **params: object) -> object:
    """Return vla-eval's aggregate of some episodes, or why it would not play them."""
    one = {
        "benchmark": "vla_eval_bimodal:BimodalBenchmark",
        "episodes_per_task": episodes,
        "params": {"tasks": ["PandaLiftDumbbell-v1"], "seed": 5} | params,
    }
    config = {"output_dir": sys.argv[2], "benchmarks": [one]}
    try:
        (found,) = vla_eval.evaluate(server, config, docker=False)
    except Exception as error:
        return str(error)
    return found


KINDS = (Server, Chunks, Far, NotFinite, TooWide, Sees, WantsWrist)
told = {kind.__name__: play(kind(), pictures=False) for kind in KINDS}
if sys.argv[3] == "pictures":
    told["pictures"] = play(Sees(), 1, image_size=96)
print(json.dumps(told))
