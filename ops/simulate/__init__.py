"""A simulated year of a city, with every hazard met in real systems, and the truth about each of its cases and items.

The truth is known by construction, not by judging: whoever makes the events knows what each case ends as. Nothing here uses
``streams.domain`` but the policy's numbers.

::

    units.py         districts, units, their rows
    registration.py  how an item is registered, day by day
    schedules.py     what its archives have to have, and what its module is set to
    items.py         codes, families, carefulness
    city.py          which story goes to which item
    rows.py          a row as it is sent, and the dealing of stories
    reference.py     all these as records
    calendar.py      workdays, working hours, due dates
    titles.py        what a title says
    closings.py      what is said of a case's closing, revision by revision
    archives.py      what arrives for it
    papers.py        what an archive says and carries
    records.py       both as records
    outcome.py       what a case ends as
    quality.py       what is wrong with its files
    item_outcome.py  what is open on an item
    truth.py         all this as told, and the figures
    outbox.py        events on their way
    generate.py      a year, day by day
    run.py           into Kafka
    compare.py       what a system says against the truth
"""
