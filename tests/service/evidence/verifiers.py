"""The two verifiers of a bundle, run many times: verify.py from its file, verify.html in a page."""

import base64
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from playwright.sync_api import Page

from tests.service.evidence.bundles import PRODUCT, Files


def verifier() -> ModuleType:
    """verify.py as a module."""
    spec = importlib.util.spec_from_file_location("bundle_verifier", PRODUCT / "verify.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answers(module: ModuleType, folder: Path, key: str = "") -> list[Any]:
    """The four answers of verify.py."""
    found: list[Any] = module.examine(module.Bundle(str(folder), key))
    return found


def letters(found: list[Any]) -> str:
    """The first letters of the answers' states."""
    return "".join(answer.state[0] for answer in found)


_EXAMINE = """async ([changes, gone, key]) => {
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const all = new Map(window.whole);
  for (const path of gone) all.delete(path);
  for (const [path, text] of Object.entries(changes)) all.set(path, bytes(text));
  const files = Array.from(all, ([path, data]) => ({
    path, size: data.length, read: async (start, end) => data.slice(start, end) }));
  const {answers} = await liuhen.examine(files, key);
  return answers;
}"""
_KEEP = """files => {
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  window.whole = Object.entries(files).map(([path, text]) => [path, bytes(text)]);
}"""


def _base64(files: Files) -> dict[str, str]:
    return {path: base64.b64encode(data).decode() for path, data in files.items()}


class PageVerifier:
    """verify.html in a page; what most bundles have in common is handed over once."""

    def __init__(self, page: Page, whole: Files) -> None:
        self._page, self._whole = page, whole
        page.goto((PRODUCT / "verify.html").as_uri())
        page.evaluate(_KEEP, _base64(whole))

    def answers(self, files: Files, key: str = "") -> list[dict[str, Any]]:
        """The four answers: `state`, `problems`, `cautions`, `notes` of each."""
        changes = {path: data for path, data in files.items() if self._whole.get(path) != data}
        gone = sorted(set(self._whole) - set(files))
        found: list[dict[str, Any]] = self._page.evaluate(_EXAMINE, [_base64(changes), gone, key])
        return found

    def letters(self, files: Files, key: str = "") -> str:
        """The first letters of the answers' states."""
        return "".join(answer["state"][0] for answer in self.answers(files, key))
