"""The life of a run: start, stop, adoption, end, loss; errors and what they lead to."""
