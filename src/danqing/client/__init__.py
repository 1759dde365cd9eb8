"""Client of a Danqing service: `Client(url, key)` has the library's `create` and `stream`, over HTTP.

```python skip: needs a running service
from danqing.client import Client

with Client("http://127.0.0.1:8866") as danqing:
    danqing.create("孤舟蓑笠翁，独钓寒江雪", artist="齐白石")[0].save("孤舟.png")
```
"""

from danqing.client.client import Client
from danqing.client.schemas import FailureView, JobView, PictureView

__all__ = ["Client", "FailureView", "JobView", "PictureView"]
