"""Takes away what a policy may have hung into the simulator; called after every call of a policy."""

import mujoco

_CALLBACKS = tuple(name.removeprefix("get_") for name in dir(mujoco) if name.startswith("get_mjcb_"))
"""MuJoCo's global callbacks: code of the policy that every later step of the physics would run."""


def remove_callbacks() -> None:
    """Remove all callbacks.

    Raises:
        RuntimeError: there was one.
    """
    found = [name for name in _CALLBACKS if getattr(mujoco, f"get_{name}")() is not None]
    for name in found:
        getattr(mujoco, f"set_{name}")(None)
    if found:
        raise RuntimeError(f"it set MuJoCo's callback {found[0]}")
