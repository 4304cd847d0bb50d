"""Letter trigrams of texts, with what Python's library knows of Unicode."""

import unicodedata


def words(text):
    """The runs of letters, marks and digits, in lower case."""
    lower = text.lower()
    kept = [c if unicodedata.category(c)[0] in "LMN" else " " for c in lower]
    return "".join(kept).split(" ")


def trigrams(text):
    """The three-letter pieces of each word between two marks, in order."""
    marked = [f"#{word}#" for word in words(text) if word]
    return [word[start : start + 3] for word in marked for start in range(len(word) - 2)]
