"""Two file servers of others as programs.

`python -m tests.peers.file_servers ftp|dav FOLDER PORT USER PASSWORD CERTIFICATE KEY`; they run until they are ended.
"""

import sys

from cheroot.ssl.builtin import BuiltinSSLAdapter
from cheroot.wsgi import Server
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer
from wsgidav.wsgidav_app import WsgiDAVApp


def ftp(folder: str, port: int, user: str, password: str, certificate: str, key: str) -> None:
    people = DummyAuthorizer()
    people.add_user(user, password, folder, perm="elradfmwMT")
    handler = TLS_FTPHandler
    handler.authorizer = people
    handler.certfile, handler.keyfile = certificate, key
    handler.tls_control_required = handler.tls_data_required = True
    FTPServer(("127.0.0.1", port), handler).serve_forever()


def dav(folder: str, port: int, user: str, password: str, certificate: str, key: str) -> None:
    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": folder},
            "simple_dc": {"user_mapping": {"*": {user: {"password": password}}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
            "verbose": 1,
            "logging": {"enable": False},
        }
    )
    server = Server(("127.0.0.1", port), app)
    if certificate:
        server.ssl_adapter = BuiltinSSLAdapter(certificate, key)
    server.start()


if __name__ == "__main__":
    kind, folder, port, *rest = sys.argv[1:]
    {"ftp": ftp, "dav": dav}[kind](folder, int(port), *rest)
