"""How Sphinx makes the site of these pages; nothing is fetched while it does."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_sphinx"))

project = "gpucore"
release = version_of("gpucore-framework")
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docstrings",
    "github_pages",
]
exclude_patterns = ["_build"]
smartquotes = False  # what is in quotes here is to be typed

myst_heading_anchors = 4

default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [
    # What stands between backticks is code, and a link where it is one of our public names; one
    # that is written like a class must be.
    ("py:obj", r"(?![A-Z][a-z]\w+$).*"),
    # Signatures name what others document, and what is not public.
    ("py:class", r"(collections|concurrent|enum|os|pathlib|typing|_pytest)\..*|gpucore\..*"),
    ("py:class", "ExpectedOutput|Path|Plan|SiteConfig|Step|T|Values|Void"),
]
add_module_names = False
python_maximum_signature_line_length = 88
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"gpucore {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
