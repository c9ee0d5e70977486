"""The report of a study: one HTML file with everything that a person asks of it, which needs no network.

    contents          what the study holds, read once
    axes, kinds       how objectives and trials are drawn
    *_chart           figures of plotly
    readings, cards   what the files on the front read, and a card for each
    fates, data_part, again    what was refused, the lines, how to make the study again
    page, watching    the file, and keeping it up to date while a search runs

Decisions:
- Everything is computed here; the page only shows it. It asks no server for anything, so it can be sent by mail and kept.
- Charts are plotly's, whose JavaScript is in the file once (4.8 MB). The browser draws them, in its light or dark colours.
- Only files on the front have cards, and only their misread lines are read again: what a file reads right is on record.
"""
