# MuJoCo 4 has no type stubs for its compiled parts. pyright (and nothing else) reads these instead: every
# name of MuJoCo is `Any`, so that attributes are checked everywhere else.
from typing import Any

def __getattr__(name: str) -> Any: ...
