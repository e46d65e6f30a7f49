"""What reads the outputs: the sink and the embedded store."""
