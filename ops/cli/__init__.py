"""The command line: `guidang`."""
