"""Codes, token families and refresh tokens; the token and userinfo endpoints."""
