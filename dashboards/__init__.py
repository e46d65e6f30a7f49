"""What operators look at: panels as data, one source for Grafana (``grafana.py``) and for the local page (``board/``)."""
