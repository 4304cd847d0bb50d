import pathlib

import pytest

from tfrs_ext.indexes import Exact, ScaNN, find_op_library, load_op_library


def test_the_operations_of_scann_are_where_the_index_says():
    pytest.importorskip("scann")
    path = pathlib.Path(find_op_library(ScaNN().op_library()))
    assert path.is_file()
    load_op_library(ScaNN().op_library())
    load_op_library(ScaNN().op_library())  # Once more changes nothing.


def test_plain_operations_need_no_library():
    assert Exact().op_library() is None
    assert Exact.op_namespaces == ()


def test_a_missing_package_is_named_with_the_way_to_install_it():
    with pytest.raises(ImportError, match=r"package nowhere isn't installed: .*tfrs-ext\[nowhere"):
        load_op_library("nowhere/operations.so")


@pytest.mark.parametrize(
    "library",
    ["scann/../evil.so", "/tmp/evil.so", "../evil.so", "scann", "scann/", "a.b/evil.so", ""],
)
def test_a_manifest_leads_to_no_file_outside_of_a_package(library):
    with pytest.raises(ValueError, match="`library` must be a package and a file in it"):
        find_op_library(library)
