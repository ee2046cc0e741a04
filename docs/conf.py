"""Settings of the documentation."""

from plica import __version__

project = "plica"
author = "The plica developers"
copyright = "2026, The plica developers"
version = release = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc's Parameters sections say it, with shapes
autodoc_default_options = {"members": True}
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"plica {release}"
html_copy_source = False
