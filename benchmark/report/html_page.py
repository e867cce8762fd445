"""Turns a template into a page that needs nothing but itself: style, pictures and script are inside.

Whatever is filled in is escaped; only the functions of `inline_bars.py` add markup.
"""

import base64
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ...tasks.core.outcomes import GROUPS, OUTCOMES
from ..metrics import METRICS, Metric, board_metrics
from ..number_text import bounds, metric_text, p_text, percent, points, short_name, signed_bounds
from . import inline_bars as svg
from .terms import meanings, slug, word

_HERE = Path(__file__).parent


def render(template: Path, **content: Any) -> str:
    """Return the page of a template, which may include `macros.html` of this folder.

    A Content-Security-Policy lets the page load nothing from anywhere else and run no other script than
    its own.
    """
    page = _environment(template.parent).get_template(template.name).render(**content)
    return page.replace("SCRIPT-HASHES", _script_hashes(page))


@cache
def _environment(folder: Path) -> jinja2.Environment:
    """Return what the templates of a folder may use."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "style": Markup((_HERE / "style.css").read_text(encoding="utf-8")),  # noqa: S704
        "groups": GROUPS,
        "outcomes": {outcome.name: outcome.meaning for outcome in OUTCOMES.values()},
        "terms": meanings(),
        "word": word,
        "metrics": METRICS,
        "board_metrics": board_metrics,
        "shown_metrics": shown_metrics,
        "metric_text": metric_text,
        "p_text": p_text,
        "bounds": bounds,
        "points": points,
        "signed_bounds": signed_bounds,
        "mark": svg.mark,
        "interval_bar": svg.interval_bar,
        "plain_bar": svg.plain_bar,
        "pair_bar": svg.pair_bar,
        "latency_bar": svg.latency_bar,
        "share_bar": svg.share_bar,
        "label_bar": svg.label_bar,
    }
    environment.filters |= {"percent": percent, "short": short_name, "slug": slug, "script_data": script_data}
    return environment


def shown_metrics(instructed: bool) -> list[Metric]:
    """Return the metrics of a table; with those of a suite that asks for modes if it is one."""
    return [one for one in METRICS.values() if instructed or not one.instructed]


def script_data(value: object) -> Markup:
    """Return a value as JSON that may stand inside a script element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))  # noqa: S704


def _script_hashes(page: str) -> str:
    """Return the policy's sources for the inline scripts that the template itself holds."""
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
