"""How fast, measured beside others that do the same work on the same data in the same run (docs/bench.md)."""
