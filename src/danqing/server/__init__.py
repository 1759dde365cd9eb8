"""The HTTP service: jobs of our own, OpenAI's images, PaddleHub's predict, over one queue."""
