"""`/`: a small page that says what runs here and how to call it. No scripts, nothing from elsewhere."""

from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

import danqing
from danqing.server.dependencies import Service
from danqing.server.routers.health import Here

router = APIRouter(include_in_schema=False)

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_PAGE = """<!doctype html>
<html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>丹青 Danqing</title>
<style>
body {{ max-width: 46rem; margin: 3rem auto; padding: 0 1.2rem;
  font: 16px/1.7 system-ui, sans-serif; color: #222; background: #fbfaf6 }}
h1 {{ font-weight: 600 }} h1 small {{ font-size: 1rem; color: #a33 }}
h2 {{ font-size: 1.05rem; margin: 2rem 0 .4rem }}
pre {{ padding: .8rem 1rem; overflow-x: auto; background: #f1eee4; border-left: 3px solid #a33;
  font: 13px/1.6 ui-monospace, monospace }}
.en {{ color: #666 }} a {{ color: #1d5a7a }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #ddd; background: #1c1b19 }} pre {{ background: #26241f }}
  .en {{ color: #999 }} a {{ color: #8cc0dd }}
}}
</style>
<h1>丹青 Danqing <small>{version}</small></h1>
<p>一句中文，一幅画。这里的模型：{models}。{work}<br>
<span class="en">A Chinese sentence, a picture. Models here: {models}. {work_en}</span></p>
{links}
<h2>排一幅画 · Queue a picture</h2>
<pre>curl -s {base}/v1/jobs{key} -H 'Content-Type: application/json' \\
  -d '{{"prompts": "孤舟蓑笠翁，独钓寒江雪", "artist": "齐白石"}}'
curl -sN {base}/v1/jobs/ID/events{key}
curl -s {base}/v1/jobs/ID/pictures/0.png{key} -o 孤舟.png</pre>
<h2>OpenAI 的客户端 · OpenAI's client</h2>
<pre>from openai import OpenAI
client = OpenAI(base_url="{base}/v1", api_key="{api_key}")
client.images.generate(model="auto", prompt="远山如黛", extra_body={{"style": "水墨画"}})</pre>
<h2>PaddleHub 的客户端 · PaddleHub's client</h2>
<pre>curl -s {base}/predict/{module}{key} -H 'Content-type: application/json' \\
  -d '{{"text_prompts": "孤舟蓑笠翁，独钓寒江雪。"}}'</pre>
</html>
"""


@router.get("/")
def show_page(request: Request, service: Here) -> HTMLResponse:
    """The page."""
    return HTMLResponse(_fill(service, _base(request)), headers={"Content-Security-Policy": POLICY})


@router.get("/favicon.ico")
def show_icon() -> Response:
    """None; browsers ask for it by themselves."""
    return Response(status_code=204)


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _fill(service: Service, base: str) -> str:
    health = service.runtime.health()
    keyed = service.keyed
    links = {"/openapi.json": "OpenAPI", "/readyz": "readyz", "/metrics": "metrics"}
    studio = {f"{mount.path}/": mount.title for mount in service.mounts}
    return _PAGE.format(
        version=escape(danqing.__version__),
        models=escape("、".join(service.shelf.models)),
        module=escape(service.shelf.served_module),
        work=f"在画 {health.painting}，在等 {health.queued}。",
        work_en=f"{health.painting} being painted, {health.queued} waiting.",
        links="<p>"
        + " · ".join(f'<a href="{escape(to)}">{escape(name)}</a>' for to, name in (studio | links).items())
        + "</p>",
        base=escape(base),
        key=escape(" -H 'Authorization: Bearer KEY'") if keyed else "",
        api_key="KEY" if keyed else "none",
    )
