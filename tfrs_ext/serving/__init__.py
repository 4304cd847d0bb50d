"""Exports that a server can load, their verification and their versions."""

from tfrs_ext.serving.bandit import export_bandit
from tfrs_ext.serving.baseline import export_baseline
from tfrs_ext.serving.impressions import label_impressions, read_impressions
from tfrs_ext.serving.items import Items
from tfrs_ext.serving.offline.embeddings import export_embeddings
from tfrs_ext.serving.offline.everybody import recommend_to_parquet
from tfrs_ext.serving.offline.recommender import Recommender
from tfrs_ext.serving.publishing.manifest import fingerprint, read_manifest
from tfrs_ext.serving.publishing.versions import (
    latest_version,
    list_versions,
    prune,
    publish,
    rollback,
)
from tfrs_ext.serving.publishing.warmup import read_warmup, write_warmup
from tfrs_ext.serving.ranker import export_ranker
from tfrs_ext.serving.refreshing import item_ids, refresh
from tfrs_ext.serving.retriever import export
from tfrs_ext.serving.servers.server_files import write_server_files
from tfrs_ext.serving.two_stage import export_two_stage
from tfrs_ext.serving.users import Users
from tfrs_ext.serving.verification.comparison import Verification, VerificationError, verify
from tfrs_ext.serving.verification.fresh_process import (
    Request,
    keep_process,
    query_all_fresh,
    query_fresh,
)

__all__ = [
    "Items",
    "Recommender",
    "Request",
    "Users",
    "Verification",
    "VerificationError",
    "export",
    "export_bandit",
    "export_baseline",
    "export_embeddings",
    "export_ranker",
    "export_two_stage",
    "fingerprint",
    "item_ids",
    "keep_process",
    "label_impressions",
    "latest_version",
    "list_versions",
    "prune",
    "publish",
    "query_all_fresh",
    "query_fresh",
    "read_impressions",
    "read_manifest",
    "read_warmup",
    "recommend_to_parquet",
    "refresh",
    "rollback",
    "verify",
    "write_server_files",
    "write_warmup",
]
