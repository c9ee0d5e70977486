"""The workspace folder: paths, locks and trial files."""
