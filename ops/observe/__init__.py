"""What is said about the metrics of all processes together."""
