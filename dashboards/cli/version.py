"""The version of Paretext: of the installed package, or of the repository that it runs from."""

from __future__ import annotations

from pathlib import Path


def version() -> str:
    """The version, such as `0.1.0`; `unknown` if this is neither an installed package nor the repository."""
    from importlib import metadata

    project = Path(__file__).parents[2] / "pyproject.toml"
    if project.is_file():  # an installed package of another version may be on the path as well
        import tomllib

        described = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
        if described.get("name") == "paretext":
            return str(described["version"])
    try:
        return metadata.version("paretext")
    except metadata.PackageNotFoundError:
        return "unknown"
