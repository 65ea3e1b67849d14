"""The page, which knows the notebook that is open: here a file that the environment names."""

import json
import os
from pathlib import Path


def blocking_request(request_type: str, request="", timeout_sec=5, parent=None):
    assert request_type == "get_ipynb"
    page = os.environ.get("COLAB_PAGE")
    return {"ipynb": json.loads(Path(page).read_text(encoding="utf-8"))} if page else None
