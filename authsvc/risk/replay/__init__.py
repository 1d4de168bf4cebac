"""Decide stored decisions again: equal under the policy that decided them, and what another one would have done."""
