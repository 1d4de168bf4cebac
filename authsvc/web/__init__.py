"""The HTTP edge that all rooms share: cookies, csrf, origin, pages, problems, middleware. edge.py puts it together."""
