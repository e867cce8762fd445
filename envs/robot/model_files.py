"""Where robosuite's model files lie that travel with Bimodal; read by `panda` and by whoever draws.

`robosuite/README.md` says what they are; `tools/robosuite_files.py` took them from the published package.
"""

from pathlib import Path

ROBOSUITE_VERSION = "1.5.2"
"""Version of robosuite that they come from; part of what a score means."""
ROBOSUITE_MODELS = Path(__file__).parent / "robosuite"
"""Folder that has what is read of robosuite's `models/assets`, in the same places."""
