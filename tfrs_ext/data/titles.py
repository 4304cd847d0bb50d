"""Titles of invented things, from lists of words."""

from collections import Counter

import numpy as np
import numpy.typing as npt

_NOUNS = {
    "comedy": "Wedding Neighbour Holiday Parrot Landlord Breakfast Umbrella Cousin Pyjamas Goose",
    "drama": "Letter Orchard Daughter Promise Winter Inheritance Piano Confession River Photograph",
    "thriller": "Witness Corridor Alibi Cellar Stranger Signal Passenger Key Shadow Courier",
    "science": "Orbit Comet Laboratory Engine Galaxy Robot Horizon Satellite Particle Colony",
    "fantasy": "Dragon Lantern Kingdom Spell Tower Prophecy Raven Sword Forest Crown",
    "history": "Emperor Harbour Siege Cathedral Caravan Treaty Fleet Archive Monument Queen",
    "music": "Melody Orchestra Drummer Chorus Nocturne Guitar Ballad Rhythm Festival Waltz",
    "travel": "Island Railway Desert Compass Glacier Market Voyage Bridge Valley Lighthouse",
    "nature": "Wolf Meadow Ocean Falcon Volcano Reef Badger Storm Orchid Whale",
    "sport": "Champion Marathon Goalkeeper Arena Sprint Summit Regatta Trophy Coach Derby",
}
CATEGORIES = tuple(_NOUNS)
# From gloomy to cheerful: the adjective tells a hidden quality of the item.
_ADJECTIVES = (
    *("Bitter", "Broken", "Haunted", "Hollow", "Frozen", "Lonely", "Silent", "Distant", "Hidden"),
    *("Pale", "Quiet", "Restless", "Curious", "Gentle", "Little", "Wandering", "Bright"),
    *("Golden", "Merry", "Radiant"),
)
_PLACES = ("Avalon", "Bergen", "Cairo", "Dunmore", "Fairhaven", "Genoa", "Lisbon", "Oslo", "Porto")
_ROMAN = ["", "", " II", " III", " IV", " V", " VI", " VII", " VIII", " IX", " X"]


def make_titles(
    category: npt.NDArray[np.int64], mood: npt.NDArray[np.float64], rng: np.random.Generator
) -> list[str]:
    """Returns distinct titles such as `The Silent Harbour of Oslo II`.

    Args:
        category: `[I]` indices into `CATEGORIES`; they choose the noun.
        mood: `[I]` numbers, about normally distributed; they choose the adjective.
        rng: Chooses the rest.
    """
    cumulative = 1.0 / (1.0 + np.exp(-1.7 * mood))
    adjectives = (cumulative * len(_ADJECTIVES)).astype(np.int64).clip(0, len(_ADJECTIVES) - 1)
    nouns, places = rng.integers(10, size=len(mood)), rng.integers(18, size=len(mood))
    seen: Counter[str] = Counter()
    titles = []
    for row in zip(category, adjectives, nouns, places, strict=True):
        title = _compose(*row)
        seen[title] += 1
        count = seen[title]
        titles.append(title + (_ROMAN[count] if count < len(_ROMAN) else f" {count}"))
    return titles


def _compose(category: int, adjective: int, noun: int, place: int) -> str:
    # Half of the titles name a place.
    where = f" of {_PLACES[place]}" if place < len(_PLACES) else ""
    return f"The {_ADJECTIVES[adjective]} {_NOUNS[CATEGORIES[category]].split()[noun]}{where}"
