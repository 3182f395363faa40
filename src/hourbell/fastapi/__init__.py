"""Hourbell in a FastAPI application: the REST API as a router."""

from hourbell.fastapi.api import api_router

__all__ = ["api_router"]
