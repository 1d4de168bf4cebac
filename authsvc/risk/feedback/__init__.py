"""What labels teach: how right the probabilities were, and which weights a next policy version should have."""
