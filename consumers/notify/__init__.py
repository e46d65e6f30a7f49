"""``guidang notify``: from Alertmanager to people, through robots, mail and webhooks (docs/notify.md).

An alert goes this way::

    inbound ─► matching ─► queue (SQLite, durable) ─► lines ─► message ─► payload ─► outbound | mail
                              ▲                                                          │
                              └──────────────── sender ◄──── answers ◄───────────────────┘

Only ``queue``, ``outbound``, ``mail``, ``sender``, ``server``, ``trial`` and ``process`` do I/O; the rest are functions of what they
are given.
"""
