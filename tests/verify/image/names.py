"""A DNS server that knows one name, and prints what it is asked for: names.py <address to serve at> <name> <its address>"""

import socket
import struct
import sys

ADDRESS, KNOWN, NO_SUCH_NAME = 1, 0x8180, 0x8183


def question(query):
    """The name, its type, and where the question ends."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode().lower())
        at += 1 + length
    return ".".join(labels), struct.unpack_from(">H", query, at + 1)[0], at + 5


def answer(query, name, address):
    """The address for the name; nothing for its other types, and no such name for others."""
    asked, kind, end = question(query)
    print(asked, kind, flush=True)
    known = asked == name
    records = b""
    if known and kind == ADDRESS:
        # 0xc00c points to the name in the question.
        records = struct.pack(">HHHIH", 0xC00C, ADDRESS, 1, 60, 4) + socket.inet_aton(address)
    counts = struct.pack(">HHHHH", KNOWN if known else NO_SUCH_NAME, 1, 1 if records else 0, 0, 0)
    return query[:2] + counts + query[12:end] + records


def serve(at, name, address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((at, 53))
        print("serving", flush=True)
        while True:
            query, client = server.recvfrom(512)
            server.sendto(answer(query, name, address), client)


serve(*sys.argv[1:])
