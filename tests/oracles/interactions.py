"""Loops over interactions `(user, item, time)`, each row's order breaking ties in time."""


def _by_time(rows):
    return [row for _, row in sorted(enumerate(rows), key=lambda pair: (pair[1][2], pair[0]))]


def history_before(rows, index, length, padding):
    """The items of the row's user before the row, oldest first, padded on the left."""
    user, _, time = rows[index]
    earlier = [
        (other[2], place, other[1])
        for place, other in enumerate(rows)
        if other[0] == user and (other[2], place) < (time, index)
    ]
    items = [item for _, _, item in sorted(earlier)][-length:]
    return [padding] * (length - len(items)) + items


def latest(rows, user, length, padding):
    """The user's latest items, oldest first, padded on the left."""
    items = [item for other, item, _ in _by_time(rows) if other == user][-length:]
    return [padding] * (length - len(items)) + items


def leave_one_out(rows):
    """Lists of rows: train, validation, test."""
    train, validation, test = [], [], []
    for user in sorted({row[0] for row in rows}):
        own = [row for row in _by_time(rows) if row[0] == user]
        if len(own) < 3:
            train += own
        else:
            train += own[:-2]
            validation.append(own[-2])
            test.append(own[-1])
    return train, validation, test


def items_of(rows, user):
    """The user's distinct items, ascending."""
    return sorted({item for other, item, _ in rows if other == user})
