"""Widgets: each renders a picture or a part of one, and posts messages; none knows a client object."""
