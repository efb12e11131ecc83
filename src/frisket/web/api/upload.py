"""How ``POST /api/v1/jobs`` is told in the API's description: the raw door answers it, not the framework."""

from typing import Any

__all__ = ["UPLOAD"]

_FIELDS: dict[str, dict[str, Any]] = {
    "queue": {"type": "string", "description": "Name; empty: the default queue"},
    "title": {"type": "string", "maxLength": 255},
    "copies": {"type": "integer", "minimum": 1, "maximum": 999},
    "sides": {"enum": ["", "one-sided", "two-sided-long-edge", "two-sided-short-edge"]},
    "color_mode": {"enum": ["", "auto", "color", "monochrome"]},
    "media": {"type": "string"},
    "hold": {"type": "boolean", "description": "Keep it until somebody releases it, on any queue"},
}

UPLOAD: dict[str, Any] = {
    "post": {
        "operationId": "send_job",
        "tags": ["jobs"],
        "summary": "Send a job. Answered once it is sealed and on stable storage.",
        "description": (
            "Either the document itself as the body, with the fields as query parameters, or a multipart form: "
            "the fields first, then one or more files, each a document of the job. With a header "
            "Idempotency-Key a repeated plain upload finds its first job."
        ),
        "parameters": [
            {"name": name, "in": "query", "schema": schema, "required": False} for name, schema in _FIELDS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/pdf": {"schema": {"type": "string", "format": "binary"}},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["document"],
                        "properties": {
                            **_FIELDS,
                            "csrfmiddlewaretoken": {
                                "type": "string",
                                "description": "With the session of the pages only",
                            },
                            "document": {
                                "type": "array",
                                "items": {"type": "string", "format": "binary"},
                            },
                        },
                    }
                },
            },
        },
        "responses": {
            "201": {
                "description": "Taken",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["id", "number", "state", "octets"],
                            "properties": {
                                "id": {"type": "string", "format": "uuid"},
                                "number": {"type": "integer"},
                                "state": {"type": "string"},
                                "octets": {"type": "integer"},
                            },
                        }
                    }
                },
            },
            "default": {
                "description": "Not taken; nothing of it is kept",
                "content": {"application/problem+json": {"schema": {"type": "object"}}},
            },
        },
    }
}
