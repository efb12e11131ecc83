"""One page of help: what to do first, and the keys."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frisket import device
from frisket.web.routes import Who, page

__all__ = ["help_page"]


@page("/help", needs=Who.PUBLIC)
def help_page(request: HttpRequest) -> HttpResponse:
    queue = device.default_queue()
    name = queue.name if queue is not None else "secure"
    return render(request, "web/help.html", {"address": f"ipps://{request.get_host()}/ipp/print/{name}"})
