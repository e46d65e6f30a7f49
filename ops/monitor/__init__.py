"""``guidang monitor``: the figures, and the pipeline as the broker sees it, as metrics."""
