"""What units fill in — 附件1, archiving schedules, module configurations — read from files and brought into the reference topics.

::

    guard.py      bytes of a workbook -> refused where they could do harm
    workbook.py   bytes of a workbook -> sheets
    text.py       bytes of a .csv or .jsonl -> a sheet, or lines
    sheet.py      cells and merged ranges, and where each is
    choices.py    □省统建 ☑市统建 -> what is ticked
    cells.py      one cell -> one value
    form.py       sheets of 附件1 -> drafts of item-registry, or faults by cell
    table.py      sheets or lines -> rows by field
    materials.py  rows -> drafts of archiving-schedule and module-config, or faults by cell
    changes.py    drafts and what is known -> records to publish
    run.py        all of it, with Kafka; the only module here that speaks to it
    template.py   the empty forms

A draft is a record less what an import adds: identity, revision and validity.
"""
