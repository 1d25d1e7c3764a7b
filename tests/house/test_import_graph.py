"""The layout of the package: imports run one way, and every room stays small enough to know."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "airflow_betproviders"
NAME = PACKAGE.name

# Each room may import from the rooms above it in this list, and from no other. Rooms on one line do not know each other.
LAYERS = (
    ("exceptions",),
    ("declare",),
    ("registry",),
    ("lake",),
    ("extraction.decode",),
    ("extraction.answers",),
    ("extraction.fetch.completeness",),
    ("extraction.fetch.truncation",),
    ("extraction.write", "extraction.fetch"),
    ("extraction",),
    ("hooks",),
    ("providers",),
    ("bets_table", "reconciliation"),
    ("task", "metrics"),
    ("operators", "sensors", "triggers", "notifications"),
    ("dags",),
    ("cli", "plugin"),
    ("testing",),
)
PLACED = {room for rooms in LAYERS for room in rooms}
ENGINE = ("declare", "extraction", "lake")
BANNED_IN_ENGINE = ("airflow", f"{NAME}.providers", f"{NAME}.hooks", f"{NAME}.operators")
BANNED_IN_DECLARE = ("airflow", "pyarrow", "numpy", "pandas", "requests")
MOST_SHARE = 0.18
MOST_MODULES = 10


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """Return the folder that a module lies in, without the package's own name; a top-level module is a room of its own."""
    parts = module.split(".")[1:]
    if not parts:
        return ""
    while parts and not PACKAGE.joinpath(*parts).is_dir():
        parts.pop()
    return ".".join(parts) or module.split(".")[1]


@cache
def imports(path: Path) -> list[str]:
    """Return every module that a file imports, inside functions too; imports for types only are left out."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: list[str] = []
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return found


def top(room: str) -> str:
    return room.split(".", maxsplit=1)[0]


def layer(room: str) -> int | None:
    for number, rooms in enumerate(LAYERS):
        if room in rooms or (top(room) in rooms and room not in PLACED):
            return number
    return None


def within(module: str, *roots: str) -> bool:
    return any(module == root or module.startswith(f"{root}.") for root in roots)


def graph() -> dict[str, set[str]]:
    """Return which rooms each room imports from; a package of providers or simulated vendors counts as one room."""
    known = {name_of(path) for path in modules()}
    edges: dict[str, set[str]] = defaultdict(set)
    for path in modules():
        here = room_of(name_of(path))
        edges[here] |= {room_of(module) for module in imports(path) if module in known} - {here, ""}
    return edges


def test_no_import_runs_up() -> None:
    up = [
        f"{here} imports {there}"
        for here, theirs in graph().items()
        for there in theirs
        if layer(here) is not None and layer(there) is not None and layer(there) > layer(here)  # type: ignore[operator]
    ]
    assert up == []


def test_no_rooms_import_each_other() -> None:
    edges = graph()
    seen: dict[str, int] = {}

    def visit(room: str, path: tuple[str, ...]) -> None:
        assert seen.get(room) != 1, f"cycle: {' -> '.join((*path, room))}"
        if room in seen:
            return
        seen[room] = 1
        for other in sorted(edges.get(room, ())):
            visit(other, (*path, room))
        seen[room] = 2

    for room in sorted(edges):
        visit(room, ())


@pytest.mark.parametrize("path", [path for path in modules() if top(room_of(name_of(path))) in ENGINE], ids=name_of)
def test_the_engine_knows_neither_airflow_nor_a_provider(path: Path) -> None:
    assert [module for module in imports(path) if within(module, *BANNED_IN_ENGINE)] == []


@pytest.mark.parametrize("path", [path for path in modules() if top(room_of(name_of(path))) == "declare"], ids=name_of)
def test_a_declaration_needs_no_heavy_import(path: Path) -> None:
    at_module_level = (node for node in ast.parse(path.read_text()).body)
    named = {
        module
        for node in at_module_level
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        )
    }
    assert [module for module in named if within(module, *BANNED_IN_DECLARE)] == []


def test_the_simulator_imports_nothing_else_of_ours() -> None:
    foreign = {
        f"{name_of(path)} imports {module}"
        for path in modules()
        if top(room_of(name_of(path))) == "simulator"
        for module in imports(path)
        if within(module, NAME) and not within(module, f"{NAME}.simulator") and module != NAME
    }
    assert foreign == set()


def test_no_room_is_too_large() -> None:
    lines: dict[str, int] = defaultdict(int)
    files: dict[str, int] = defaultdict(int)
    for path in modules():
        room = room_of(name_of(path))
        lines[room] += len(path.read_text().splitlines())
        files[room] += path.name != "__init__.py"
    total = sum(lines.values())
    assert {room: count for room, count in lines.items() if count > MOST_SHARE * total} == {}
    assert {room: count for room, count in files.items() if count > MOST_MODULES} == {}
