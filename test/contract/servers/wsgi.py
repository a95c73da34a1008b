"""A WSGI server that shows its environment, and that routes as many frameworks do: decoded, normalised, in lower case."""
import json
import posixpath
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def application(environ, start_response):
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    route = posixpath.normpath(path.split("\0")[0].replace("\\", "/")).lower()
    length = int(environ.get("CONTENT_LENGTH") or 0)
    seen = {
        "server": "ADMIN" if (route + "/").startswith("/inner/admin/") else "USER",
        "path": path,
        "body": environ["wsgi.input"].read(length).decode("utf-8"),
        "environ": {name: value for name, value in environ.items() if name.startswith("HTTP_")},
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(seen).encode("utf-8")]


server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
print(server.server_port, flush=True)
server.serve_forever()
