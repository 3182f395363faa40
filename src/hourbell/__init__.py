"""Hourbell: scheduled and background jobs for FastAPI on the database the application already has."""
