"""What the documents say is true: the tour works when pasted, the tables tell every setting."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from pydantic_core import PydanticUndefined

from app.config import Settings
from tests.service import Service

ROOT: Final = Path(__file__).parents[1]
READMES: Final = ("README.md", "README.pt-BR.md")


def tour(name: str) -> str:
    """The commands of the tour, as somebody pastes them."""
    text = (ROOT / name).read_text(encoding="utf-8")
    section = text[text.index("API=http://") - 10 :]
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return "\n".join(block for block in blocks if "make " not in block)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour is made of curl commands, and there is no curl")
@pytest.mark.parametrize("name", READMES)
async def test_the_tour_works_when_pasted(name: str, service: Service) -> None:
    commands = (
        tour(name).replace("http://127.0.0.1:8000", service.url).replace("ti@lojaazul", f"{name.lower()}@lojaazul")
    )
    done = subprocess.run(  # noqa: ASYNC221 - the service runs in processes of its own
        ["bash", "-euo", "pipefail", "-c", commands], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '"state":"applied"' in done.stdout
    assert '"destination_city":"São José dos Campos"' in done.stdout
    assert '"code":"illegal_transition"' in done.stdout


@pytest.mark.parametrize("name", READMES)
def test_the_table_tells_every_setting_with_its_default(name: str) -> None:
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (\S+) \|", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    told = {variable: default.strip("`") for variable, default in rows}
    for field, info in Settings.model_fields.items():
        default = ",".join(map(str, info.default)) if isinstance(info.default, tuple) else str(info.default)
        required = info.default is PydanticUndefined
        assert told.pop(field.upper()) in (("required", "obrigatória") if required else (default or "—",))
    assert not told


def test_both_readmes_have_the_same_sections_and_commands() -> None:
    english, portuguese = [(ROOT / name).read_text(encoding="utf-8") for name in READMES]
    assert english.count("\n## ") == portuguese.count("\n## ")
    assert english.count("```") == portuguese.count("```")
    assert len(english.splitlines()) == len(portuguese.splitlines())


DOCUMENTS: Final = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(document.relative_to(ROOT)) for document in DOCUMENTS])
def test_every_link_inside_the_project_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target
