"""The options of `lerobot-eval --env.type=bimodal`; imported where LeRobot is installed (0.6.1)."""

from dataclasses import dataclass, field

from bimodal.envs.specs import size
from bimodal.tasks import load_task, task_id
from lerobot.configs import FeatureType, PolicyFeature
from lerobot.envs.configs import EnvConfig
from lerobot.utils.constants import ACTION, OBS_ENV_STATE, OBS_STATE

from .batch import TASK, LeRobotBatch, feature_sizes, make_envs


@EnvConfig.register_subclass("bimodal")
@dataclass
class BimodalEnv(EnvConfig):
    """A task of Bimodal; `batch.make_envs` explains the options."""

    task: str | None = TASK
    fps: int = 20
    variant: str = "clean"
    action_space: str = "ee_absolute"
    threads: int = 1
    pictures: bool = True
    features: dict[str, PolicyFeature] = field(default_factory=dict)
    features_map: dict[str, str] = field(
        default_factory=lambda: {ACTION: ACTION, "agent_pos": OBS_STATE, "environment_state": OBS_ENV_STATE}
    )

    def __post_init__(self) -> None:
        task = load_task(task_id(self.task or TASK))
        sizes = feature_sizes(task)
        kinds = {"agent_pos": FeatureType.STATE, "environment_state": FeatureType.ENV}
        acted = size(task.actions(self.action_space))
        self.features[ACTION] = PolicyFeature(type=FeatureType.ACTION, shape=(acted,))
        for key, kind in kinds.items():
            self.features[key] = PolicyFeature(type=kind, shape=(sizes[key],))

    @property
    def gym_kwargs(self) -> dict:
        """Nothing: `create_envs` does not go through `gymnasium.make`."""
        return {}

    def create_envs(
        self,
        n_envs: int,
        use_async_envs: bool = False,
    ) -> dict[str, dict[str, LeRobotBatch]]:
        """Return {variant: {task: N episodes}}; one process holds them all, whatever is asked for."""
        return make_envs(
            self.task or TASK, n_envs, self.variant, self.action_space, self.threads, self.pictures
        )
