"""The real engine, job and sink on a fake broker, store and clock, driven step by step from one seed."""
