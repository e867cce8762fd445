"""The page of a review: every request for it, as functions of the number of an episode."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from ...envs.errors import WrongUse
from ...envs.rendering.colours import MODE_COLOURS
from ...envs.specs import CONTROL_HZ
from ...tasks import load_task
from ...tasks.core.outcomes import OUTCOMES
from ..diagnosis.known_causes import known_causes
from ..media.video_frames import write_videos
from ..records.checksums import add_to_seal
from ..report.html_page import render
from ..scoring.review_record import (
    INTERFACES,
    MOST_NOTE,
    Remark,
    Review,
    ReviewedEpisode,
    read_review,
    write_remark,
)
from ..scoring.run_episodes import Run
from .margin import Listed, RankedEpisode
from .paths import SIZE, decisions, executed
from .signal_plot import LEFT, RIGHT, WIDTH, Plot, common_limits, draw, plots
from .signals import EpisodeSignals, read_episode_signals


class Screen(NamedTuple):
    """One episode on the page, as the template shows it."""

    run: Run
    episode: RankedEpisode
    signals: EpisodeSignals | None
    """None for an episode that ended before its first step."""
    plots: Sequence[Plot]
    source: str
    """Where the page asks for its video."""
    cause: str
    """What the diagnosis found; "" where it did not look."""

    def data(self) -> dict[str, Any]:
        """Return what the page's script needs: the length, the way of the hand, the plans."""
        empty: dict[str, Any] = {"steps": 0, "source": self.source, "hands": [], "decisions": []}
        if self.signals is None:
            return empty
        task = load_task(self.episode.film.task)
        found = decisions(task, self.run.record.policy, self.signals)
        planned = [
            {"step": one.step, "paths": [(p.mode, p.chosen, _line(p.points)) for p in one.paths]}
            for one in found
        ]
        hands = [_line(way) for way in executed(task, self.signals)]
        return empty | {"steps": self.episode.film.steps, "hands": hands, "decisions": planned}


class ReviewPages:
    """What the server asks for; texts and numbers come from checked records, and the template escapes."""

    def __init__(self, run: Run, listed: Sequence[Listed], against: Run | None = None) -> None:
        """Review `listed` episodes of a run, of which `against` has the other halves.

        Raises:
            WrongUse: the folder has a review of another run.
        """
        self.run = run
        self.against = against
        self.listed = tuple(listed)
        self._review: Review = read_review(run)
        self._screen = lru_cache(maxsize=8)(self._make_screen)
        runs = [run] if against is None else [run, against]
        self._causes = [known_causes(one.folder, one.record.run_id) for one in runs]

    def page(self, number: int) -> str:
        """Return the page of one listed episode; the rest are listed beside it.

        Raises:
            IndexError: there is no such number.
        """
        chosen = self.listed[number]
        screens = [self._screen(number, other) for other in range(1 if chosen.other is None else 2)]
        said = {one.key: one.remark for one in self._review.episodes}
        starts = {screen.signals.start for screen in screens if screen.signals}
        data = _page_data(number, len(self.listed), screens)
        return render(
            Path(__file__).parent / "review.html",
            pages=self,
            number=number,
            screens=_drawn(screens),
            planned=any(screen["decisions"] for screen in data["screens"]),
            same_start=len(starts) < 2,
            said=said,
            remark=said.get(chosen.episode.key, Remark(tag="", note="")),
            data=data,
            groups_of={name: outcome.group for name, outcome in OUTCOMES.items()},
            tags=(*OUTCOMES, *INTERFACES),
            most=MOST_NOTE,
            modes=load_task(chosen.episode.film.task).modes,
            colours=[f"rgb{colour}" for colour in MODE_COLOURS],
            size=SIZE,
        )

    def video(self, number: int, other: bool) -> bytes:
        """Return an episode's video, drawn now if its run has none; called in one thread only.

        Raises:
            IndexError: there is no such episode.
            BimodalError: it cannot be drawn.
        """
        run, episode = self._side(number, other)
        file = run.folder / "videos" / episode.film.file
        if episode.film.steps < 1:
            raise WrongUse("the episode ended before its first step, so there is nothing to see")
        if file.is_symlink() or file.parent.is_symlink():
            raise WrongUse("the video is a link, and a run folder has none")
        if not file.is_file():
            list(write_videos(run.folder, [episode.film], "closeup", SIZE, CONTROL_HZ))
            names = [f"videos/{one.name}" for one in (file, file.with_suffix(".jpg"))]
            add_to_seal(run.folder, names)
        return file.read_bytes()

    def save(self, number: int, remark: Remark) -> None:
        """Write what was said of a listed episode into the run's review, at once.

        Raises:
            IndexError: there is no such number.
            BimodalError: the disk refuses.
        """
        task, variant, seed = self.listed[number].episode.key
        now = datetime.now(UTC).isoformat(timespec="seconds")
        said = ReviewedEpisode(task=task, variant=variant, seed=seed, remark=remark, saved=now)
        self._review = write_remark(self.run.folder, self._review, said)

    @property
    def reviewed(self) -> int:
        """Number of episodes of which something was said, listed or not."""
        return len(self._review.episodes)

    def _side(self, number: int, other: bool) -> tuple[Run, RankedEpisode]:
        """Return the run and the episode of a listed pair."""
        listed = self.listed[number]
        if not other:
            return self.run, listed.episode
        if self.against is None or listed.other is None:
            raise IndexError(number)
        return self.against, listed.other

    def _make_screen(self, number: int, other: bool) -> Screen:
        run, episode = self._side(number, bool(other))
        policy = run.record.policy
        signals = read_episode_signals(run.folder, episode.film, policy.action)
        task = load_task(episode.film.task)
        shown = plots(task, signals, policy.execute) if signals else []
        cause = self._causes[other].get(episode.key, "")
        return Screen(run, episode, signals, shown, f"{'other' if other else 'video'}/{number}", cause)


def _length(screens: Sequence[Screen]) -> int:
    """Return the length of the longest episode [control steps]."""
    return max(screen.episode.film.steps for screen in screens)


def _page_data(number: int, count: int, screens: Sequence[Screen]) -> dict[str, Any]:
    """Return what the page's script reads."""
    return {
        "number": number,
        "count": count,
        "steps": _length(screens),
        "hz": CONTROL_HZ,
        "left": LEFT,
        "width": WIDTH - LEFT - RIGHT,
        "colours": MODE_COLOURS,
        "screens": [screen.data() for screen in screens],
    }


def _drawn(screens: Sequence[Screen]) -> list[tuple[Screen, list[tuple[Plot, Markup]]]]:
    """Return every screen with its plots and their pictures, on axes that both screens share."""
    steps = _length(screens)
    limits = [common_limits(plots) for plots in zip(*(s.plots for s in screens if s.plots), strict=True)]
    return [
        (one, [(plot, draw(plot, steps, room)) for plot, room in zip(one.plots, limits, strict=False)])
        for one in screens
    ]


def _line(points: np.ndarray) -> str:
    """Return pixels (K, 2) as the points of an SVG line; those that are not finite are left out."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points if np.isfinite(x) and np.isfinite(y))
