"""Scores answers anew by ir-measures, which asks trec_eval: it shares no code with ours."""

import importlib.metadata
import json
import pathlib
import sys

import ir_measures
import pandas as pd
from ir_measures import R, nDCG

MEASURES = {
    "recall_at_10": R @ 10,
    "ndcg_at_10": nDCG @ 10,
    "recall_at_100": R @ 100,
    "ndcg_at_100": nDCG @ 100,
}


def main() -> None:
    """Reads answers and what was wanted from the folder named, and writes check.json there."""
    folder = pathlib.Path(sys.argv[1])
    answers, wanted = (pd.read_parquet(folder / f"{n}.parquet") for n in ("answers", "wanted"))
    run = pd.DataFrame(
        {
            "query_id": answers["user_id"].astype(str),
            "doc_id": answers["item_id"].astype(str),
            "score": -answers["rank"].astype(float),
        }
    )
    qrels = pd.DataFrame(
        {
            "query_id": wanted["user_id"].astype(str),
            "doc_id": wanted["item_id"].astype(str),
            "relevance": 1,
        }
    )
    found = ir_measures.calc_aggregate(list(MEASURES.values()), qrels, run)
    values = {name: found[measure] for name, measure in MEASURES.items()}
    version = importlib.metadata.version("ir-measures")
    text = json.dumps({"library": f"ir-measures {version}", "values": values})
    (folder / "check.json").write_text(text)


main()
