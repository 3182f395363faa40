"""Hourbell in a FastAPI application: its APIs as routers, and one id through everything that a request causes."""

from hourbell.fastapi.api import api_router
from hourbell.fastapi.jobs_api import jobs_router
from hourbell.fastapi.security import Granted
from hourbell.fastapi.tracking import TrackingId, TrackingMiddleware

__all__ = ["Granted", "TrackingId", "TrackingMiddleware", "api_router", "jobs_router"]
