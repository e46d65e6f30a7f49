"""A simulated year of a city, with every hazard met in real systems, and the truth about each of its cases.

The truth is known by construction, not by judging: whoever makes the events knows what each case ends as. Nothing here uses
``streams.domain`` but the policy's numbers.

::

    city.py      districts, units, items, registry rows
    calendar.py  workdays, working hours, due dates
    closings.py  what is said of a case's closing, revision by revision
    archives.py  what arrives for it
    truth.py     what it ends as, and the figures
    generate.py  a year, day by day
    run.py       into Kafka
"""
