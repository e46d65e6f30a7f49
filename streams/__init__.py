"""Streaming: pure rules, the engine, agents and their wiring."""
