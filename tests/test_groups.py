"""Tests that share a fixture of their module run in one process; else every process would make it anew."""

import os

import pytest


@pytest.fixture(scope="module")
def shared():
    return os.getpid()


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="the tests run in one process anyway")
def test_a_group_of_tests_is_known_to_whoever_hands_them_out(shared, request):
    assert request.node.nodeid.endswith("@test_groups")
