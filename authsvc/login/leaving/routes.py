"""Taking one's data along and deleting the account, over HTTP. Both take a fresh proof; deleting takes a typed word."""

import json

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from authsvc.login.account.places import Place
from authsvc.login.account.routes import AccountPages
from authsvc.login.leaving.service import WORD, Leaving
from authsvc.login.routes import Text
from authsvc.web import cookies
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of

FILE_NAME = "my-data.json"


def build_router(own_pages: AccountPages, leaving: Leaving, csrf: Csrf) -> APIRouter:
    """Return the routes of /account/download and /account/delete."""
    router = APIRouter(prefix="/account", dependencies=[Depends(csrf.require)], include_in_schema=False)

    def show_delete(request: Request, secret: str | None, *, error: str | None = None, status: int = 200) -> Response:
        leaving.fresh.check(secret)
        return own_pages.show(request, "delete", status=status, error=error, word=WORD)

    @router.get("/download")
    def download_page(request: Request) -> Response:
        def work(secret: str | None) -> Response:
            leaving.fresh.check(secret)
            return own_pages.show(request, "download")

        return own_pages.answer(request, Place.DOWNLOAD, work)

    @router.post("/download")
    def download(request: Request) -> Response:
        def work(secret: str | None) -> Response:
            data = leaving.download(secret, origin=origin_of(request))
            return Response(
                json.dumps(data, indent=2, ensure_ascii=False),
                media_type="application/json",
                headers={"content-disposition": f'attachment; filename="{FILE_NAME}"'},
            )

        return own_pages.answer(request, Place.DOWNLOAD, work)

    @router.get("/delete")
    def delete_page(request: Request) -> Response:
        return own_pages.answer(request, Place.DELETE, lambda secret: show_delete(request, secret))

    @router.post("/delete")
    def delete(request: Request, word: Text) -> Response:
        def work(secret: str | None) -> Response:
            leaving.delete(secret, word=word, origin=origin_of(request))
            response = own_pages.pages.render(request, "login/deleted.html", flow="", client_name="", error=None)
            cookies.drop(response, cookies.SESSION)
            cookies.drop(response, cookies.DEVICE)
            return response

        def retry(secret: str | None, error: str, status: int) -> Response:
            return show_delete(request, secret, error=error, status=status)

        return own_pages.answer(request, Place.DELETE, work, retry=retry)

    return router
