"""The families of official files, and how a file's content tells which one it is.

A family is a module with NAME, TITLE, `recognise(content) -> bool` and `convert(content, raw) -> Converted`, where
`raw` asks for the generator as trained beside the averaged one.
"""

import dataclasses
from typing import Any

from ganinv_jax.core.torchfile import Call
from ganinv_jax.models.registry import describe


@dataclasses.dataclass
class Converted:
    """What a file holds, ready for a model folder: by part ('generator', ...) its configuration and variables.

    dropped: what was left out, and why. made: what the file lacks, and how it was made.
    """

    family: str
    title: str
    configs: dict[str, Any]
    variables: dict[str, dict[str, Any]]
    dropped: dict[str, str] = dataclasses.field(default_factory=dict)
    made: dict[str, str] = dataclasses.field(default_factory=dict)

    def options(self) -> dict[str, dict[str, Any]]:
        """By part what a model folder's `config.json` says of it."""
        return {part: describe(part, config) for part, config in self.configs.items()}


def description(content: Any) -> str:
    """What an unsupported file seems to be, for a message."""
    if isinstance(content, dict):
        keys = ", ".join(str(key)[:80] for key in list(content)[:6])
        if isinstance(content.get("state_dict"), dict):
            names = ", ".join(str(name)[:80] for name in list(content["state_dict"])[:3])
            return f"a torch checkpoint whose state_dict holds {names or 'nothing'}"
        return f"a table with the keys {keys}" if keys else "an empty table"
    if isinstance(content, Call):
        return f"a single object ({content.function.path})"
    return f"a {type(content).__name__}"
