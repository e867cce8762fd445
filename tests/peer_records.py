"""Outcomes as the package robostats takes them, which the statistics are compared with."""

import robostats


def peer_records(policy, outcomes):
    """Return outcomes as the package robostats takes them."""
    rows = [
        robostats.EpisodeRecord(policy, "t", bool(hit), scenario_id=str(i)) for i, hit in enumerate(outcomes)
    ]
    return robostats.RecordSet(rows)
