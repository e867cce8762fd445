"""The page docs/glossary.md: what words mean here; outcomes, metrics and perturbations say it themselves."""

from ....tasks.core.outcomes import GROUPS as OUTCOME_GROUPS
from ....tasks.core.outcomes import OUTCOMES
from ...metrics import METRICS
from ..terms import TERMS, WORDS
from .markdown import markdown_page
from .variants_page import GROUPS, perturbation_families


def glossary_page() -> str:
    """Return the page. Called by its test, which also renews it."""
    endings = [(f"`{one.name}`", OUTCOME_GROUPS[one.group], one.meaning) for one in OUTCOMES.values()]
    metrics = [(f"`{one.name}`", one.title, one.meaning) for one in METRICS.values()]
    families = [
        (f"`{name}`", GROUPS.get(name, name), ", ".join(f"`{kind.name}`" for kind in kinds))
        for name, kinds in perturbation_families().items()
    ]
    return markdown_page(
        "glossary", words=WORDS, terms=TERMS, endings=endings, metrics=metrics, families=families
    )
