"""The KubeRay job and the commands in docs/cluster.md say what Paretext understands."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import yaml

from dashboards.cli.command_line import build_parser
from studies.definition.study import resolve

DOCS = Path(__file__).parents[3] / "docs"


def job() -> dict[str, Any]:
    (found,) = yaml.safe_load_all((DOCS / "kuberay.yaml").read_text(encoding="utf-8"))
    return dict(found)


def test_the_job_has_what_kuberay_asks_for() -> None:
    assert (job()["apiVersion"], job()["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job()["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}, "without it, whoever reaches a port of Ray can run code"
    assert "0.0.0.0" not in str(cluster)
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    assert len(groups) > 1 and all("groupName" in group for group in groups[1:])
    for group in groups:
        assert all(isinstance(value, str) for value in group["rayStartParams"].values()), "KubeRay takes strings only"
        pod = group["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert container["image"] and container["resources"]["limits"]
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
            assert "/shared" in {mount["mountPath"] for mount in container["volumeMounts"]}


def test_its_command_and_those_of_the_text_are_ours() -> None:
    text = (DOCS / "cluster.md").read_text(encoding="utf-8")
    commands = [job()["spec"]["entrypoint"], *re.findall(r"^(?:\S+=\S+ )?(paretext search [^#\n]*)", text, re.MULTILINE)]
    assert len(commands) > 3
    for command in commands:
        build_parser().parse_args(shlex.split(command)[1:])
    (settings,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    search = resolve(tomllib.loads(settings), "docs/cluster.md").search
    assert (search.engine, search.gpus_per_trial) == ("ray", 0.125)
    assert set(yaml.safe_load(job()["spec"]["runtimeEnvYAML"])) == {"env_vars"}
