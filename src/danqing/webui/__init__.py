"""The studio: a page in the browser over the routes of the service. It knows `Request`, and nothing of the server."""

from danqing.webui.app import PATH, TITLE, create_studio

__all__ = ["PATH", "TITLE", "create_studio"]
