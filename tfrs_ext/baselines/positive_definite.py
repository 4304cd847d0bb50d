"""The inverse of a positive definite matrix, in place."""

import numpy as np
import numpy.typing as npt

_SMALL = 256  # Where calls would cost more than the numbers.


def invert_in_place(matrix: npt.NDArray[np.float64]) -> None:
    """Replaces a symmetric positive definite matrix `[n, n]` by its inverse.

    The matrix is `[[A, B], [B', D]]` in halves. With `W = A^-1 B` and `S = D - B' W`, which is
    positive definite, too, its inverse is `[[A^-1 + W S^-1 W', -W S^-1], [-S^-1 W', S^-1]]`. So two
    halves are inverted in the same way, and all else is products: `4/3 n³` multiplications and
    additions in place of the `8/3 n³` of `numpy.linalg.inv`, and half a matrix beside this one in
    place of two.

    Args:
        matrix: Float64; it is overwritten.

    Raises:
        numpy.linalg.LinAlgError: A block of it is singular.
    """
    if len(matrix) <= _SMALL:
        matrix[:] = np.linalg.inv(matrix)
        return
    half = len(matrix) // 2
    a, b, d = matrix[:half, :half], matrix[:half, half:], matrix[half:, half:]
    invert_in_place(a)
    w = a @ b
    d -= b.T @ w
    invert_in_place(d)
    np.negative(np.matmul(w, d, out=b), out=b)
    a -= b @ w.T
    matrix[half:, :half] = b.T
