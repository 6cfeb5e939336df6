"""Names the formats that people hand in by mistake."""

_STARTS = {
    b"\x1f\x8b": "gzip-compressed; unpack it first (gunzip)",
    b"\x89PNG": "a PNG picture, not a weight file",
    b"\xff\xd8\xff": "a JPEG picture, not a weight file",
    b"BZh": "bzip2-compressed; unpack it first",
    b"\xfd7zXZ": "xz-compressed; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
    b"\x89HDF": "an HDF5 file, which is not supported",
    b"version https://git-lfs": "a git-lfs pointer and not the weights; fetch them with `git lfs pull`",
    b"{": "JSON text, not a weight file",
}


def other_format(data: memoryview) -> str | None:
    """One sentence where `data` is recognised as no pickle and no torch file, else None."""
    if len(data) == 0:
        return "The file is empty; fetch it again."
    start = bytes(data[:512])
    text = start.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "The file is an HTML page, probably an error page of its site; fetch it again."
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= len(data):
        return "The file is a safetensors file; give the model folder that it lies in, or the official weight file."
    if start[257:262] == b"ustar":
        return "The file is a tar archive (torch before 0.1.10 wrote such files); save it again with a newer torch."
    for magic, what in _STARTS.items():
        if start.startswith(magic):
            return f"The file is {what}."
    return None
