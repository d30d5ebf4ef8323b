"""Bad input of every kind, made from a corpus by a seed: the n-th of a kind is always the same."""
