"""Compatibility with PaddleHub: `import danqing.paddlehub as hub; hub.Module(name=...).generate_image(...)`."""

from danqing.paddlehub.module import Module

__all__ = ["Module"]
