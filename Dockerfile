# One serving process; scale by running more of these beside PostgreSQL and Redis.
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/authsvc
COPY requirements.lock .
RUN /opt/authsvc/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY authsvc authsvc
COPY migrations migrations
RUN /opt/authsvc/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim-bookworm
RUN useradd --system --create-home authsvc
COPY --from=build /opt/authsvc /opt/authsvc
ENV PATH=/opt/authsvc/bin:$PATH PYTHONUNBUFFERED=1
USER authsvc
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=3)"]
CMD ["authsvc", "serve", "--host", "0.0.0.0", "--port", "8000"]
