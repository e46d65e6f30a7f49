"""The embedded ClickHouse: one process owns a chDB directory and speaks the ClickHouse HTTP protocol on 127.0.0.1.

chDB is the real engine, in process, and cannot listen; a directory of it can be open in one process only. With this server in front of it
every other process uses an ordinary ClickHouse client, the same one and the same SQL as against a real server (docs/design/store.md).

``statement``, ``encoding``, ``failure``: pure. ``request``: what a client asked. ``engine``: the directory, its connections and sessions.
``server``: the answers. ``process``: one process from start to SIGTERM.
"""
