"""Text in Chinese and English, and the reasons of the operating system in both languages."""

import errno
import os
from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Text:
    """A message in both languages of the program."""

    zh: str
    en: str

    def in_language(self, language: Language) -> str:
        """Return the message in one language."""
        return self.en if language == "en" else self.zh


def error_reason(error: BaseException) -> Text:
    """Return why an operation of the system failed, without a full stop, to be used in a message.

    Args:
        error: an error of a file, a connection or SQLite, or an exception caused by one.
    """
    import socket  # only here, because importing them takes 20 ms
    import ssl

    for cause in _causes(error):
        if sqlite := getattr(cause, "sqlite_errorname", None):  # for example SQLITE_IOERR_WRITE
            return Text(_SQLITE_REASONS.get(sqlite.split("_")[1], str(cause)), str(cause))
        match cause:
            case ssl.SSLCertVerificationError():
                return Text("证书无效", "the certificate is invalid")
            case socket.gaierror():
                return Text("找不到主机", "the host name cannot be resolved")
            case TimeoutError():
                return Text("超时", "timed out")
            case OSError(errno=int(number)) if number in _OS_REASONS:
                return Text(_OS_REASONS[number], os.strerror(number))
            case _:
                continue
    text = str(getattr(error, "strerror", None) or error)
    return Text(text, text)


def _causes(error: BaseException) -> list[BaseException]:
    """Return the exception and those that caused it."""
    found: list[BaseException] = []
    pending: list[object] = [error]
    while pending and len(found) < 10:
        item = pending.pop(0)
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            pending += [getattr(item, "reason", None), item.__cause__, item.__context__]
    return found


_OS_REASONS = {
    errno.ENOENT: "没有这个文件或文件夹",
    errno.EACCES: "没有权限",
    errno.EPERM: "不允许这个操作",
    errno.EROFS: "文件系统只读",
    errno.ENOSPC: "磁盘已满",
    errno.EDQUOT: "超出磁盘配额",
    errno.EFBIG: "文件太大",
    errno.EIO: "磁盘读写错误",
    errno.EISDIR: "它是一个文件夹",
    errno.ENOTDIR: "路径中有一部分不是文件夹",
    errno.EEXIST: "已存在",
    errno.ENOTEMPTY: "文件夹不为空",
    errno.EXDEV: "不在同一个文件系统",
    errno.ENAMETOOLONG: "文件名太长",
    errno.ELOOP: "符号链接的层数太多",
    errno.EMFILE: "打开的文件太多",
    errno.ENFILE: "系统打开的文件太多",
    errno.ENOMEM: "内存不足",
    errno.EBUSY: "正被占用",
    errno.EAGAIN: "暂时不可用",
    errno.EINVAL: "参数无效",
    errno.EPIPE: "管道已断开",
    errno.EADDRINUSE: "地址已被占用",
    errno.EADDRNOTAVAIL: "这台机器没有这个地址",
    errno.ECONNREFUSED: "连接被拒绝",
    errno.ECONNRESET: "连接被对方关闭",
    errno.ECONNABORTED: "连接中断",
    errno.ENETUNREACH: "网络不可达",
    errno.EHOSTUNREACH: "主机不可达",
    errno.ENETDOWN: "网络未连接",
    errno.ENOSYS: "系统不支持这个操作",
    errno.EOPNOTSUPP: "系统不支持这个操作",
    errno.ENOLCK: "文件系统不支持锁",
    errno.ESTALE: "网络文件已失效",
}
_SQLITE_REASONS = {
    "BUSY": "正被其他程序占用",
    "LOCKED": "正被占用",
    "NOMEM": "内存不足",
    "READONLY": "只读",
    "IOERR": "磁盘读写错误",
    "CORRUPT": "文件已损坏",
    "NOTADB": "它不是数据库文件",
    "FULL": "磁盘已满",
    "CANTOPEN": "无法打开文件",
    "PERM": "没有权限",
    "AUTH": "没有权限",
}
