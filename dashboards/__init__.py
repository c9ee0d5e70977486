"""The user interface: command line, tables, plots, reports and the dashboard server."""
