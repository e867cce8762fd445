# Two commands do everything: `make bench` runs the benchmark, `make test` its tests. Both set up what they need.

.DEFAULT_GOAL := help
BIN := .venv/bin
# One thread a process: two torch threads beside another process on two cores are a hundred times slower than one.
export OMP_NUM_THREADS ?= 1
# A sourced ROS workspace would put its own packages before the pinned ones.
unexport PYTHONPATH PYTHONHOME
# Containers set it; then every process of a test would compile the source again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup bench test test-slow check check-entries speed peers peers-lerobot site docs certify clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup:  ## build .venv with the pinned versions and check off-screen rendering
	@tools/setup.sh

bench: setup  ## demonstrations, training, scoring, videos and the board, in one go
	@$(BIN)/bimodal bench $(ARGS)

test: setup  ## the tests, in under ten minutes on two cores
	@$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadgroup $(ARGS)

test-slow: setup  ## the slow tests: certificates and whole training runs
	@$(BIN)/python -m pytest -m slow -n 2 --dist loadgroup $(ARGS)

check: setup  ## lint, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright

speed: setup  ## control steps per second and core, beside robosuite's own Lift after `make peers`
	@$(BIN)/bimodal speed $(ARGS)

peers:  ## build .peers: robosuite's own Lift, servers and readers of others, on the versions they want
	@tools/setup.sh peers

peers-lerobot:  ## build .peers-lerobot, for the tests with LeRobot itself: Python 3.12, several GB
	@python3.12 -m venv .peers-lerobot
	@.peers-lerobot/bin/pip install "lerobot[dataset,evaluation,training]==0.6.1" --editable . --editable integrations/lerobot_env_bimodal

check-entries: setup  ## what a pull request adds to the leaderboard: make check-entries SINCE=origin/main
	@$(BIN)/bimodal check leaderboard/entries --since $(or $(SINCE),origin/main)

site: setup  ## the leaderboard as a static site
	@$(BIN)/bimodal site --pictures docs/images --certificates docs/certificates.md $(ARGS)

docs: setup  ## the documentation as a site that opens from disk; a warning is an error
	@$(BIN)/python -m sphinx -q -W --keep-going -c docs -d build/docs . site-docs $(ARGS)
	@echo site-docs/index.html

certify: setup  ## check a task against every gate: make certify TASK=PandaLiftDumbbell-v1
	@$(BIN)/bimodal certify $(TASK) $(ARGS)

clean:  ## remove build outputs and caches; keeps .venv, .peers and runs
	rm -rf build dist site site-docs *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -not -path './.peers/*' -prune -exec rm -rf {} +
