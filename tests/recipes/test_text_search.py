"""The recipe for text search, as a user runs it."""

import json

import numpy as np
import pandas as pd
import pytest

from recipes import shared, text_search
from tests.recipes.processes import Recipe, shown_rows
from tfrs_ext import serving


@pytest.fixture
def recipe(tmp_path):
    return Recipe(text_search, tmp_path)


@pytest.mark.slow
def test_titles_are_found_by_what_people_type(recipe):
    final = recipe.run("all", "--smoke", "--epochs", "6")
    assert final.returncode == 0, final.stdout + final.stderr
    assert serving.list_versions(recipe.base) == [1]
    metrics = json.loads((recipe.runs / "metrics.json").read_text())
    assert metrics["model"]["hit_rate_at_1"] > metrics["words"]["hit_rate_at_1"]
    title = serving.query_fresh(recipe.base / "1", {"query": ["a"]})["title"][0][0]
    answer = recipe.run("query", "--smoke", "--text", title.replace("e", "", 1), "-k", "3")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert title in shown_rows(answer)[0]
    assert len(shown_rows(answer)) == 3


def settings_of(folder, titles, **columns):
    items = pd.DataFrame({"item_id": range(len(titles)), "title": titles})
    items.to_csv(folder / "items.csv", index=False)
    log = pd.DataFrame({"user_id": [1, 2] * len(titles), "item_id": [*items["item_id"]] * 2})
    log.assign(timestamp=range(len(log))).to_csv(folder / "log.csv", index=False)
    source = shared.DataSource(
        "log", None, str(folder / "log.csv"), None, str(folder / "items.csv"), columns=columns
    )
    values = {
        "trials": 1,
        "trial_epochs": 1,
        "out": None,
        "requests": None,
        "budget": None,
        "epochs": 1,
        "patience": 1,
        "user": None,
        "k": 3,
    }
    values |= {"seed": 1, "fresh": False, "runs": folder, "base": folder, "text": ""}
    return text_search.Settings.of("text_search", source, **values)


def test_items_of_one_title_are_one_document_in_training_and_in_questions(tmp_path):
    titles = ["Sabrina (1954)", "Heat (1995)", "sabrina (1995)", "2001"]
    settings = settings_of(tmp_path, titles, title="title")
    assert settings.typed == ["Sabrina", "Heat", "sabrina", "2001"]
    assert settings.positives == [[0, 2], [1], [0, 2], [3]]
    rows = next(iter(settings.training_data(1000)))
    pairs = set(zip(rows["title"].numpy().tolist(), rows["item_id"].numpy().tolist(), strict=True))
    assert pairs == set(zip([title.encode() for title in titles], (0, 1, 0, 3), strict=True))
    assert len(rows["query"]) == 4 * 3 * text_search.REPEATS["whole"]


def test_training_and_questions_have_typos_of_their_own(tmp_path):
    settings = settings_of(tmp_path, ["The Silent Harbour", "A Long Winter"], title="title")
    asked = [settings.questions(seed)["query"].tolist() for seed in (1004, 1005, 1004)]
    assert asked[0] == asked[2] != asked[1]
    batches = [next(iter(settings.training_data(60)))["query"].numpy() for _ in range(2)]
    assert sorted(batches[0]) == sorted(batches[1])


def test_rivals_find_what_has_the_same_words_or_trigrams():
    titles = np.array(["star wars", "star trek", "heat"], object)
    queries = np.array(["wars", "tracks trek", "haet heat"], object)
    for weigh in (text_search.word_weights, text_search.trigram_weights):
        left, right = weigh(queries, titles)
        assert (left @ right.T).argmax(axis=1).tolist() == [0, 1, 2]
        np.testing.assert_allclose(np.linalg.norm(right, axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("query", "--smoke"), "run `export` first"),
        (("export", "--smoke"), "run `train` first"),
        (("train", "--data", "netflix"), "`data` must be one of synthetic"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(recipe, arguments, message):
    result = recipe.run_here(*arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.stdout.split())


def test_items_without_titles_are_refused(tmp_path):
    with pytest.raises(ValueError, match="`--title` must name the column"):
        settings_of(tmp_path, ["a", "b"]).titles  # noqa: B018
