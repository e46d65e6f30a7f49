"""Routes, times and inhibitions of alerts (docs/alerts.md)."""
