"""An emulator of the AllMySMS HTTP API 9.0, built from the vendor's manual and sharing no code with the client.

`smsops.sandbox.app.Sandbox` is the emulator (an ASGI application over a SQLite file), `smsops.sandbox.serve.serve`
runs it as a server. Nothing is imported here, so that naming the package costs nothing.
"""
