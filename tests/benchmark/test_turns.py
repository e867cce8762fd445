"""Workers of a run compute side by side, and one of them alone while it times decisions."""

import threading
import time

import pytest
from bimodal.benchmark.evaluation.turns import alone, together
from bimodal.envs.storage.file_lock import HAS_LOCKS

pytestmark = pytest.mark.skipif(not HAS_LOCKS, reason="this system has no locks")


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "traces"
    folder.mkdir()
    return folder


class Player(threading.Thread):
    """Decides again and again, as the worker of a shard does."""

    def __init__(self, run):
        super().__init__(daemon=True)
        self.run_folder, self.decisions, self.ends = run, 0, False
        self.start()

    def run(self):
        with together(self.run_folder) as give_way:
            while not self.ends:
                give_way()
                self.decisions += 1
                time.sleep(0.001)

    def goes_on(self) -> bool:
        before = self.decisions
        stop = time.monotonic() + 120
        while self.decisions < before + 3 and time.monotonic() < stop:
            time.sleep(0.001)
        return self.decisions >= before + 3

    def stop(self):
        self.ends = True
        self.join(120)
        assert not self.is_alive()


def test_players_run_side_by_side(run):
    players = [Player(run), Player(run)]
    assert all(player.goes_on() for player in players)
    for player in players:
        player.stop()


def test_whoever_times_waits_for_a_decision_only_and_then_nobody_else_decides(run):
    players = [Player(run), Player(run)]
    assert all(player.goes_on() for player in players)
    for _ in range(3):
        with alone(run):
            before = [player.decisions for player in players]
            time.sleep(0.05)
            assert [player.decisions for player in players] == before
        assert all(player.goes_on() for player in players)
    for player in players:
        player.stop()


def test_nobody_begins_while_another_is_alone(run):
    with alone(run):
        late = Player(run)
        time.sleep(0.05)
        assert late.decisions == 0
    assert late.goes_on()
    late.stop()


def test_two_who_want_to_be_alone_take_turns(run):
    player, order = Player(run), []

    def times(name):
        with alone(run):
            order.append(f"{name} begins")
            time.sleep(0.02)
            order.append(f"{name} ends")

    threads = [threading.Thread(target=times, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(order) == 4 and [order[0][0], order[2][0]] == [order[1][0], order[3][0]]
    assert player.goes_on()
    player.stop()
