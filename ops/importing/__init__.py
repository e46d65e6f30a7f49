"""What units fill in — 附件1, archiving schedules, module configurations — read from files and brought into the reference topics.

::

    guard.py        bytes of a workbook -> refused where they could do harm
    workbook.py     bytes of a workbook -> sheets
    parts.py        an XML part of a workbook -> its elements, one at a time
    formats.py      a value and its style -> what a person sees of it
    text.py         bytes of a .csv or .jsonl -> a sheet, or lines
    sheet.py        cells and merged ranges, and where each is
    characters.py   characters as a person sees them
    choices.py      □省统建 ☑市统建 -> what is ticked
    words.py        the words that the forms offer
    cells.py        one cell -> one value
    codes.py        an item code in a cell
    labels.py       headings, titles, totals, notes, signatures and stamps around a table
    headings.py     headings of 附件1 -> which column is which
    form_span.py    the cells of one item of 附件1
    form_row.py     one item of 附件1 -> a draft, or faults by cell
    form.py         sheets of 附件1 -> drafts of item-registry, or faults by cell
    table_sheet.py  a sheet with a plain table -> rows by field
    table.py        a workbook or a text file -> sheets, or rows by field
    materials.py    rows -> drafts of archiving-schedule and module-config, or faults by cell
    changes.py      drafts and what is known -> records to publish
    run.py          all of it, with Kafka; the only module here that speaks to it
    template.py     the empty forms

A draft is a record less what an import adds: identity, revision and validity.
"""
