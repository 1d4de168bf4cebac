"""A right password that signs nobody in until another one takes its place."""
