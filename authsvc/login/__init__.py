"""The journey: one persisted flow, one transition table, the step-up ladder, and the pages of both."""
