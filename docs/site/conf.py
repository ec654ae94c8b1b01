"""How Sphinx makes a site of README.md and docs/: make docs.

The pages are what GitHub and an editor show as they are; all that the site needs besides is added here.
"""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]

project = "smsops"
version = runpy.run_path(str(ROOT / "scripts" / "version.py"))["version"]()
root_doc = "docs/index"
include_patterns = ["README.md", "CHANGELOG.md", "docs/**.md"]
exclude_patterns = [".*", "benchmarks", "node_modules", "requirements", "smsops", "tests"]

extensions = ["myst_parser"]
myst_heading_anchors = 4
myst_heading_slug_func = "github"

html_theme = "furo"
html_title = f"smsops {version}"
html_extra_path = ["static"]
html_static_path = ["style"]
html_css_files = ["site.css"]
html_copy_source = False
html_use_index = False
html_show_sphinx = False
html_show_copyright = False
templates_path = []


def _adapted(app: object, page: str, source: list[str]) -> None:
    """Files by their names above what is in them, no hidden commands, and the index as the site's contents."""
    text = re.sub(r"^<!-- console\n.*?-->\n", "", source[0], flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r'^```(\w+) title="([^"]+)"$', r"```{code-block} \1\n:caption: \2\n", text, flags=re.MULTILINE)
    if page == root_doc:
        for section in text.split("\n## ")[1:]:
            pages = re.findall(r"\]\(([\w/-]+)\.md\)", section)
            text += "\n".join(["\n```{toctree}", ":hidden:", f":caption: {section.splitlines()[0]}\n", *pages, "```\n"])
        text += "\n```{toctree}\n:hidden:\n\n/README\n/CHANGELOG\n```\n"
    source[0] = text


def setup(app: object) -> None:
    app.connect("source-read", _adapted)
