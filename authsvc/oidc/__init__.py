"""Who is asking: the OpenID Connect provider. Authlib is the engine; authlib_server.py binds it."""
