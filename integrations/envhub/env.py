"""LeRobot's EnvHub: put this file into a model repository of the Hub, and name it `user/repo`.

LeRobot downloads and runs it; it installs nothing: `pip install bimodal-bench lerobot_env_bimodal` first.
"""

from lerobot_env_bimodal import make_envs
from lerobot_env_bimodal.batch import TASK


def make_env(n_envs: int = 1, use_async_envs: bool = False, cfg: object = None) -> dict:
    """Return {variant: {task: N episodes}} of the task that `cfg` names; called by LeRobot's `make_env`."""
    options = {name: value for name in ("variant", "action_space") if (value := getattr(cfg, name, None))}
    return make_envs(getattr(cfg, "task", None) or TASK, n_envs, **options)
