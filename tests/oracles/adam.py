"""Adam, row by row and number by number."""

import math

import numpy as np


class LazyAdam:
    """Steps on one table `[rows, width]`; `lazy=False` also steps rows without a gradient."""

    def __init__(self, table, rate=0.001, b1=0.9, b2=0.999, epsilon=1e-7, decay=0.0, lazy=True,
                 amsgrad=False, adaptive_epsilon=False):  # fmt: skip
        self.table = np.array(table, np.float64)
        self.m, self.v, self.v_hat = (np.zeros_like(self.table) for _ in range(3))
        self.rate, self.b1, self.b2, self.epsilon = rate, b1, b2, epsilon
        self.decay, self.lazy = decay, lazy
        self.amsgrad, self.adaptive_epsilon = amsgrad, adaptive_epsilon
        self.steps = 0

    def step(self, ids, gradients):
        """Gradients `[n, width]` of the rows `ids`, which may repeat."""
        self.steps += 1
        sums = {} if self.lazy else dict.fromkeys(range(len(self.table)), 0.0)
        for row, gradient in zip(ids, gradients, strict=True):
            sums[row] = sums.get(row, 0.0) + np.asarray(gradient, np.float64)
        root = math.sqrt(1 - self.b2**self.steps)
        rate = self.rate * root / (1 - self.b1**self.steps)
        epsilon = self.epsilon * (root if self.adaptive_epsilon else 1)
        for row, g in sums.items():
            self.m[row] = self.b1 * self.m[row] + (1 - self.b1) * g
            self.v[row] = self.b2 * self.v[row] + (1 - self.b2) * g**2
            self.v_hat[row] = np.maximum(self.v_hat[row], self.v[row])
            second = self.v_hat[row] if self.amsgrad else self.v[row]
            self.table[row] -= self.table[row] * self.decay * self.rate
            self.table[row] -= rate * self.m[row] / (np.sqrt(second) + epsilon)
