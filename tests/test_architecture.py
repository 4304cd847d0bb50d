"""The house keeps its floors and its privacy: who may import whom, read from the source."""

import collections

import pytest

from tests.house import (
    ALL_FILES,
    FILES,
    GUESTS,
    ROOT,
    classes_of,
    described_in,
    docstrings_of,
    exports_of,
    imports_of,
    is_any,
    is_open_to_all,
    modules_imported,
    name_of,
    parameters_of,
    room_of,
    rooms_imported,
    sections_of,
)

FLOORS = {
    "_keras": 0,
    "_version": 0,
    "scann_pairing": 0,
    "typing": 0,
    "files": 1,
    "variants": 1,
    "ops": 1,
    "candidates": 2,
    "layers": 3,
    "losses": 3,
    "frequencies": 3,
    "evaluation": 3,
    "metrics": 3,
    "optimizers": 3,
    "regularizers": 3,
    "indexes": 3,
    "baselines": 3,
    "reranking": 3,
    "bandits": 4,
    "features": 4,
    "negatives": 4,
    "callbacks": 4,
    "tasks": 5,
    "data": 5,
    "stages": 5,
    "models": 6,
    "training": 7,
    "tuning": 7,
    "serving": 7,
    "report": 7,
    "recipes": 8,
    "cli": 9,
}
USES_TFRS = {"_keras", "indexes", "metrics", "layers", "tasks", "models"}
KEEP_THEIR_UNDERSCORE = {"__init__.py", "__main__.py", "_keras.py", "_version.py"}
SECTIONS = [
    "Args",
    "Call arguments",
    "Attributes",
    "Returns",
    "Yields",
    "Raises",
    "Relations",
    "Example",
    "References",
]
STUMPS = ("As ", "By ", "For ", "In ", "Of ", "See ", "Such ", "The same", "To ", "With ")
ROOMS = sorted({room_of(path) for path in FILES})
PACKAGES = sorted(path.parent for path in ALL_FILES if path.name == "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_only_from_the_floors_below(path):
    room = room_of(path)
    for other in rooms_imported(path) - {room}:
        if room == "data":
            assert other in ("features", "files", "ops", "typing"), f"data imports {other}"
        else:
            assert FLOORS[other] < FLOORS[room], f"{room} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_some_rooms_know_tfrs(path):
    knows = any(name.split(".")[0] == "tensorflow_recommenders" for name in modules_imported(path))
    assert not knows or room_of(path) in USES_TFRS


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_keras_comes_from_one_place(path):
    if room_of(path) != "_keras":
        assert not {"keras", "tf_keras"} & {n.split(".")[0] for n in modules_imported(path)}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_pure_rooms_know_no_keras(path):
    if room_of(path) in ("candidates", "ops", "typing", "data"):
        assert "_keras" not in rooms_imported(path)


@pytest.mark.parametrize("path", FILES + GUESTS, ids=name_of)
def test_other_packages_are_imported_through_what_they_export(path):
    for module, name in imports_of(path):
        at_home = path not in GUESTS and module.split(".")[1:2] == [room_of(path)]
        if not at_home:
            assert is_open_to_all(module, name), f"{name} of {module} is private"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_modules_have_no_leading_underscore(path):
    if path.name not in KEEP_THEIR_UNDERSCORE:
        assert not path.name.startswith("_")


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_no_module_hides_behind_an_export_of_its_name(package):
    for name in exports_of(package) or ():
        module = package / f"{name}.py"
        if package != ROOT:
            assert not module.exists()


def test_gradients_of_ones_own_lie_in_their_graph():
    # TensorFlow's own decorator keeps each graph as long as the process lives.
    users = [name_of(path) for path in ALL_FILES if "tf.custom_gradient(" in path.read_text()]
    users += [name_of(path) for path in ALL_FILES if "@tf.custom_gradient" in path.read_text()]
    assert users == ["ops/custom_gradient.py"]


def test_no_two_classes_share_a_name():
    files = collections.defaultdict(list)
    for path in ALL_FILES:
        for name in classes_of(path):
            files[name.lstrip("_")].append(name_of(path))
    shared = {name: where for name, where in files.items() if len(where) > 1}
    assert not shared


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "typing"])
def test_parameters_say_what_they_take(room):
    pairs = [pair for path in FILES if room_of(path) == room for pair in parameters_of(path)]
    vague = [name for name, annotation in pairs if is_any(annotation)]
    assert len(vague) <= 0.05 * len(pairs), vague


def test_the_whole_package_says_what_it_takes():
    pairs = [p for path in FILES if room_of(path) != "typing" for p in parameters_of(path)]
    vague = [name for name, annotation in pairs if is_any(annotation)]
    assert len(vague) <= 0.05 * len(pairs)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_docstrings_have_the_same_sections_in_the_same_order(path):
    for name, doc in docstrings_of(path):
        headings = [heading for heading, _ in sections_of(doc)]
        assert set(headings) <= set(SECTIONS), f"{name}: {headings}"
        assert headings == sorted(headings, key=SECTIONS.index), f"{name}: {headings}"


@pytest.mark.parametrize("room", ROOMS)
def test_descriptions_say_what_an_argument_is(room):
    docs = [pair for path in FILES if room_of(path) == room for pair in docstrings_of(path)]
    stumps = [
        f"{name}: {argument}: {text}"
        for name, doc in docs
        for argument, text in described_in(doc)
        if text.startswith(STUMPS)
    ]
    assert not stumps


def test_modules_import_in_no_circle():
    graph = {}
    for path in FILES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(("tfrs_ext", *(p for p in parts if p != "__init__")))
        graph[module] = {name for name in modules_imported(path) if name.startswith("tfrs_ext.")}

    in_no_circle = set()  # Each module is followed once: there are millions of paths.

    def visit(module, trail):
        assert module not in trail, " -> ".join((*trail, module))
        if module in in_no_circle:
            return
        for other in graph.get(module, ()):
            if other != module:
                visit(other, (*trail, module))
        in_no_circle.add(module)

    for module in graph:
        visit(module, ())
