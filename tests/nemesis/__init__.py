"""Real processes, everything that can happen to them, and what must be true afterwards (``make soak``)."""
