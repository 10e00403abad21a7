#!/usr/bin/env python3
"""Makes the secrets of this deployment at its first start, and lays out for each container the files that it may read.

Only `seeds.json` is drawn by chance, once; root alone may read it. All other files follow from it and are written at every start, so an
interrupted start, a lost file or one that a newer release adds mends itself. Each folder belongs to the group that compose.yaml runs its
readers as. Losing the volume costs the passwords: keep a backup of it with the one of the database.
"""

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Final

Folders = dict[str, dict[str, str]]

SEEDS: Final = ("superuser", "owner", "application", "redis", "jwt", "webhooks")
GROUPS: Final = {"db": 999, "app": 10001, "migrate": 10002, "redis": 10003}


def make_secrets(root: Path) -> None:
    """Bring the folder to what this release needs; secrets that are there stay as they are."""
    seeds = _read_seeds(root / "seeds.json")
    for name, files in lay_out(seeds).items():
        folder = root / name
        folder.mkdir(exist_ok=True)
        os.chown(folder, -1, GROUPS[name])
        folder.chmod(0o750)
        for file, text in files.items():
            _write(folder / file, text, mode=0o440, group=GROUPS[name])


def lay_out(seeds: dict[str, str]) -> Folders:
    """The files of each folder, as their readers want them: PostgreSQL, the API and the worker, the migrator, Valkey."""
    roles = Path(__file__).with_name("roles.sql").read_text(encoding="utf-8")
    return {
        "db": {
            "superuser_password": seeds["superuser"],
            "owner_password": seeds["owner"],
            "application_password": seeds["application"],
            "roles.sql": roles,
        },
        "app": _settings(seeds, role="postagens_application", password=seeds["application"]),
        "migrate": _settings(seeds, role="postagens", password=seeds["owner"]),
        "redis": {"password": seeds["redis"], "valkey.conf": f"requirepass {seeds['redis']}\n"},
    }


def _settings(seeds: dict[str, str], *, role: str, password: str) -> dict[str, str]:
    return {
        "database_url": f"postgresql://{role}:{password}@db:5432/postagens",
        "redis_url": f"redis://:{seeds['redis']}@redis:6379/0",
        "jwt_secret": seeds["jwt"],
        "webhook_secret_keys": seeds["webhooks"],
    }


def _read_seeds(path: Path) -> dict[str, str]:
    """The seeds, with those that are missing drawn and kept."""
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if missing := [name for name in SEEDS if name not in known]:
        known |= {name: secrets.token_urlsafe(48) for name in missing}
        _write(path, json.dumps(known), mode=0o400, group=os.getgid())
        sys.stdout.write(f"made secrets: {', '.join(missing)}\n")
    return known


def _write(path: Path, text: str, *, mode: int, group: int) -> None:
    """Put the whole file there or none of it: a container, or a power cut, never meets half a secret."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o200), "w", encoding="utf-8") as file:
        os.fchown(file.fileno(), -1, group)
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


if __name__ == "__main__":
    make_secrets(Path(sys.argv[1]))
