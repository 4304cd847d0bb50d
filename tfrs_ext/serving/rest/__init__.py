"""A small HTTP server that speaks TensorFlow Serving's REST paths, for those who have no server.

Run: python -m tfrs_ext.serving.rest movies=saved_models/retrieval
"""

from tfrs_ext.serving.rest.app import create_app
from tfrs_ext.serving.rest.limits import Limits
from tfrs_ext.serving.rest.servable import Servable
from tfrs_ext.serving.rest.served_model import ServedModel

__all__ = ["Limits", "Servable", "ServedModel", "create_app"]
