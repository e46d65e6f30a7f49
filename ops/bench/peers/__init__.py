"""The reduced job as others do it: each file is a process of its own, started by :mod:`ops.bench.contenders`."""
