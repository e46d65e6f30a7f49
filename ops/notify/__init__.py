"""``guidang notify``: from Alertmanager to people."""
