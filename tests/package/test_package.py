"""What the package promises as a whole: light imports, layers, public names, docstrings."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import vae_jax

ROOT = Path(vae_jax.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
# rich is not among them: flax itself imports it
HEAVY = [
    "tensorflow",
    "tensorflow_datasets",
    "matplotlib",
    "sklearn",
    "orbax",
    "tyro",
    "PIL",
    "scipy",
    "grain",
]

# From the ground up; a floor sees those below it, and not itself.
FLOORS = [
    ["hosts"],
    ["types", "calls", "extras", "files", "families"],
    ["log_sums", "triangular", "memory", "devices"],
    ["flows"],
    ["distributions", "data"],
    ["divergences", "checks"],
    ["bounds", "batches"],
    ["batched"],
    ["models"],
    ["objectives"],
    ["evaluate", "generate"],
    ["train"],
    ["samplers"],
    ["configs"],
    ["runs"],
    ["cli"],
]
BESIDE = {
    "networks": {"types", "calls", "flows", "distributions"},
    "checkpoint": {"hosts", "types", "extras", "checks"},
    "figures": {"extras", "files"},
    "moved": {"types"},
    "maps": {"types", "figures"},
    "panels": {"types", "figures", "moved"},
    "plots": {"types", "figures", "moved"},
    "show": {"types", "files", "moved", "panels", "plots"},
    "report": {"files"},
}


def below(part):
    if part in BESIDE:
        return BESIDE[part]
    floor = next(i for i, parts in enumerate(FLOORS) if part in parts)
    beside = set(BESIDE) if floor >= FLOORS.index(["train"]) else set()
    return beside.union(*FLOORS[:floor])


def imports(path):
    """The modules of vae_jax, or of experiments, that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {node.module}
            if node.module == "vae_jax":
                found |= {f"vae_jax.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("vae_jax", "experiments")}


def test_import_is_light():
    code = f"import sys, vae_jax; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


def test_every_part_is_in_the_house():
    parts = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in FILES}
    assert parts - {"__init__"} == {*BESIDE, *(part for floor in FLOORS for part in floor)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downward(path):
    part = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if part == "__init__":
        return
    seen = {name.removeprefix("vae_jax").removeprefix(".").split(".")[0] for name in imports(path)}
    assert seen - {"", part} <= below(part)


def test_the_public_names_are_those_imported():
    tree = ast.parse((ROOT / "__init__.py").read_text())
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = [alias.asname or alias.name for node in froms for alias in node.names]
    assert sorted(vae_jax.__all__) == sorted(names)
    kind = lambda name: (not name.isupper(), not name[0].isupper(), name)  # noqa: E731
    assert vae_jax.__all__ == sorted(vae_jax.__all__, key=kind)


@pytest.mark.parametrize("name", vae_jax.__all__)
def test_every_public_name_says_what_it_is(name):
    doc = getattr(vae_jax, name).__doc__
    assert doc
    assert not doc.startswith(f"{name}(")  # what Python writes for a tuple or dataclass without one


def public(tree):
    """The module, and what is defined at its top or in its classes without an underscore."""
    yield tree
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                methods = [m for m in node.body if isinstance(m, ast.FunctionDef)]
                yield from (m for m in methods if not m.name.startswith("_"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_public_has_a_docstring(path):
    tree = ast.parse(path.read_text())
    bare = [getattr(n, "name", "module") for n in public(tree) if not ast.get_docstring(n)]
    assert bare == []


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.parent.name != "cli"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_the_library_prints_nothing(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert "print" not in [getattr(call.func, "id", None) for call in calls]


def opens_text(call):
    """Whether a call opens a file as text; of a Path, or as a built-in."""
    name = getattr(call.func, "attr", getattr(call.func, "id", None))
    owner = getattr(getattr(call.func, "value", None), "id", None)
    if name in ("read_text", "write_text"):
        return isinstance(call.func, ast.Attribute) and (name == "write_text" or not call.args)
    modes = [a.value for a in call.args if isinstance(a, ast.Constant)]
    binary = any("b" in mode for mode in modes if isinstance(mode, str))
    return name == "open" and owner not in ("Image", "gzip", "os", "archive") and not binary


@pytest.mark.parametrize(
    "path", [*FILES, *sorted((ROOT.parent / "experiments").rglob("*.py"))], ids=str
)
def test_text_is_utf_8_whatever_the_locale(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    bare = [
        call.lineno
        for call in calls
        if opens_text(call) and "encoding" not in [keyword.arg for keyword in call.keywords]
    ]
    assert bare == []


def test_a_file_opened_as_text_is_seen():
    seen = [opens_text(ast.parse(code).body[0].value) for code in ("p.open()", "open(p, 'rb')")]
    assert seen == [True, False]


def test_types_are_marked_for_checkers():
    assert (ROOT / "py.typed").is_file()


def test_every_file_of_tests_has_a_name_of_its_own():
    """pytest imports them by name: of two alike one is an error, in the whole run alone."""
    names = [path.name for path in (ROOT.parent / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
