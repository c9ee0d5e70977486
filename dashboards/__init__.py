"""Everything a person faces: command line, tables, reports, boards."""
