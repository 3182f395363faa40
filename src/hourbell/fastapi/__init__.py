"""Hourbell in a FastAPI application: the REST API as a router, and one id through everything that a request causes."""

from hourbell.fastapi.api import api_router
from hourbell.fastapi.tracking import TrackingId, TrackingMiddleware

__all__ = ["TrackingId", "TrackingMiddleware", "api_router"]
