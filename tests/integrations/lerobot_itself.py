"""Run where lerobot is installed: its own `rollout` over our plug-in; prints what it counted, as JSON."""

import json

import numpy as np
import torch
from lerobot.envs import make_env, make_env_config, make_env_pre_post_processors
from lerobot.scripts.lerobot_eval import rollout
from lerobot.utils.import_utils import register_third_party_plugins
from lerobot_plans import plans

register_third_party_plugins()
config = make_env_config("bimodal", task="PandaLiftDumbbell-v1")
env = make_env(config, n_envs=4, use_async_envs=True)["clean"]["PandaLiftDumbbell-v1"]


class Plays(torch.nn.Module):
    """Plays the plans of the tests, made when it is asked first."""

    def reset(self) -> None:
        self.step, self.actions = 0, None

    def select_action(self, batch: dict) -> torch.Tensor:
        assert batch["observation.state"].shape == (4, 10) and batch["task"][0]
        if self.actions is None:
            self.actions = torch.from_numpy(plans(env.unwrapped.simulation))
        self.step += 1
        return self.actions[:, min(self.step, self.actions.shape[1]) - 1]


def same(value: object) -> object:
    return value


frames: list = []
pre, post = make_env_pre_post_processors(config, None)
data = rollout(
    env,
    Plays(),
    *(pre, post, same, same),
    seeds=[0, 1, 2, 3],
    render_callback=lambda envs: frames.append(np.stack(envs.call("render")[:4])) if not frames else None,
)
done = data["done"].numpy().argmax(1)
mask = np.arange(data["done"].shape[1]) <= done[:, None] + 1
told = {"success": (data["success"].numpy() & mask).any(1).tolist(), "length": (done + 1).tolist()}
print(json.dumps(told | {"frames": list(frames[0].shape)}))
