"""A version holds a page for people, made from its own finished manifest."""

import json

import pytest

from tests.serving.conftest import make_retriever
from tfrs_ext import indexes, report, serving
from tfrs_ext.serving import retriever_draft


@pytest.fixture(autouse=True)
def _unverified(monkeypatch):
    result = serving.Verification(1, 1.0, 0.0)
    monkeypatch.setattr(retriever_draft, "verify", lambda *args, **kwargs: result)


def test_the_card_tells_of_the_version_it_lies_in(tmp_path):
    retriever, seen = make_retriever(), []

    def card(manifest):
        seen.append(json.loads(json.dumps(manifest)))
        run = report.RunSummary(
            title="Films", fingerprint=manifest["fingerprint"], index=manifest["index"]
        )
        return report.model_card(run)

    version = serving.export(tmp_path, **retriever.arguments(), index="exact", model_card=card)
    manifest = serving.read_manifest(version)
    assert seen == [manifest]
    text = (version / "assets.extra" / "model_card.md").read_text(encoding="utf-8")
    assert text.startswith("# Films\n")
    assert f"`{manifest['fingerprint']}`" in text
    assert serving.fingerprint(version) == manifest["fingerprint"]


def test_the_manifest_keeps_what_the_index_was_chosen_from(tmp_path):
    retriever = make_retriever()
    index = indexes.ScaNN(k=5).index(retriever.candidates, retriever.item_ids)
    frontier = index.tune(retriever.candidates, recall=0.9, at=5)
    version = serving.export(tmp_path, **retriever.arguments(), index=index)
    kept = serving.read_manifest(version)["index"]
    assert kept["frontier"] == frontier
    (chosen,) = [
        point
        for point in frontier
        if all(kept[n] == point[n] for n in point if n.startswith("num_"))
    ]
    assert chosen["recall"] >= 0.9
