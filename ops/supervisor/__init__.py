"""``guidang up``: the whole system on one machine, supervised.

One process, the supervisor, starts the others, each in a session of its own, and restarts what dies. It holds a lock on the data folder
while it lives, and writes down which processes it started. When it is killed outright the others run on; the next ``up`` or ``down`` ends
them: by that record, and by a mark that every process of ours carries in its environment.

::

    process   a process, named so that a recycled pid is never mistaken for it
    record    what is written down in data_dir/run
    roles     which processes there are: command, readiness, what they need
    child     one role's process: start, watch, back off
    loop      all of them together
    control   up, down and status from outside
"""
