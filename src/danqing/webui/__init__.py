"""The studio: a web page that uses the routes of the service. It depends on `Request`, not on the server."""

from danqing.webui.app import PATH, TITLE, create_studio

__all__ = ["PATH", "TITLE", "create_studio"]
