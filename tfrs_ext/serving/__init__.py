"""Exports that a server can load, their verification and their versions."""

from tfrs_ext.serving.export import export
from tfrs_ext.serving.fresh import query_all_fresh, query_fresh
from tfrs_ext.serving.manifest import fingerprint, read_manifest
from tfrs_ext.serving.verify import Verification, VerificationError, replay_warmup, verify
from tfrs_ext.serving.versions import latest_version, list_versions, prune, publish, rollback
from tfrs_ext.serving.warmup import read_warmup, write_warmup

__all__ = [
    "Verification",
    "VerificationError",
    "export",
    "fingerprint",
    "latest_version",
    "list_versions",
    "prune",
    "publish",
    "query_all_fresh",
    "query_fresh",
    "read_manifest",
    "read_warmup",
    "replay_warmup",
    "rollback",
    "verify",
    "write_warmup",
]
