"""A mail server for the tests: aiosmtpd, which knows nothing of this project, at three doors.

It puts what it takes into a Maildir, with the envelope in the headers X-MailFrom and X-RcptTo, and delivers nothing.
As any server does, it refuses some mailboxes: those that are called "refused" for good (550), "full" for now (452).

usage: server.py PORT SECURED_PORT SMTPS_PORT FOLDER PASSWORD

PORT takes anybody's mail. The other two want the user "ticketing" with the password, over TLS by the certificate
FOLDER/server.pem: SECURED_PORT by STARTTLS, SMTPS_PORT from the first byte.
"""

import asyncio
import ssl
import sys

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, AuthResult

BYTES_MAX = 1 << 20


class Door(Mailbox):
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        name = address.split("@")[0]
        if name == "refused":
            return "550 5.1.1 <%s>: there is no such mailbox" % address
        if name == "full":
            return "452 4.2.2 <%s>: the mailbox is full" % address
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"


def main():
    port, secured_port, smtps_port, folder, password = sys.argv[1:]
    handler = Door(folder + "/mails")
    certificate = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.load_cert_chain(folder + "/server.pem", folder + "/server.key")

    def is_known(server, session, envelope, mechanism, login):
        good = mechanism in ("PLAIN", "LOGIN") and login.login == b"ticketing" and login.password == password.encode()
        return AuthResult(success=good, handled=good)

    common = {"hostname": "localhost", "data_size_limit": BYTES_MAX, "enable_SMTPUTF8": True}
    known = {"authenticator": is_known, "auth_required": True}
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    doors = [
        (int(secured_port), None, {**known, "tls_context": certificate, "require_starttls": True}),
        (int(smtps_port), certificate, {**known, "auth_require_tls": False}),
        # Last: once it listens, all do.
        (int(port), None, {}),
    ]
    for at, tls, options in doors:
        serve = loop.create_server(
            lambda options=options: SMTP(handler, loop=loop, **common, **options), "127.0.0.1", at, ssl=tls
        )
        loop.run_until_complete(serve)
    loop.run_forever()


main()
