"""Everything public is exported, documented, registered with Keras, tested, and shown to work."""

import doctest
import importlib
import inspect
import pathlib
import pkgutil

import numpy as np
import pytest
import tensorflow as tf

import tfrs_ext
from tests import pages
from tfrs_ext._keras import keras

TESTS = pathlib.Path(__file__).parent
SOURCES = {path: path.read_text() for path in TESTS.rglob("test_*.py")}
ROOMS = [name for name in tfrs_ext.__all__ if name != "typing"]
PUBLIC = [
    pytest.param(getattr(importlib.import_module(f"tfrs_ext.{room}"), name), id=f"{room}.{name}")
    for room in ROOMS
    for name in importlib.import_module(f"tfrs_ext.{room}").__all__
]
OURS = [p for p in PUBLIC if getattr(p.values[0], "__module__", "").startswith("tfrs_ext")]
CLASSES = [p for p in OURS if inspect.isclass(p.values[0])]
KERAS_BASES = (keras.layers.Layer, keras.losses.Loss, keras.metrics.Metric)
KERAS_CLASSES = [p for p in CLASSES if issubclass(p.values[0], KERAS_BASES)]
MODULES = [
    info.name
    for info in pkgutil.walk_packages(tfrs_ext.__path__, "tfrs_ext.")
    if not info.name.endswith("__main__")
]


@pytest.mark.parametrize("room", ROOMS)
def test_exports_are_named_once_and_exist(room):
    module = importlib.import_module(f"tfrs_ext.{room}")
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("thing", OURS)
def test_public_things_have_a_docstring_that_names_their_arguments(thing):
    doc = inspect.getdoc(thing)
    assert doc
    if inspect.isfunction(thing) or (inspect.isclass(thing) and "__init__" in vars(thing)):
        names = list(inspect.signature(thing).parameters)
    else:
        names = []
    hidden = {"kwargs", "args", "name", "self"}
    missing = [name for name in names if name not in hidden and f"{name}:" not in doc]
    missing = [name for name in missing if f"`{name}`" not in doc]
    assert not missing


@pytest.mark.parametrize("thing", KERAS_CLASSES)
def test_keras_classes_are_registered_so_that_saved_models_find_them(thing):
    if not inspect.isabstract(thing):
        assert keras.saving.get_registered_name(thing) == f"tfrs_ext>{thing.__name__}"


@pytest.mark.parametrize("thing", OURS)
def test_every_public_thing_is_in_a_test(thing):
    assert any(thing.__name__ in source for source in SOURCES.values())


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(name)
    keras.utils.set_random_seed(1)
    globs = {**vars(module), "tf": tf, "np": np, "tfrs_ext": tfrs_ext, "keras": keras}
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(module, globs=globs, optionflags=flags)
    assert result.failed == 0


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda path: path.name)
def test_pages_name_what_exists(page):
    assert not pages.wrong_names(page.read_text())


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda path: path.name)
def test_links_of_pages_lead_somewhere(page):
    assert not pages.dead_links(page)


def test_dead_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One heading\n[a](#one-heading) [b](#two) [c](none.md) [d](page.md)")
    assert pages.dead_links(page) == ["#two", "none.md"]


def test_what_does_not_exist_is_found_in_pages():
    assert not pages.wrong_names(
        "`layers.Dice(axis=-1)`, `metrics.json`, `python -m recipes.ranking`"
    )
    code = "```python\nfrom tfrs_ext import layers\nlayers.Dice(width=1)\n```"
    wrong = pages.wrong_names(f"{code} `models.Tree`, `tfrs_ext._keras`, `python -m recipes.none`")
    assert wrong == [
        "tfrs_ext.layers.Dice(width=)",
        "models.Tree",
        "tfrs_ext._keras",
        "python -m recipes.none",
    ]
