"""Portproof proves from firewall exports whether an application's ports get through."""

__version__ = "0.1.0"
__all__ = ["__version__"]
