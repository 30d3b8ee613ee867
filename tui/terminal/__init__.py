"""The emulator of a terminal: bytes in, a screen out; keys in, bytes out. Knows nothing of widgets."""
