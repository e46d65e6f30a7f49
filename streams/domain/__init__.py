"""The rules of the notice, pure: no I/O, no clock, no logging. Everything takes ``now``."""
