"""A metagraph behind FastAPI and uvicorn, as a validator in Python would serve it, for `reads`.

    python fastapi_peer.py < REPLY

Reads the document that btd answers with, and answers GET / with the same, made of pydantic models at each request.
Says its port in one line.
"""

import json
import socket
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import create_model

DOCUMENT = json.load(sys.stdin)


def model(name, example):
    """A model with the members of `example`: of lists of objects and of objects, models again."""
    fields = {}
    for key, value in example.items():
        kind = Any
        if isinstance(value, dict) and value:
            kind = model(f"{name}_{key}", value)
        elif isinstance(value, list) and value and all(isinstance(item, dict) and item.keys() == value[0].keys() for item in value):
            # What one of them has as an object another may lack.
            kind = list[create_model(f"{name}_{key}", **{member: (Any, ...) for member in value[0]})]
        fields[key] = (kind, ...)
    return create_model(name, **fields)


Metagraph = model("Metagraph", DOCUMENT)
KEPT = Metagraph.model_validate(DOCUMENT)
application = FastAPI()


@application.get("/")
async def metagraph() -> Metagraph:
    return KEPT


if __name__ == "__main__":
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(application, access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listening])
