"""The agents: decode, call the domain, hand on outcomes."""
