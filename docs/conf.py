"""How the pages are built: `make docs`."""

import importlib.util
import pkgutil
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import errorbar  # noqa: E402

project = "errorbar"
author = "the errorbar authors"
project_copyright = f"2026, {author}"
version = release = errorbar.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    # Formulas without a network.
    "sphinx-mathjax-offline",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]

# Pages.
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "**/GALLERY_HEADER.md"]
# Shapes of arrays are words such as "rows", which several classes have as attributes too.
suppress_warnings = ["config.cache", "ref.python"]
templates_path: list[str] = []

# Look.
html_theme = "pydata_sphinx_theme"
html_title = "errorbar"
html_show_sourcelink = False
html_copy_source = False
# Pages of the first level have no neighbours below them to show at the side.
html_sidebars = {"*": []}
html_theme_options = {
    "logo": {"text": "errorbar"},
    "show_prev_next": True,
    "header_links_before_dropdown": 4,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Reference.
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "imported-members": True}
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
default_role = "code"
python_use_unqualified_type_names = True
nitpicky = True
# Names of other packages, shapes of arrays and type variables have no page here.
nitpick_ignore_regex = [("py:.*", r"(?!errorbar\b).*")]

# Galleries: every folder of examples/ that holds a script, in the order of their names.
EXAMPLES = DOCS.parent / "examples"
GROUPS = sorted({path.parent.relative_to(EXAMPLES) for path in EXAMPLES.glob("*/plot_*.py")})
sphinx_gallery_conf = {
    "examples_dirs": [str(EXAMPLES / group) for group in GROUPS],
    "gallery_dirs": [str(Path("gallery") / group) for group in GROUPS],
    # An example that has not changed is run all the same: what it calls may have.
    "run_stale_examples": True,
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 1e9,
    "nested_sections": False,
    "within_subsection_order": "FileNameSortKey",
}

MATHS = re.compile(r"(?<![\\$`])\$(?!\$)([^$`]+?)(?<!\\)\$(?!\$)", re.DOTALL)
DISPLAY = re.compile(r"^([ ]*)\$\$(.+?)\$\$", re.DOTALL | re.MULTILINE)


def setup(app):
    write_reference()
    app.connect("autodoc-process-docstring", read_maths)
    app.connect("missing-reference", find_reexported)


def rooms():
    """The public rooms: a package's own rooms, and the modules of a room of several subjects."""
    for floor in sorted(room.name for room in pkgutil.iter_modules(errorbar.__path__, "errorbar.")):
        for room in pkgutil.iter_modules(importlib.import_module(floor).__path__, f"{floor}."):
            if room.name == "errorbar.core.maths":
                folder = importlib.import_module(room.name).__path__
                yield from (inner.name for inner in pkgutil.iter_modules(folder, f"{room.name}."))
            else:
                yield room.name


def write_reference():
    """One page for each public room, made from its docstrings."""
    folder = DOCS / "reference" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {
        folder / f"{room}.md": f"# {room.removeprefix('errorbar.')}\n\n"
        f"```{{eval-rst}}\n.. automodule:: {room}\n```\n"
        for room in rooms()
        if getattr(importlib.import_module(room), "__all__", ())
    }
    for page in set(folder.glob("*.md")) - set(wanted):
        page.unlink()
    for page, text in wanted.items():
        # Unchanged pages keep their time, so that they are not read again.
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def read_maths(app, what, name, obj, options, lines):
    """Docstrings write mathematics between dollars, as the pages do."""
    text = "\n".join(lines)
    text = DISPLAY.sub(display_block, text)
    text = MATHS.sub(inline_maths, text)
    lines[:] = text.split("\n")


def inline_maths(found):
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    # reStructuredText wants a space, or an escaped one, on both sides of a role.
    left = "" if before in ("", " ", "\n") else r"\ "
    right = "" if after in ("", " ", "\n") else r"\ "
    return f"{left}:math:`{' '.join(found[1].split())}`{right}"


def display_block(found):
    indent, body = found[1], found[2].strip("\n")
    inner = "\n".join(f"{indent}   {line.strip()}" for line in body.split("\n") if line.strip())
    return f"{indent}.. math::\n\n{inner}\n"


def find_reexported(app, env, node, content):
    """Links a name to the room that shows it; a class that no room shows stays plain text.

    A name that does not exist at all is left to Sphinx, which warns.
    """
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target.startswith("errorbar."):
        return None
    module, _, last = target.rpartition(".")
    domain = env.get_domain("py")
    rooms = {name.rpartition(".")[0] for name in domain.objects if name.endswith(f".{last}")}
    above = [room for room in rooms if module.startswith(room)]
    if above:
        shown = f"{max(above, key=len)}.{last}"
        place = node["refdoc"], app.builder, node["reftype"]
        return domain.resolve_xref(env, *place, shown, node, content)
    exists = importlib.util.find_spec(module) and hasattr(importlib.import_module(module), last)
    return content if exists else None
