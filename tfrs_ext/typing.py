"""Types of arguments that several packages share, and the legend of shapes.

Shapes in docstrings: `B` queries, `C` candidates scored, `N` negatives, `D` embedding width,
`L` history length, `K` results.
"""

from typing import Union

Vocabulary = Union[tuple[int, ...], tuple[str, ...]]
