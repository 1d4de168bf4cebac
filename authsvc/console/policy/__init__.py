"""The policy in the console: what is in force, what decides in the shadow, what waits for a second person."""
