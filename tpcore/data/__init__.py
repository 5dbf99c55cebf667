"""Data that needs no download."""

from tpcore.data.digits import digits, images

__all__ = ["digits", "images"]
