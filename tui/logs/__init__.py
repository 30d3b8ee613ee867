"""The log view: a bounded ring of lines, drawn row by row."""
