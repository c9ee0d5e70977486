"""The workspace folder: its layout, and the files of trials."""
