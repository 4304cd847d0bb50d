"""The picture in README."""

import xml.etree.ElementTree as ElementTree

import tfrs_ext
from tools import picture


def test_the_picture_is_the_one_that_its_program_draws_and_names_what_exists():
    assert picture.PICTURE.read_text() == picture.draw()
    ElementTree.parse(picture.PICTURE)
    names = {name for room in picture.ROOMS for name, _ in room.packages}
    assert names <= set(tfrs_ext.__all__)
