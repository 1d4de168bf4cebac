"""The pages at "/" and the demo's mailbox."""
