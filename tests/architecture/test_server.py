"""What keeps the service quick and safe, read off its source."""

import ast
import inspect
from pathlib import Path

from fastapi.routing import APIRoute

import danqing.client
import danqing.server
from danqing.server.routers import a1111, health, job_files, jobs, openai_edits, openai_images, paddlehub_predict

SERVER = Path(danqing.server.__file__).parent
CLIENT = Path(danqing.client.__file__).parent
ROUTERS = (health, jobs, job_files, openai_edits, openai_images, paddlehub_predict, a1111)
SLOW = {
    "open",
    "sleep",
    "read_bytes",
    "read_text",
    "write_bytes",
    "write_text",
    "submit",
    "run",
    "loads",
    "dumps",
    "stat",
}
"""Calls that hold up everybody else when an `async def` makes them without a thread."""


def calls_outside_threads(function: ast.AsyncFunctionDef) -> set[str]:
    """Names of what an async function calls itself, rather than awaits or hands to a thread."""
    awaited = {id(node.value) for node in ast.walk(function) if isinstance(node, ast.Await)}
    names: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and id(node) not in awaited:
            target = node.func
            names.add(target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", ""))
    return names


def test_nothing_slow_is_done_in_the_event_loop() -> None:
    slow = {
        f"{path.name}:{node.name}": found
        for path in SERVER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.AsyncFunctionDef) and (found := calls_outside_threads(node) & SLOW)
    }
    assert slow == {"jobs.py:_events": {"dumps"}}  # one small event


def test_routes_are_plain_functions_unless_they_wait() -> None:
    waiting = {
        route.path
        for router in ROUTERS
        for route in router.router.routes
        if isinstance(route, APIRoute) and inspect.iscoroutinefunction(route.endpoint)
    }
    probes = {"/livez", "/readyz", "/metrics"}  # they have threads of their own
    images = {f"/v1/images/{name}" for name in ("generations", "edits", "variations")}
    assert waiting == {*images, "/sdapi/v1/txt2img", "/sdapi/v1/img2img", *probes}


def test_no_pickle_is_read() -> None:
    for path in (*SERVER.rglob("*.py"), *CLIENT.glob("*.py")):
        text = path.read_text("utf-8")
        assert "pickle.load" not in text, path
        assert "from_base64" not in text, path
        assert "eval(" not in text, path


def test_only_the_start_picture_is_fetched() -> None:
    nets = [
        path.name
        for path in SERVER.rglob("*.py")
        if "http.client" in path.read_text("utf-8") or "httpx" in path.read_text("utf-8")
    ]
    assert nets == ["url_fetch.py"]
