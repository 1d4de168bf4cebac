"""Incidents: what left its forecast, since when, and by how much."""
