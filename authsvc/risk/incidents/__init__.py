"""Is the service as a whole under attack? Counts against their forecast, incidents, everyone's scrutiny meanwhile."""
