"""Prints the lowest versions that `pyproject.toml` declares, as pip installs them.

python tests/oldest.py > oldest.txt && pip install -r oldest.txt
"""

import pathlib
import re
import tomllib

EXTRAS = ("report", "test", "jax", "torch")


def lowest(project):
    """Returns `name==version` of the dependencies of a project and some extras."""
    extras = project["optional-dependencies"]
    wishes = project["dependencies"] + [x for name in EXTRAS for x in extras[name]]
    found = (re.match(r"([\w-]+)>=([\w.]+)", wish) for wish in dict.fromkeys(wishes))
    return [f"{match[1]}=={match[2]}" for match in found if match]


if __name__ == "__main__":
    path = pathlib.Path(__file__).parents[1] / "pyproject.toml"
    print("\n".join(lowest(tomllib.loads(path.read_text())["project"])))
