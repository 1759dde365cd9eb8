# The client in the README of PaddleHub's module disco_diffusion_cnclip_vitb16 1.0.0, as published; run by tests and benchmarks.
# ruff: noqa
# pyright: basic, reportMissingImports=false, reportMissingTypeStubs=false, reportOptionalMemberAccess=false
import requests
import json
import cv2
import base64
from docarray import DocumentArray

# 发送HTTP请求
data = {"text_prompts": "孤舟蓑笠翁，独钓寒江雪。风格如齐白石所作"}
headers = {"Content-type": "application/json"}
url = "http://127.0.0.1:8866/predict/disco_diffusion_cnclip_vitb16"
r = requests.post(url=url, headers=headers, data=json.dumps(data))

# 获取返回结果
da = DocumentArray.from_base64(r.json()["results"])
# 手动将最终生成的图像保存到指定路径
da[0].save_uri_to_file("disco_diffusion_cnclip_vitb16_out-result.png")
# 将生成过程保存为一个动态图gif
da[0].chunks.save_gif("disco_diffusion_cnclip_vitb16_out-result.gif")
