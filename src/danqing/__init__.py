"""Danqing 丹青: paint a picture from a Chinese sentence.

The public names are loaded when they are first used, so that `import danqing` costs nothing.
"""

__version__ = "0.1.0"
