"""What the service is made of: its bill of materials, and whether anything in it has a known hole.

As a command: `sbom` writes build/sbom.json (needs no network); `audit` asks the database of advisories.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.security.contract import VENV, Result
from tests.security.serving import ROOT

SBOM = ROOT / "build" / "sbom.json"
# What is installed where personal data are; the rest is for those who test.
PINNED = ("runtime", "traces")

_PIN = re.compile(
    r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==([^ ;\\]+)[^\\\n]*((?:\\\n +--hash=sha256:[0-9a-f]{64} ?)*)",
    re.MULTILINE,
)
_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_UNASKED = re.compile(
    r"could not be audited|ConnectionError|Failed to|Name or service|ServiceError", re.IGNORECASE
)


def pins(name: str) -> dict[str, tuple[str, list[str]]]:
    """Return version and hashes of all that a set pins."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return {found[1].lower(): (found[2], _HASH.findall(found[3])) for found in _PIN.finditer(text)}


def write_sbom() -> str:
    """Write the bill with the library that validates it; returns what is in it."""
    ended = _in_venv("-m", "tests.security.supplied", "bill")
    if ended.returncode:
        raise SystemExit(ended.stderr)
    return ended.stdout.strip()


def bill() -> None:
    from cyclonedx.model import HashAlgorithm, HashType  # noqa: PLC0415 - Installed where this runs.
    from cyclonedx.model.bom import Bom  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from cyclonedx.output.json import JsonV1Dot6  # noqa: PLC0415
    from packageurl import PackageURL  # noqa: PLC0415

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    whole = Component(name=project["name"], version=project["version"], type=ComponentType.APPLICATION)
    parts = {}
    for name, (version, hashes) in sorted({k: v for one in PINNED for k, v in pins(one).items()}.items()):
        found = [HashType(alg=HashAlgorithm.SHA_256, content=content) for content in hashes]
        link = PackageURL("pypi", name=name, version=version)
        parts[name] = Component(name=name, version=version, purl=link, bom_ref=str(link), hashes=found)
    document = Bom(components=parts.values())
    document.metadata.component = whole
    document.register_dependency(whole, parts.values())
    SBOM.write_text(JsonV1Dot6(document).output_as_string(indent=2) + "\n")
    sys.stdout.write(f"build/sbom.json: {len(parts)} components, each with version and hashes\n")


def audit() -> Result:
    """One pin is looked up first: where there is no database, the others are not asked for in vain."""
    name, (version, _) = next(iter(pins(PINNED[0]).items()))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as probe:
        probe.write(f"{name}=={version}\n")
        probe.flush()
        if _audit(probe.name).held is None:
            return Result("the database of advisories cannot be reached from here", held=None)
    return _audit(*(f"requirements/{part}.txt" for part in PINNED))


def _audit(*files: str) -> Result:
    named = [word for file in files for word in ("-r", file)]
    ended = _in_venv("-m", "pip_audit", "--progress-spinner=off", "--no-deps", "--disable-pip", *named)
    said = (ended.stdout + ended.stderr).strip()
    # A package that it could not look up counts for it as one without a hole.
    if _UNASKED.search(said):
        return Result("not all packages could be looked up", held=None)
    if ended.returncode:
        (ROOT / "build" / "audit.txt").write_text(said)
        return Result("something was found: build/audit.txt", held=False)
    packages = {name for part in PINNED for name in pins(part)}
    return Result(f"{len(packages)} packages, none with a known hole", held=True)


def _in_venv(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(VENV / "python"), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def main(what: str) -> None:
    if what == "bill":
        bill()
    elif what == "sbom":
        sys.stdout.write(write_sbom() + "\n")
    else:
        found = audit()
        sys.stdout.write(found.says + "\n")
        sys.exit(found.held is not True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).name)
