"""Texts are split into words and trigrams as Python splits them, in every script."""

import unicodedata

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import trigrams as oracle
from tfrs_ext.ops.words import letter_trigrams, split_words


def is_settled(letter):
    """Whether Unicode says the same of it in the old version and in the new: libraries differ."""
    old = unicodedata.ucd_3_2_0.category(letter)
    return old != "Cn" and old == unicodedata.category(letter) and old != "Cs"


LETTERS = st.characters(exclude_categories=("Cs", "Cn", "Co")).filter(is_settled)
TEXTS = st.lists(st.text(st.one_of(st.sampled_from("aAbB #-é ß"), LETTERS)), max_size=4)


def decoded(ragged):
    return [[piece.decode() for piece in row] for row in ragged.to_list()]


@settings(deadline=None, max_examples=30)
@given(TEXTS)
def test_any_texts_give_the_words_and_trigrams_of_the_oracle(texts):
    given_texts = tf.constant(texts, tf.string)
    assert decoded(split_words(given_texts)) == [
        [word for word in oracle.words(text) if word] for text in texts
    ]
    assert decoded(letter_trigrams(given_texts)) == [oracle.trigrams(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("good", ["#go", "goo", "ood", "od#"]),
        ("A bé", ["#a#", "#bé", "bé#"]),
        ("हिन्दी", ["#हि", "हिन", "िन्", "न्द", "्दी", "दी#"]),
        ("Straße 7", ["#st", "str", "tra", "raß", "aße", "ße#", "#7#"]),
        ("e\u0301t", ["#e\u0301", "e\u0301t", "\u0301t#"]),
        ("  ,;#", []),
    ],
)
def test_a_letter_is_a_code_point_and_marks_belong_to_their_word(text, pieces):
    assert decoded(letter_trigrams(tf.constant([text]))) == [pieces]


def test_bytes_that_are_no_text_are_left_out():
    assert decoded(letter_trigrams(tf.constant([b"a\xff\xfeb"]))) == [["#a#", "#b#"]]
