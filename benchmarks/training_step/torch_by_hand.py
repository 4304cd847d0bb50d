"""Two towers as one writes them in PyTorch; runs in an environment of its own.

Reads rows from the file that is named first, and a line with a number of steps from the input again
and again; answers each with the seconds that so many steps took.
"""

import sys
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

BATCH, TEMPERATURE, RATE = (int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))


def network(width: int, inputs: int) -> nn.Sequential:
    """Returns the layers behind the tables."""
    return nn.Sequential(nn.Linear(inputs, 128), nn.ReLU(), nn.Linear(128, width))


class Towers(nn.Module):
    """A user's id and latest items on one side, an item's id on the other."""

    def __init__(self, users: int, items: int, length: int, width: int = 64) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(users, width), nn.Embedding(items, width)
        self.history = nn.Embedding(items + 1, width, padding_idx=0)
        self.places = nn.Parameter(torch.zeros(length))  # How much each place counts.
        self.query, self.candidate = network(width, 2 * width), network(width, width)

    def forward(self, user: torch.Tensor, history: torch.Tensor, item: torch.Tensor) -> tuple:
        """Returns both sides' embeddings of unit length."""
        weights = self.places.expand(len(history), -1).masked_fill(history == 0, -1e9).softmax(1)
        pooled = torch.bmm(weights[:, None], self.history(history))[:, 0]
        pooled = pooled * (history != 0).any(1, keepdim=True)
        query = self.query(torch.cat([self.users(user), pooled], 1))
        return functional.normalize(query), functional.normalize(self.candidate(self.items(item)))


def batches(rows: int) -> Iterator[torch.Tensor]:
    """Yields the places of the rows of each batch, in a fresh order for each epoch."""
    while True:
        yield from torch.randperm(rows).split(BATCH)


def main() -> None:
    """Answers until the input ends."""
    torch.manual_seed(0)
    table = {name: torch.from_numpy(column) for name, column in np.load(sys.argv[1]).items()}
    counts = torch.bincount(table["item"]).clamp(min=1)
    log_q = torch.log(counts / counts.sum())
    sizes = int(table["user"].max()) + 1, len(log_q), table["history"].shape[1]
    model = Towers(*sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
    order = batches(len(table["item"]))
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            rows = next(order)
            user, history, item = (table[name][rows] for name in ("user", "history", "item"))
            query, candidate = model(user, history, item)
            logits = query @ candidate.T / TEMPERATURE - log_q[item]
            own = torch.eye(len(rows), dtype=torch.bool)
            logits = logits.masked_fill((item[:, None] == item) & ~own, -1e9)
            loss = functional.cross_entropy(logits, torch.arange(len(rows)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        last = loss.item()  # Whatever is still to be computed is, before the clock is read.
        print(time.perf_counter() - start, flush=True)
        print("loss", last, file=sys.stderr, flush=True)


main()
