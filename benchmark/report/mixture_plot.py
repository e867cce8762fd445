"""The picture of where a policy's hand acted: at one of the good grasps, or between them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from ...tasks.core.outcomes import GROUPS, OUTCOMES
from .inline_bars import MARKS

# Of the picture [pixels].
_WIDTH = 480
_TOP = 44
_FLOOR = 172
# Of alpha: what is drawn, and how far the good grasps reach.
_LOW = -0.32
_HIGH = 1.32
_HIGH_OF_MORE = 0.95
"""With more than two modes, where alpha is the distance from the nearest."""
_LEFT = -0.15
_RIGHT = 1.15


class Act(NamedTuple):
    """Where one episode's hand acted."""

    seed: int
    label: str
    mode: str | None
    alpha: float
    """Mixture coordinate; NaN when the hand never acted."""

    @property
    def group(self) -> str:
        """Group of the outcome, which gives the mark its shape and colour."""
        return OUTCOMES[self.label].group


class _Scale(NamedTuple):
    """The axis of alpha."""

    high: float
    """Its right end."""

    def x(self, alpha: float) -> float:
        """Return where alpha stands [pixels]."""
        return 8 + (alpha - _LOW) / (self.high - _LOW) * (_WIDTH - 16)


class _Station(NamedTuple):
    """A place on the line that has a name and a count."""

    alpha: float
    episodes: int
    kind: str
    """`success` or `average`."""
    name: str
    note: str
    mode: str | None = None
    """The mode that it stands for alone."""


Link = Callable[..., str]
"""Returns the address of the episodes with some values, such as `link(seed=3)`."""


def mixture_plot(
    acts: Sequence[Act], modes: Sequence[str], dead_zone: tuple[float, float], link: Link | None = None
) -> Markup:
    """Draw where the hand acted in every episode.

    Of two modes, on the line from one to the other; of more, by the distance from the nearest. Each mark is
    an episode; the cloud is as tall as the episodes are dense. Under it lies the world as the task means it:
    good grasps, and between them what must not be touched.

    Args:
        acts: the episodes; those without alpha are left out.
        modes: names of the modes. Of two, the first has alpha 0 and the second 1; of more, each has 0.
        dead_zone: the stretch of alpha that is certified to fail; nothing else is shaded.
        link: where marks and counts lead; None for nowhere.
    """
    seen = sorted((act for act in acts if np.isfinite(act.alpha)), key=lambda act: act.alpha)
    scale = _Scale(_HIGH if len(modes) == 2 else _HIGH_OF_MORE)
    alphas = np.clip([act.alpha for act in seen], _LOW, scale.high)
    heights = _cloud(alphas)
    order = sorted(range(len(seen)), key=lambda i: list(GROUPS).index(seen[i].group))
    marks = [_mark(seen[i], scale.x(alphas[i]), heights[i], link) for i in order]
    stations = _stations(acts, modes, sum(dead_zone) / 2)
    words = ", ".join(f"{s.episodes} {_VERB[s.kind]}: {s.name}" for s in stations)
    ends = (_LEFT, _RIGHT) if len(modes) == 2 else (_LEFT, dead_zone[1])
    return Markup('<svg class="mixture" viewBox="0 0 {} 234" role="img" aria-label="{}">{}{}{}</svg>').format(
        _WIDTH,
        words,
        _ground(scale, dead_zone, ends),
        *map(Markup("").join, ([_label(s, scale, link) for s in stations], marks)),
    )


_VERB = {"success": "succeeded", "average": "averaged"}


def _stations(acts: Sequence[Act], modes: Sequence[str], middle: float) -> list[_Station]:
    wins = [sum(a.group == "success" and a.mode == mode for a in acts) for mode in modes]
    averaged = sum(act.group == "average" for act in acts)
    if len(modes) == 2:
        return [
            _Station(0.0, wins[0], "success", modes[0], "α = 0", modes[0]),
            _Station(middle, averaged, "average", "the average", "always fails"),
            _Station(1.0, wins[1], "success", modes[1], "α = 1", modes[1]),
        ]
    return [
        _Station(0.0, sum(wins), "success", f"one of {len(modes)} grasps", "α = 0"),
        _Station(middle, averaged, "average", "between them", "always fails"),
    ]


def _cloud(alphas: np.ndarray) -> np.ndarray:
    """Spread sorted marks evenly over the local density, so that none hides another: (N,) pixels."""
    if not len(alphas):
        return alphas
    places, which = np.unique(np.round(alphas, 2), return_inverse=True)
    counts = np.bincount(which)
    density = (np.exp(-0.5 * ((places[:, None] - places) / 0.03) ** 2) @ counts)[which]
    turns = (0.5 + 0.6180339887 * np.arange(len(alphas))) % 1 - 0.5
    tall = (_FLOOR - _TOP - 16) * np.minimum(density / max(density.max(), 25.0), 1.0)
    return (_TOP + _FLOOR) / 2 + turns * tall


def _mark(act: Act, x: float, y: float, link: Link | None) -> Markup:
    drawn = Markup(
        '<path class="act {}" transform="translate({:.1f} {:.1f})" d="{}"><title>{}</title></path>'
    ).format(
        act.group,
        *(x, y),
        MARKS[act.group],
        f"seed {act.seed}: {act.label}{', ' + act.mode if act.mode else ''}, α = {act.alpha:.2f}",
    )
    return Markup('<a href="{}" tabindex="-1">{}</a>').format(link(seed=act.seed), drawn) if link else drawn


def _label(station: _Station, scale: _Scale, link: Link | None) -> Markup:
    number = Markup('<text class="number {}" x="{:.0f}" y="19">{}</text>').format(
        station.kind if station.episodes else "none", scale.x(station.alpha), station.episodes
    )
    if link:
        wanted = {"group": station.kind} | ({"mode": station.mode} if station.mode else {})
        number = Markup('<a href="{}">{}</a>').format(link(**wanted), number)
    return Markup(
        '{}<text class="note" x="{x:.0f}" y="34">{}</text>'
        '<text class="name" x="{x:.1f}" y="211">{}</text><text class="note" x="{x:.1f}" y="228">{}</text>'
    ).format(
        number,
        _VERB[station.kind],
        station.name,
        station.note,
        x=scale.x(station.alpha),
    )


def _ground(scale: _Scale, dead: tuple[float, float], ends: tuple[float, float]) -> Markup:
    """Draw the forbidden stretch, and the good ones beside it as far as `ends`."""
    left = scale.x(dead[0])
    right = scale.x(dead[1])
    bars = [(scale.x(ends[0]), left), (right, scale.x(ends[1]))]
    return Markup(
        '<rect class="zone" x="{l:.1f}" y="{t}" width="{w:.1f}" height="{h}"/>'
        '<path class="edge" d="M{l:.1f} {t}V{f}M{r:.1f} {t}V{f}"/>{bars}'
        '<rect class="block" x="{l:.1f}" y="{f}" width="{w:.1f}" height="22" rx="3"/>'
    ).format(
        l=left,
        r=right,
        w=right - left,
        t=_TOP,
        h=_FLOOR - _TOP,
        f=_FLOOR,
        bars=Markup("").join(
            Markup('<rect class="bar" x="{:.1f}" y="{}" width="{:.1f}" height="10" rx="2"/>').format(
                begin, _FLOOR + 6, end - begin
            )
            for begin, end in bars
            if end > begin
        ),
    )
