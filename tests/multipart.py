"""Forms with a file as a browser sends them, in one piece of memory."""

from collections.abc import Mapping

_EDGE = "----bord-de-formulaire-fictif"
KIND = f"multipart/form-data; boundary={_EDGE}"


def encode(fields: Mapping[str, str], file: tuple[str, bytes] | None, field: str = "fichier") -> bytes:
    """Return the body of a form (its content type is KIND): its fields, then a file (name, content) if there is one."""
    parts = [
        f'--{_EDGE}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    if file is not None:
        name, content = file
        head = f'--{_EDGE}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        parts += [head.encode(), b"Content-Type: application/octet-stream\r\n\r\n", content, b"\r\n"]
    return b"".join([*parts, f"--{_EDGE}--\r\n".encode()])
