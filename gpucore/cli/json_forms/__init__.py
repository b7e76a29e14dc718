"""The objects that `--json` prints, as JSON Schema: what a program that reads them may count on."""

from gpucore.cli.json_forms.forms import DOCUMENTS
from gpucore.cli.json_forms.notation import document_schema

__all__ = ["DOCUMENTS", "document_schema"]
