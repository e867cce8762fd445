"""What no change of the code may change: the hashes of the suites and the fingerprints of the tasks.

Renewed, after a new version of a task or a suite, by
`BIMODAL_WRITE_GOLDEN=1 python -m pytest tests/benchmark/test_promises.py`.
"""

import json
import os
from pathlib import Path

from bimodal.benchmark.suites import EARLIER, SUITES
from bimodal.tasks import load_task
from bimodal.tasks.core.fingerprint import fingerprint
from bimodal.tasks.core.registry import own_names

PROMISES = Path(__file__).parents[1] / "golden" / "promises.json"


def test_suites_and_tasks_are_what_the_records_say_they_are():
    found = {
        "suites": {f"{suite.name} {suite.version}": suite.hash() for suite in (*EARLIER, *SUITES.values())},
        "tasks": {name: fingerprint(load_task(name)) for name in own_names()},
    }
    if os.environ.get("BIMODAL_WRITE_GOLDEN"):
        PROMISES.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    assert json.loads(PROMISES.read_text()) == found
