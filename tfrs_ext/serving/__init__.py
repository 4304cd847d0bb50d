"""Exports that a server can load, their verification and their versions."""
