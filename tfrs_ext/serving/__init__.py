"""Exports that a server can load, their verification and their versions."""

from tfrs_ext.serving.exporter import export
from tfrs_ext.serving.fresh import Request, query_all_fresh, query_fresh
from tfrs_ext.serving.manifest import fingerprint, read_manifest
from tfrs_ext.serving.ranker import export_ranker
from tfrs_ext.serving.refresh import item_ids, refresh
from tfrs_ext.serving.server_files import write_server_files
from tfrs_ext.serving.verification import Verification, VerificationError, verify
from tfrs_ext.serving.versions import latest_version, list_versions, prune, publish, rollback
from tfrs_ext.serving.warmup import read_warmup, write_warmup

__all__ = [
    "Request",
    "Verification",
    "VerificationError",
    "export",
    "export_ranker",
    "fingerprint",
    "item_ids",
    "latest_version",
    "list_versions",
    "prune",
    "publish",
    "query_all_fresh",
    "query_fresh",
    "read_manifest",
    "read_warmup",
    "refresh",
    "rollback",
    "verify",
    "write_server_files",
    "write_warmup",
]
