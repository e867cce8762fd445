"""What a video tells of a policy's mind: where it planned to go, and what it was told to do."""

import numpy as np
import pytest
from bimodal.benchmark.measures.planned_ways import planned_ways
from bimodal.benchmark.records.run_record import PolicyRecord
from bimodal.benchmark.records.shard_file import shard_file, write_shard
from bimodal.benchmark.rollout.planned_hands import chunk_ahead
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.envs.rendering.overlay import Caption, Line, overlay
from bimodal.envs.rendering.text import text_width, wrapped
from bimodal.envs.specs import from_grid
from bimodal.policies.experts import Expert
from bimodal.tasks import load_task

TASK = load_task("PandaLiftDumbbell-v1")
SAID = "Lift the dumbbell by its left or its right bar, without touching the hub between them."


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """An expert's episode of seed 3, and the file of its record."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "traces").mkdir()
    result = run_shard(TASK, Expert(TASK), Shard(TASK.id, "clean", 0, (2, 3)), "1")
    write_shard(file := shard_file(folder, TASK.id, "clean", 0), result, [])
    return result, file


def record(**fields):
    told = {"name": "expert", "uri": "expert", "class": "Expert", "track": "privileged", "description": ""}
    told |= {"parameters": None, "execute": 8, "action": "ee_absolute", "observations": (), "artifacts": {}}
    return PolicyRecord.model_validate(told | fields)


def test_the_way_ahead_is_the_rest_of_the_chunk_that_was_commanded(played):
    result, file = played
    steps = int(result.verdict.steps[1])
    moments = planned_ways(file, 3, steps, record(), np.zeros(3))
    actions = from_grid(result.trace.actions[1, :steps])
    assert len(moments) == steps + 1
    for step, left in ((0, 8), (5, 3), (8, 8), (14, 2)):
        (way,) = moments[step]
        assert way.chosen and way.mode == -1
        assert np.array_equal(way.points, actions[step : step + left, :3])
    assert moments[7] == () and moments[steps] == ()  # one point is no way


def test_other_action_spaces_say_no_place(played):
    actions = played[0].trace.actions[1]
    assert chunk_ahead(TASK, actions, "ee_delta", 0, 8).shape == (1, 0, 3)
    assert chunk_ahead(TASK, actions, "ee_absolute", 3, 8).shape == (1, 5, 3)


@pytest.mark.parametrize("room", [60, 150, 400, 2000])
def test_a_text_is_wrapped_between_words_and_fits(room):
    lines = wrapped(SAID, room, 14)
    assert " ".join(lines) == SAID and (len(lines) == 1) == (room == 2000)
    assert all(text_width(line, 14) <= room or " " not in line for line in lines)


@pytest.mark.parametrize("size", [(480, 640), (360, 480), (144, 192)])
def test_the_instruction_stands_in_its_corner_and_leaves_the_inset_alone(size):
    frame = np.full((*size, 3), 128, np.uint8)
    plain = Caption(TASK.id, 0, "", "", 0.0)
    changed = overlay(frame, plain._replace(said=SAID, said_room=0.7)) != overlay(frame, plain)
    rows, columns = np.nonzero(changed.any(-1))
    assert len(rows) and columns.max() < 0.7 * size[1] and rows.max() < 0.5 * size[0]


def test_a_chosen_way_is_thicker_than_a_candidate():
    frame = np.full((240, 320, 3), 128, np.uint8)
    plain = Caption(TASK.id, 0, "", "", 0.0)

    def painted(chosen):
        line = Line(((40.0, 40.0), (200.0, 90.0)), (255, 255, 255), chosen)
        return int((overlay(frame, plain._replace(lines=(line,))) != overlay(frame, plain)).any(-1).sum())

    assert painted(True) > 3 * painted(False) > 0
