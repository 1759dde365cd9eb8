"""Reads multipart forms with text fields and pictures, which OpenAI's clients send to change pictures."""

import base64
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

from fastapi import Depends, Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

from danqing.server.errors import ApiError
from danqing.server.request_body import BodyDep

MAX_PARTS = 100
"""Largest number of fields and files of a form."""
MAX_TEXT_BYTES = 64 * 1024
"""Largest text field, in bytes."""


@dataclass(slots=True)
class Form:
    """A parsed form. The names of lists are without their brackets: `image[]` is image.

    Attributes:
        texts: values of the text fields by name, in their order.
        files: data of the files by name, in their order.
    """

    texts: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    files: dict[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])

    def values(self, *excluded: str) -> dict[str, object]:
        """Return the text fields as plain values, several of one name as a list."""
        return {
            name: texts[0] if len(texts) == 1 else texts for name, texts in self.texts.items() if name not in excluded
        }

    def pictures(self, name: str) -> list[str]:
        """Return the pictures of a name, in base64 if they are files, else as they were written."""
        return [base64.b64encode(data).decode() for data in self.files.get(name, [])] + self.texts.get(name, [])


def read_form(request: Request, body: BodyDep) -> Form:
    """Parse the body of a request.

    Raises:
        ApiError: 415 if it is not multipart/form-data, 400 if it is damaged, 413 if it has too many parts.
    """
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    if media_type != b"multipart/form-data" or not options.get(b"boundary"):
        zh, en = "请求体须为 multipart/form-data 表单。", "The body must be a multipart/form-data form."
        raise ApiError(415, "not_a_form", zh, en)
    form = Form()
    try:
        parser = FormParser(
            "multipart/form-data",
            partial(_add_text, form),
            partial(_add_file, form),
            boundary=options[b"boundary"],
            config={"MAX_MEMORY_FILE_SIZE": len(body) + 1},
        )
        parser.write(body)
        parser.finalize()
    except (FormParserError, UnicodeDecodeError) as error:
        zh, en = "表单不完整或格式有误，请重新发送。", "The form is damaged or incomplete. Send it again."
        raise ApiError(400, "not_a_form", zh, en) from error
    return form


FormDep = Annotated[Form, Depends(read_form)]


def _add_text(form: Form, part: Field) -> None:
    name, value = _name(form, part.field_name), part.value or b""
    if len(value) > MAX_TEXT_BYTES and name not in ("image", "mask"):  # those may be data URIs
        zh, en = "表单中的文字太长。", "A text of the form is too long."
        raise ApiError(413, "too_large", zh, en)
    form.texts.setdefault(name, []).append(value.decode("utf-8"))


def _add_file(form: Form, part: File) -> None:
    part.file_object.seek(0)
    form.files.setdefault(_name(form, part.field_name), []).append(part.file_object.read())
    part.close()


def _name(form: Form, name: bytes | None) -> str:
    """Return the name of the next part.

    Raises:
        ApiError: 413, the form has too many parts.
    """
    if sum(map(len, (*form.texts.values(), *form.files.values()))) >= MAX_PARTS:
        zh, en = f"表单的字段太多，最多 {MAX_PARTS} 个。", f"The form has too many fields; the limit is {MAX_PARTS}."
        raise ApiError(413, "too_large", zh, en)
    return (name or b"").decode("utf-8").removesuffix("[]")
