"""Dead letters: looked at, and sent back to where they came from. The design is in ``docs/design/dead-letters.md``.

::

    letter.py    a message of dead-letter -> what it says of itself, and the headers it is sent back with
    query.py     which ones are meant
    reasons.py   each reason: the rule behind it, and what to do
    plan.py      what is to become of each: sent, or not, and why
    dump.py      its bytes and fields for people, without what may name an applicant
    reading.py   Kafka -> letters, and which of them were sent back before
    sender.py    letters -> their source topics, in transactions that only one command at a time can commit
    redrive.py   all of it, for one command
"""
