"""`paretext dashboard --mlflow`: shows the runs and registered models of this workspace with MLflow's own pages."""

from __future__ import annotations

import signal


def show_mlflow(name: str | None, port: int, in_browser: bool) -> int:
    """Prints the address of the page and serves it until interrupted; a tracking server that runs elsewhere serves it itself.

    Args:
        name: study whose runs are shown; None: the runs of all.
        port: TCP port; 0 is any free one.
        in_browser: open the page in the browser of this machine as well.

    Raises:
        UserError: there is no such study, MLflow has no run yet, or its server does not start.
    """
    import webbrowser
    from urllib.parse import urlsplit

    from dashboards.views.mlflow_pages import mlflow_server
    from studies.registry.mlflow_page import page_of
    from studies.storage.pareto_front import load_store
    from studies.workspace.paths import Workspace
    from trainers.base.redaction import redact

    workspace = Workspace.of_environment()
    if name is not None:
        load_store(workspace, name)  # raises, with the nearest name
    page = page_of(workspace, name)
    if workspace.tracking is not None and workspace.tracking.startswith(("http://", "https://")):
        print(f"{redact(workspace.tracking).rstrip('/')}/{page}", flush=True)
        if in_browser:
            parts = urlsplit(workspace.tracking)  # a password would be seen in the list of processes; the browser asks for it
            webbrowser.open(f"{parts._replace(netloc=parts.netloc.rpartition('@')[2]).geturl().rstrip('/')}/{page}")
        return 0
    with mlflow_server(workspace, port) as address:
        print(f"{address}{page} (Ctrl-C ends it)", flush=True)
        if in_browser:
            webbrowser.open(f"{address}{page}")
        while True:
            signal.pause()
