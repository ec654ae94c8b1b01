"""The structure of the package, held by a machine."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from smsops.kinds import KINDS

PACKAGE = Path(__file__).parents[2] / "smsops"
MODULES = sorted(PACKAGE.rglob("*.py"))

MAY_IMPORT: dict[str, set[str]] = {
    "__init__": {"_version"},
    "_version": set(),  # written by the build
    "garbage": set(),
    "errors": set(),
    "model": {"errors"},
    "table": {"model", "errors"},
    "api": {"table", "model", "errors"},
    "rules": {"model", "errors"},
    "kinds": {"api", "rules", "table", "model", "errors"},
    "config": {"garbage", "kinds", "rules", "table", "model", "errors"},
    "core": {"kinds", "model", "errors"},
    "edge": {"api", "kinds", "table", "model", "errors"},
    "surroundings": {"api", "config", "edge", "kinds", "model", "errors"},
    "pipeline": {
        *("__init__", "garbage", "api", "config", "core", "edge", "kinds", "rules", "surroundings", "table", "model"),
        "errors",
    },
    "rehearsal": {"api", "config", "edge", "errors", "kinds", "model", "pipeline", "sandbox", "surroundings"},
    "adoption": {"api", "config", "core", "edge", "kinds", "model", "pipeline", "surroundings", "table", "errors"},
    "schemas": {"config", "kinds", "model", "rules"},
    "sandbox": set(),
    "cli": {
        "__init__",
        "adoption",
        "api",
        "config",
        "edge",
        "errors",
        "kinds",
        "model",
        "pipeline",
        "rehearsal",
        "sandbox",
        "schemas",
        "surroundings",
    },
    "__main__": {"__init__", "cli", "garbage"},
}
"""Which parts of smsops each part may import; what is not here is an error."""

CONFINED: dict[str, tuple[str, ...]] = {
    "pycurl": ("api/network.py",),
    "defusedxml": ("api/tree.py",),
    "yaml": ("config/yaml.py", "config/format.py"),
    "_duckdb": ("table/engine.py",),
    "duckdb": ("table/engine.py",),
    "phonenumbers": ("model/phone.py", "model/settings.py"),
    "holidays": ("rules/",),
    "icalendar": ("cli/views/calendar.py",),
    "cronsim": ("kinds/campaign/recurrence.py",),
    "dateutil": ("kinds/campaign/recurrence.py",),
    "cel": ("model/expression.py",),
    "click": ("cli/",),
    "pydantic": ("schemas.py",),
    "rich": ("cli/views/progress.py",),
    "starlette": ("sandbox/", "edge/webhooks/server.py"),
    "uvicorn": ("sandbox/", "edge/webhooks/server.py"),
    "sqlite3": ("sandbox/", "edge/sources/sqlite.py", "edge/webhooks/sqlite.py"),
    "pymysql": ("edge/sources/mysql.py",),
    "subprocess": ("edge/",),
    "cryptography": ("edge/state/encryption.py",),
    "obstore": ("edge/object_store.py", "edge/state/objects.py", "edge/sources/objects.py"),
    "psycopg": ("edge/postgres.py", "edge/state/postgres.py", "edge/sources/postgres.py", "edge/webhooks/postgres.py"),
}
"""Libraries that only these places may know."""

LAZY = (
    "_duckdb",
    "cel",
    "cronsim",
    "cryptography",
    "dateutil",
    "defusedxml",
    "duckdb",
    "holidays",
    "icalendar",
    "obstore",
    "phonenumbers",
    "psycopg",
    "pymysql",
    "rich",
)
"""Libraries that nobody imports before they are needed: never at module level."""


def imported(node: ast.AST) -> Iterator[str]:
    """Full names of what a statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative import"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(path: Path) -> Iterator[str]:
    """Full names of what a module imports, imports inside functions included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        yield from imported(node)


def inside(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=inside)
def test_a_module_imports_only_what_its_layer_may(path: Path) -> None:
    """Imports go one way, from the edges in, and libraries stay where they belong."""
    part = inside(path).split("/")[0].removesuffix(".py")

    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "smsops":
            other = rest.split(".")[0] if rest.split(".")[0] in MAY_IMPORT else "__init__"
            assert other in MAY_IMPORT[part] | {part}, f"{inside(path)} imports {name}"
        elif top in CONFINED:
            assert inside(path).startswith(CONFINED[top]), f"{inside(path)} imports {name}"


@pytest.mark.parametrize("path", [path for path in MODULES if inside(path).startswith("kinds/")], ids=inside)
def test_kinds_know_the_api_only_by_its_contract(path: Path) -> None:
    """Importing a kind imports no network library: kinds see protocols and values, never the client."""
    known = tuple(f"smsops.api.{module}." for module in ("contract", "errors", "records"))
    assert all(name.startswith(known) for name in imports(path) if name.startswith("smsops.api."))


PHASES = [
    path for path in MODULES if inside(path).startswith(("core/", "edge/", "config/", "pipeline.py", "adoption.py"))
]


@pytest.mark.parametrize("path", PHASES, ids=inside)
def test_a_phase_never_names_a_kind(path: Path) -> None:
    """Knowledge by kind, machinery by phase: no phase holds a kind's name or imports a kind's module."""
    names = {kind.name for kind in KINDS} | {kind.section for kind in KINDS if kind.section}
    tree = ast.parse(path.read_text("utf-8"))
    literals = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}

    assert not literals & names
    contract = tuple(f"smsops.kinds.{module}." for module in ("base", "view", "session"))
    allowed = (*contract, "smsops.kinds.Kind", "smsops.kinds.KINDS")
    assert all(name.startswith(allowed) for name in imports(path) if name.startswith("smsops.kinds"))


@pytest.mark.parametrize("path", MODULES, ids=inside)
def test_heavy_libraries_are_imported_inside_functions(path: Path) -> None:
    """Nothing heavy is imported before it is needed."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [str(node.module)]
            assert not {name.split(".")[0] for name in names} & set(LAZY), f"{inside(path)}:{node.lineno}"


def test_the_network_is_imported_only_where_it_is_used() -> None:
    """A plan on the sandbox loads no network library: who imports the module that needs one does so inside a function."""
    for path in MODULES:
        names = {name for node in ast.parse(path.read_text("utf-8")).body for name in imported(node)}
        assert not any(name.startswith("smsops.api.network") for name in names), inside(path)


@pytest.mark.parametrize("path", MODULES, ids=inside)
def test_every_module_says_what_it_is(path: Path) -> None:
    """Each module begins with a docstring, and none is called by a word that says nothing."""
    assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), f"{inside(path)} has no docstring"
    assert path.stem not in {"utils", "util", "helpers", "common", "manager", "misc"}
