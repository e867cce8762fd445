"""Settings of the documentation site: `make docs` builds site-docs/ from the pages, offline.

The source is the whole repository, not docs/ alone, so that a link between two pages is the same one on the
site and in a clone. Warnings are errors: a link that finds nothing, a docstring that cannot be read.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

project = "Bimodal"
author = "The Bimodal authors"
copyright = author
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "docs_extension",
]
root_doc = "docs/index"
include_patterns = ["docs/**.md", "*.md", "leaderboard/RULES.md"]
exclude_patterns = [".*", "runs", "site*", "build", "tests", "integrations"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a page may skip a heading, since it is read on its own, too

menus = [
    (
        "First steps",
        *("docs/install", "docs/first-score", "docs/train-your-own", "docs/read-the-data"),
        *("docs/add-a-task", "docs/add-a-variant", "docs/submit"),
    ),
    (
        "Policies and data",
        *("docs/policies", "docs/train", "docs/methods", "docs/datasheet", "docs/export"),
        *("docs/integrations", "docs/vision", "docs/language", "docs/probe"),
    ),
    (
        "Scores",
        *("docs/compare", "docs/diagnosis", "docs/review", "docs/measures", "docs/audit", "docs/reproduce"),
        *("docs/board", "docs/results", "docs/trainings", "docs/replanning", "docs/latent"),
        "docs/families",
        "docs/many-machines",
    ),
    (
        "Tasks",
        "docs/gallery",
        "docs/certificates",
        "docs/certificates-vision",
        "docs/validity",
        "docs/grace",
        "docs/regressions",
        "docs/variants",
        "docs/doses",
    ),
    ("More", "docs/*"),
    (
        "Look it up",
        *("docs/glossary", "docs/faq", "docs/spaces", "docs/metrics", "docs/data-formats", "docs/protocol"),
        *("docs/api/index", "docs/cite"),
    ),
    ("The project", "docs/design", "README", "CONTRIBUTING", "leaderboard/RULES", "CHANGELOG", "SECURITY"),
]
"""Caption and pages of each part of the menu; a page that is not there is left out, one that no part names
stands under "More"."""

# API pages: names in docstrings stand in single backticks, as in Markdown.
default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = "Bimodal"
html_static_path = ["site"]
html_css_files = ["style.css"]
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False
html_show_search_summary = False  # fetched page by page, which a browser refuses for files
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1d5fc4", "color-brand-content": "#1d5fc4"},
    "dark_css_variables": {"color-brand-primary": "#5f9dff", "color-brand-content": "#5f9dff"},
}
